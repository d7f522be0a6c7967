// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	encodingjson "encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

const hundredYears = 100 * 365 * 24 * time.Hour

// ttlValues are JSON values and the duration that each is.
var ttlValues = map[string]time.Duration{
	`90`:                        90 * time.Second,
	`1.5`:                       1500 * time.Millisecond,
	`1.5e1`:                     15 * time.Second,
	`15E-1`:                     1500 * time.Millisecond,
	`1e+2`:                      100 * time.Second,
	`0.001`:                     time.Millisecond,
	`1e-3`:                      time.Millisecond,
	`0.0010`:                    time.Millisecond,
	`0.00100000000000000000001`: 2 * time.Millisecond,
	`0.0011`:                    2 * time.Millisecond,
	`1.0000000000000000000001`:  1001 * time.Millisecond,
	`3153600000`:                hundredYears,
	`3153600000.000`:            hundredYears,
	`31536e5`:                   hundredYears,
	`3153599999.9999`:           hundredYears,
	`0.3`:                       300 * time.Millisecond,
	`4.35`:                      4350 * time.Millisecond,
	`"90"`:                      90 * time.Second,
	`"007"`:                     7 * time.Second,
	`"90s"`:                     90 * time.Second,
	`"1500ms"`:                  1500 * time.Millisecond,
	`"1h30m"`:                   90 * time.Minute,
	`"1.5h"`:                    90 * time.Minute,
	`"+1m"`:                     time.Minute,
	`"1ms1ns"`:                  2 * time.Millisecond,
	`"876000h"`:                 hundredYears,
	`"\u0039\u0030"`:            90 * time.Second,
}

// badTTLValues are JSON values that are no time to live.
var badTTLValues = []string{
	`0`, `-0`, `0.0`, `0e5`, `-1`, `-0.5`, `0.0009999999999999999999`, `1e-4`, `1e-400`, `1e400`, `1e99999999999999999999`, `1e-99999999999999999999`,
	`3153600000.0000000001`, `3153600001`, `9223372036854775807`, `9223372036854775808`, `9e18`, `1e1000000000`, `999999999999999`, `9999999999999999`,
	`"0"`, `"0s"`, `"-5m"`, `"-0s"`, `"1ns"`, `"999us"`, `"5M"`, `"9e99h"`, `""`, `" "`, `"90 s"`, `" 90"`, `"90\n"`, `"1.5"`, `"1e3"`, `"-1"`, `"+1"`,
	`"Never"`, `"KEEP"`, `"never "`, `"forever"`, `"null"`, `"NaN"`, `"Inf"`, `"0x5A"`, `"٣"`, `"876001h"`, `"876000h1ms"`, `"2562048h"`, `"1_000"`,
	`true`, `false`, `[]`, `[90]`, `{}`, `{"seconds":90}`,
}

type ttlRequest struct {
	TTL *subjects.TTL `json:"ttl,omitzero"`
}

func decodeTTL(t *testing.T, value string) (*subjects.TTL, error) {
	t.Helper()
	var request ttlRequest
	err := subjects.Decode([]byte(`{"ttl":`+value+`}`), &request)
	return request.TTL, err
}

func TestTTL_UnmarshalJSON_Good(t *testing.T) {
	t.Run("DurationsAreRoundedUp", func(t *testing.T) {
		for value, want := range ttlValues {
			ttl, err := decodeTTL(t, value)
			require.NoError(t, err, value)
			assert.Equal(t, subjects.After(want), *ttl, value)
			assert.Equal(t, want, ttl.Duration(), value)
		}
	})
	t.Run("Words", func(t *testing.T) {
		never, err := decodeTTL(t, `"never"`)
		require.NoError(t, err)
		assert.Equal(t, subjects.NeverExpires, *never)
		keep, err := decodeTTL(t, `"keep"`)
		require.NoError(t, err)
		assert.Equal(t, subjects.KeepExpiry, *keep)
	})
	t.Run("NullIsAsIfLeftOut", func(t *testing.T) {
		ttl, err := decodeTTL(t, `null`)
		require.NoError(t, err)
		assert.Nil(t, ttl)
		var plain struct {
			TTL subjects.TTL `json:"ttl"`
		}
		require.NoError(t, subjects.Decode([]byte(`{"ttl":null}`), &plain))
		assert.True(t, plain.TTL.Never())
	})
}

func TestTTL_UnmarshalJSON_Bad(t *testing.T) {
	for _, value := range badTTLValues {
		_, err := decodeTTL(t, value)
		requireBadField(t, err, "ttl")
	}
}

func TestTTL_UnmarshalJSON_Ugly(t *testing.T) {
	t.Run("MessageSaysWhatWasGiven", func(t *testing.T) {
		for value, want := range map[string]string{
			`0`: "not 0", `"5M"`: `not "5M"`, `true`: "not true or false", `[1]`: "not a list", `{}`: "not an object",
			strings.Repeat("9", 200): "not a number",
		} {
			_, err := decodeTTL(t, value)
			assert.ErrorContains(t, err, want)
		}
	})
	t.Run("NestedFieldIsNamedByItsPath", func(t *testing.T) {
		var request struct {
			Then []ttlRequest `json:"then"`
		}
		requireBadField(t, subjects.Decode([]byte(`{"then":[{},{"ttl":0}]}`), &request), "then/1/ttl")
	})
	t.Run("LongNumberIsQuick", func(t *testing.T) {
		ttl, err := decodeTTL(t, "0.001"+strings.Repeat("0", 1<<20)+"1")
		require.NoError(t, err)
		assert.Equal(t, 2*time.Millisecond, ttl.Duration())
	})
	t.Run("WhatIsNoJSONIsRefusedToo", func(t *testing.T) {
		for _, data := range []string{"", "1e", "1e+", "1.", ".5", "1.5.5", "1e1e1", "--1", "1x"} {
			requireBadField(t, new(subjects.TTL).UnmarshalJSON([]byte(data)), "ttl")
		}
	})
	t.Run("RefusedValueChangesNothing", func(t *testing.T) {
		ttl := subjects.KeepExpiry
		require.Error(t, ttl.UnmarshalJSON([]byte(`0`)))
		assert.Equal(t, subjects.KeepExpiry, ttl)
	})
}

func TestTTL_ParseTTL_Good(t *testing.T) {
	for text, want := range map[string]subjects.TTL{
		"90":     subjects.After(90 * time.Second),
		"90s":    subjects.After(90 * time.Second),
		"1500ms": subjects.After(1500 * time.Millisecond),
		"never":  subjects.NeverExpires,
		"keep":   subjects.KeepExpiry,
	} {
		ttl, err := subjects.ParseTTL(text)
		require.NoError(t, err)
		assert.Equal(t, want, ttl)
	}
}

func TestTTL_ParseTTL_Bad(t *testing.T) {
	for _, value := range badTTLValues {
		if text, err := strconv.Unquote(value); err == nil {
			_, err := subjects.ParseTTL(text)
			requireBadField(t, err, "ttl")
		}
	}
}

func TestTTL_After_Good(t *testing.T) {
	ttl := subjects.After(1500*time.Microsecond + 1)
	assert.Equal(t, 2*time.Millisecond, ttl.Duration())
	assert.False(t, ttl.Never())
	assert.False(t, ttl.Keep())
	require.NoError(t, ttl.Check())
	assert.Equal(t, subjects.MaxTTL, subjects.After(subjects.MaxTTL).Duration())

	assert.True(t, subjects.TTL{}.Never(), "the zero value")
	assert.True(t, subjects.NeverExpires.Never())
	assert.True(t, subjects.KeepExpiry.Keep())
	assert.Zero(t, subjects.KeepExpiry.Duration())
	assert.NoError(t, subjects.KeepExpiry.Check())
}

func TestTTL_After_Bad(t *testing.T) {
	for _, duration := range []time.Duration{0, -1, 1, time.Millisecond - 1, subjects.MaxTTL + 1, 1<<63 - 1, -1 << 63} {
		ttl := subjects.After(duration)
		assert.False(t, ttl.Never())
		requireBadField(t, ttl.Check(), "ttl")
		_, err := ttl.MarshalJSON()
		requireBadField(t, err, "ttl")
	}
}

func TestTTL_MarshalJSON_Good(t *testing.T) {
	for want, ttl := range map[string]subjects.TTL{
		`90`:         subjects.After(90 * time.Second),
		`0.001`:      subjects.After(time.Millisecond),
		`1.5`:        subjects.After(1500 * time.Millisecond),
		`10.05`:      subjects.After(10050 * time.Millisecond),
		`3153600000`: subjects.After(hundredYears),
		`"never"`:    subjects.NeverExpires,
		`"keep"`:     subjects.KeepExpiry,
	} {
		data, err := json.Marshal(ttl)
		require.NoError(t, err)
		assert.Equal(t, want, string(data))
		plain, err := encodingjson.Marshal(ttl)
		require.NoError(t, err)
		assert.Equal(t, want, string(plain))
	}
}

var jsonNumber = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`)

// expectedTTL is a second opinion on a JSON number of seconds, in rational numbers.
func expectedTTL(number string) (time.Duration, bool) {
	seconds, ok := new(big.Rat).SetString(number)
	if !ok || seconds.Cmp(big.NewRat(1, 1000)) < 0 || seconds.Cmp(new(big.Rat).SetInt64(int64(hundredYears/time.Second))) > 0 {
		return 0, false
	}
	milliseconds := seconds.Mul(seconds, big.NewRat(1000, 1))
	quotient, rest := new(big.Int).QuoRem(milliseconds.Num(), milliseconds.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		quotient.Add(quotient, big.NewInt(1))
	}
	return time.Duration(quotient.Int64()) * time.Millisecond, true
}

func FuzzTTL_UnmarshalJSON(f *testing.F) {
	for value := range ttlValues {
		f.Add(value)
	}
	for _, value := range badTTLValues {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		var ttl subjects.TTL
		err := json.Unmarshal([]byte(value), &ttl)
		if jsonNumber.MatchString(value) {
			want, ok := expectedTTL(value)
			assert.Equal(t, ok, err == nil)
			assert.Equal(t, want, ttl.Duration())
		}
		if err != nil {
			return
		}
		require.NoError(t, ttl.Check())
		parsed, err := subjects.ParseTTL(ttl.String())
		require.NoError(t, err)
		assert.Equal(t, ttl, parsed)
		data, err := json.Marshal(ttl)
		require.NoError(t, err)
		var again subjects.TTL
		require.NoError(t, json.Unmarshal(data, &again))
		assert.Equal(t, ttl, again)
	})
}

var digitsAlone = regexp.MustCompile(`^[0-9]+$`)

// FuzzTTL_ParseTTL checks the text of a header or a command line against rational
// numbers and Go's own durations.
func FuzzTTL_ParseTTL(f *testing.F) {
	for value := range ttlValues {
		f.Add(strings.Trim(value, `"`))
	}
	for _, value := range badTTLValues {
		f.Add(strings.Trim(value, `"`))
	}
	for _, text := range []string{"never", "keep", "1h1m1s1ms1us1ns", "0.001s", "-0", "1e3s", "60.0", "876000h0.000000001s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ttl, err := subjects.ParseTTL(text)
		if err != nil {
			requireBadField(t, err, "ttl")
		}
		var inJSON subjects.SetRequest
		quoted, quoteErr := json.Marshal(text)
		if quoteErr == nil {
			decodeErr := subjects.Decode(fmt.Appendf(nil, `{"ttl":%s}`, quoted), &inJSON)
			require.Equal(t, err == nil, decodeErr == nil, "%q in a header and in a body", text)
		}
		if digitsAlone.MatchString(text) {
			want, ok := expectedTTL(text)
			require.Equal(t, ok, err == nil)
			require.Equal(t, want, ttl.Duration())
		} else if duration, durationErr := time.ParseDuration(text); durationErr == nil {
			want := subjects.After(duration)
			require.Equal(t, want.Check() == nil && !strings.HasPrefix(text, "-"), err == nil, text)
			if err == nil {
				require.Equal(t, want, ttl)
			}
		} else {
			require.Equal(t, text == "never" || text == "keep", err == nil, text)
		}
		if err == nil {
			require.Equal(t, ttl, *inJSON.TTL)
			again, err := subjects.ParseTTL(ttl.String())
			require.NoError(t, err)
			require.Equal(t, ttl, again)
		}
	})
}

func ExampleParseTTL() {
	for _, text := range []string{"90", "1500us", "never", "keep"} {
		ttl, err := subjects.ParseTTL(text)
		fmt.Println(ttl, ttl.Duration(), err)
	}
	// Output:
	// 1m30s 1m30s <nil>
	// 2ms 2ms <nil>
	// never 0s <nil>
	// keep 0s <nil>
}
