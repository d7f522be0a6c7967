// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestLineprotocol_Encode_Good(t *testing.T) {
	encoded := encode([]Entry{{
		Namespace: "acme", Measurement: "de ploy,x", Tags: map[string]string{"z=": "a b", "a,": "=", "empty": ""},
		Fields: map[string]any{
			"f": 1.5, "whole": 3.0, "i": int64(math.MinInt64), "u": uint64(math.MaxUint64), "b": true, "s": `say "hi" \ ☂`,
		},
		Time: time.Unix(1700000000, 42),
	}, {Measurement: "m", Fields: map[string]any{"v": false}, Time: time.Unix(0, 1)}})
	assert.Equal(t, `de\ ploy\,x,a\,=\=,namespace=acme,z\==a\ b b=true,f=1.5,i=-9223372036854775808i,s="say \"hi\" \\ ☂",u=18446744073709551615u,whole=3 1700000000000000042`+
		"\nm v=false 1\n", string(encoded.lines))
	assert.Equal(t, "m v=false 1\n", string(encoded.between(1, 2)))
}

func TestLineprotocol_Encode_Bad(t *testing.T) {
	field := map[string]any{"v": 1.0}
	encoded := encode([]Entry{
		{Measurement: "m", Fields: field}, {Measurement: "", Fields: field}, {Measurement: "#m", Fields: field}, {Measurement: "m\nx", Fields: field},
		{Measurement: "m"}, {Measurement: "m", Fields: map[string]any{"v": "a\nx v=1"}}, {Measurement: "m", Fields: map[string]any{"v": math.NaN()}},
		{Measurement: "m", Fields: map[string]any{"v": []int{1}}}, {Measurement: "m", Fields: map[string]any{"": 1.0}},
		{Measurement: "m", Fields: field, Tags: map[string]string{"t": `x\`}},
	})
	for index := range encoded.points {
		assert.Equal(t, index > 0, encoded.points[index].problem != nil, index)
	}
	assert.Equal(t, 1, strings.Count(string(encoded.lines), "\n"), "never a second line")
}

// TestLineprotocol_Encode_Ugly has an independent decoder read what any text becomes.
func TestLineprotocol_Encode_Ugly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune{' ', ',', '=', '\\', '"', '#', '\t', '\n'}), rapid.Rune()))
		entry := Entry{Measurement: text.Draw(t, "measurement"), Time: time.Unix(0, rapid.Int64Min(1).Draw(t, "time")),
			Tags: map[string]string{text.Draw(t, "tag"): text.Draw(t, "value")}, Fields: map[string]any{text.Draw(t, "field"): text.Draw(t, "text")}}
		encoded := encode([]Entry{entry})
		if encoded.points[0].problem != nil {
			return
		}
		decoder := lineprotocol.NewDecoderWithBytes(encoded.lines)
		require.True(t, decoder.Next())
		measurement, err := decoder.Measurement()
		require.NoError(t, err)
		assert.Equal(t, entry.Measurement, string(measurement))
		for {
			key, value, err := decoder.NextTag()
			require.NoError(t, err)
			if key == nil {
				break
			}
			assert.Equal(t, entry.Tags[string(key)], string(value))
		}
		key, value, err := decoder.NextField()
		require.NoError(t, err)
		assert.Equal(t, entry.Fields[string(key)], value.Interface())
		at, err := decoder.Time(lineprotocol.Nanosecond, time.Time{})
		require.NoError(t, err)
		assert.True(t, entry.Time.Equal(at))
		assert.False(t, decoder.Next(), "never a second line")
	})
}

func TestVerdict_RetryAfterOf_Good(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "99999": maxRetryAfter, "-1": 0, "soon": 0, now.Add(time.Minute).Format(http.TimeFormat): time.Minute,
		now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		assert.Equal(t, want, retryAfterOf(header, now), header)
	}
}

func TestVerdict_MessageOf_Good(t *testing.T) {
	for body, want := range map[string]string{
		`{"code":"invalid","message":"bad"}`: "bad", `{"error":"worse"}`: "worse", "plain\ntext\x00": "plain text", "": "", "<html>": "<html>", "\xff": "?",
	} {
		assert.Equal(t, want, messageOf([]byte(body)))
	}
}
