// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"maps"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestLineprotocol_Encode_Good(t *testing.T) {
	encoded := encode([]Entry{{
		Namespace: "acme", Measurement: "de ploy,x", Tags: map[string]string{"z=": "a b", "a,": "=", "empty": ""},
		Fields: map[string]any{
			"f": 1.5, "whole": 3.0, "i": int64(math.MinInt64), "u": uint64(math.MaxUint64), "b": true, "s": `say "hi" \ ☂` + "\t\x7f",
		},
		Time: time.Unix(1700000000, 42),
	}, {Measurement: "m", Fields: map[string]any{"v": false}, Time: time.Unix(0, 1)}})
	assert.Equal(t, `de\ ploy\,x,a\,=\=,namespace=acme,z\==a\ b b=true,f=1.5,i=-9223372036854775808i,s="say \"hi\" \\ ☂`+"\t\x7f"+`",u=18446744073709551615u,whole=3 1700000000000000042`+
		"\nm v=false 1\n", string(encoded.lines))
	assert.Equal(t, "m v=false 1\n", string(encoded.between(1, 2)))
}

func TestLineprotocol_Encode_Bad(t *testing.T) {
	field := map[string]any{"v": 1.0}
	at := time.Unix(0, 1)
	encoded := encode([]Entry{
		{Measurement: "m", Fields: field, Time: at},
		{Measurement: "", Fields: field, Time: at}, {Measurement: "#m", Fields: field, Time: at}, {Measurement: "m\nx", Fields: field, Time: at},
		{Measurement: "m\rx", Fields: field, Time: at}, {Measurement: "m\tx", Fields: field, Time: at}, {Measurement: "m\xff", Fields: field, Time: at},
		{Measurement: "m", Time: at}, {Measurement: "m", Fields: field}, {Measurement: "m", Fields: field, Time: time.Date(1677, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Measurement: "m", Fields: field, Time: time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC)},
		{Measurement: "m", Fields: map[string]any{"v": "a\nx v=1"}, Time: at}, {Measurement: "m", Fields: map[string]any{"v": "a\xff"}, Time: at},
		{Measurement: "m", Fields: map[string]any{"v": math.NaN()}, Time: at}, {Measurement: "m", Fields: map[string]any{"v": math.Inf(-1)}, Time: at},
		{Measurement: "m", Fields: map[string]any{"v": []int{1}}, Time: at}, {Measurement: "m", Fields: map[string]any{"": 1.0}, Time: at},
		{Measurement: "m", Fields: field, Tags: map[string]string{"t": `x\`}, Time: at}, {Measurement: "m", Fields: field, Tags: map[string]string{"t\n": "x"}, Time: at},
		{Measurement: "m", Fields: field, Time: at},
	})
	for index := range encoded.points {
		assert.Equal(t, index > 0 && index < len(encoded.points)-1, encoded.points[index].problem != nil, index)
	}
	assert.Equal(t, "m v=1 1\nm v=1 1\n", string(encoded.lines), "never a second line, nor a part of one")
}

// TestLineprotocol_Encode_Ugly reads the line of any entry with an independent decoder.
func TestLineprotocol_Encode_Ugly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune{' ', ',', '=', '\\', '"', '#', '\t', '\r', '\n', '☂'}), rapid.Rune()))
		field := rapid.OneOf(rapid.Map(text, func(text string) any { return text }), rapid.Map(rapid.Float64(), func(number float64) any { return number }),
			rapid.Map(rapid.Int64(), func(number int64) any { return number }), rapid.Map(rapid.Uint64(), func(number uint64) any { return number }),
			rapid.Map(rapid.Bool(), func(yes bool) any { return yes }))
		entry := Entry{Measurement: text.Draw(t, "measurement"), Time: time.Unix(0, rapid.Int64().Draw(t, "time")),
			Tags: rapid.MapOfN(text, text, 0, 3).Draw(t, "tags"), Fields: rapid.MapOfN(text, field, 0, 3).Draw(t, "fields")}
		encoded := encode([]Entry{entry})
		if encoded.points[0].problem != nil {
			return
		}
		decoded := decode(t, encoded.lines)
		maps.DeleteFunc(entry.Tags, func(_, value string) bool { return value == "" })
		assert.Equal(t, entry.Tags, decoded.Tags)
		assert.Equal(t, entry.Fields, decoded.Fields)
		assert.Equal(t, entry.Measurement, decoded.Measurement)
		assert.True(t, entry.Time.Equal(decoded.Time))
	})
}

// decode reads a single line with the decoder of InfluxData.
func decode(t require.TestingT, lines []byte) Entry {
	decoder := lineprotocol.NewDecoderWithBytes(lines)
	require.True(t, decoder.Next())
	measurement, err := decoder.Measurement()
	require.NoError(t, err)
	entry := Entry{Measurement: string(measurement), Tags: map[string]string{}, Fields: map[string]any{}}
	for {
		key, value, err := decoder.NextTag()
		require.NoError(t, err)
		if key == nil {
			break
		}
		entry.Tags[string(key)] = string(value)
	}
	for {
		key, value, err := decoder.NextField()
		require.NoError(t, err)
		if key == nil {
			break
		}
		entry.Fields[string(key)] = value.Interface()
	}
	entry.Time, err = decoder.Time(lineprotocol.Nanosecond, time.Time{})
	require.NoError(t, err)
	require.False(t, decoder.Next(), "never a second line")
	return entry
}

func TestVerdict_RetryAfterOf_Good(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "99999": maxRetryAfter, "99999999999999999999999": maxRetryAfter, "-1": 0, "soon": 0, now.Add(time.Minute).Format(http.TimeFormat): time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		assert.Equal(t, want, retryAfterOf(header, now), header)
	}
}

func TestVerdict_Shorten_Good(t *testing.T) {
	assert.Equal(t, "short", shorten("short"))
	cut := shorten(strings.Repeat("☂", maxMessageBytes))
	assert.True(t, utf8.ValidString(cut))
	assert.LessOrEqual(t, len(cut), maxMessageBytes+len(" …"))
}

func TestVerdict_MessageOf_Good(t *testing.T) {
	for body, want := range map[string]string{
		`{"code":"invalid","message":"bad"}`: "bad", `{"error":"worse"}`: "worse", "plain\ntext\x00": "plain text", "": "", "<html>": "<html>", "\xff": "?",
	} {
		assert.Equal(t, want, messageOf([]byte(body)))
	}
}
