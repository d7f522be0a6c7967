// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestNumber_WholeNumber_Good(t *testing.T) {
	for number, digits := range map[string]string{
		"3": "3", "3.0": "3", "3e0": "3", "3E+0": "3", "0.3e1": "3", "30e-1": "3", "100.000": "100", "1e2": "100", "-3.0": "-3", "-0": "0", "0.0": "0", "0e99": "0",
		"007": "7", "18446744073709551615.0": "18446744073709551615", "1e19": "10000000000000000000", "0.000e-999999999999": "0",
	} {
		got, ok := subjects.WholeNumber(number)
		assert.True(t, ok, number)
		assert.Equal(t, digits, got, number)
	}
}

func TestNumber_WholeNumber_Bad(t *testing.T) {
	for _, number := range []string{"", "-", "3.5", "1e-1", "1e20", "1e999999999999", "1" + strings.Repeat("0", 20), "abc", "+3", "3 ", "0x3", "1_000", ".5", "5.", "NaN", "1e"} {
		_, ok := subjects.WholeNumber(number)
		assert.False(t, ok, number)
	}
}

// heldNumbers are numbers that the field of a point stores exactly.
var heldNumbers = []string{
	"0", "-0.0", "0e999999", "1", "-1.5", "0.1", "0.10000000000000001", "3.14159265358979323846264338327950288", "9007199254740992", "9007199254740994", "9007199254740992.0",
	"1152921504606846976", "1152921504606847000", "36064014027525450", "1e22", "1e23", "9.9999999999999992e22", "6.02214076e23", "1.7976931348623157e308", "-1.7976931348623157e308",
	"5e-324", "1e-320", "2.2250738585072014e-308", "100000000000000000000000", "9223372036854775808", "4503599627370497.5", "9007199254740991.5e-1", "0.12345678901234567890123",
}

// lostNumbers are numbers that a field would store as other numbers.
var lostNumbers = []string{
	"12345678901234567.5", "9007199254740993.5", "-9007199254740993.5", "90071992547409935e-1", "9007199254740993", "-9007199254740993", "9007199254740993.0", "9.007199254740993e15", "9007199254740993000e-3", "123456789012345678", "9223372036854775807", "18446744073709551615",
	"18446744073709551617", "1e-400", "-1e-400", "1e-324", "2.4e-324", "1.234567890123e-320", "1e309", "-1e400", "1e999999999999", "1" + strings.Repeat("0", 400) + "1",
	"1" + strings.Repeat("0", 100_000) + "1e-100000",
}

func TestNumber_JournalFields_Good(t *testing.T) {
	for _, number := range heldNumbers {
		values, err := subjects.JournalFields{"f": []byte(number)}.Values()
		require.NoError(t, err, number)
		var expected float64
		require.NoError(t, json.Unmarshal([]byte(number), &expected))
		assert.Equal(t, map[string]any{"f": expected}, values, number)
	}
}

func TestNumber_JournalFields_Bad(t *testing.T) {
	for _, number := range lostNumbers {
		_, err := subjects.JournalFields{"f": []byte(number)}.Values()
		requireBadField(t, err, "fields/f")
		assert.Regexp(t, `\{"(integer|unsigned)":"-?[0-9]+"\}`, err.Error(), number)
		assert.Less(t, len(err.Error()), 500)
	}
	for number, write := range map[string]string{
		"9007199254740993":       `write {"integer":"9007199254740993"}`,
		"-9.007199254740993e15":  `write {"integer":"-9007199254740993"}`,
		"18446744073709551615.0": `write {"unsigned":"18446744073709551615"}`,
		`{"integer":"3.0"}`:      `write {"integer":"3"}`,
		`{"integer":3}`:          `write {"integer":"3"}`,
		`{"unsigned":"3e0"}`:     `write {"unsigned":"3"}`,
		`{"unsigned":3.0}`:       `write {"unsigned":"3"}`,
	} {
		_, err := subjects.JournalFields{"f": []byte(number)}.Values()
		requireBadField(t, err, "fields/f")
		assert.ErrorContains(t, err, write)
	}
	for _, value := range []string{`{"integer":"3.5"}`, `{"integer":"1e20"}`, `{"unsigned":"-3.0"}`, `{"unsigned":-3}`, `{"integer":null}`, `{"integer":"1","unsigned":"1"}`, `{}`, `{"other":"1"}`, `[]`} {
		_, err := subjects.JournalFields{"f": []byte(value)}.Values()
		requireBadField(t, err, "fields/f")
		assert.NotContains(t, err.Error(), ": write", value)
	}
}

// If a whole number is written as a fraction, the error says how to write it.
func TestNumber_Decode_Bad(t *testing.T) {
	for body, test := range map[string]struct {
		into  any
		field string
		write string
	}{
		`{"if_revision":3.0}`:                {new(subjects.SetRequest), "if_revision", "write 3"},
		`{"if_revision":3e0}`:                {new(subjects.DeleteRequest), "if_revision", "write 3"},
		`{"if_revision":-0}`:                 {new(subjects.TouchRequest), "if_revision", "write 0"},
		`{"limit":100.0}`:                    {new(subjects.ListRequest), "limit", "write 100"},
		`{"after":1e3}`:                      {new(subjects.ChangesRequest), "after", "write 1000"},
		`{"by":-5.0}`:                        {new(subjects.IncrementRequest), "by", "write -5"},
		`{"max_keys":1E+3}`:                  {new(subjects.QuotaRequest), "max_keys", "write 1000"},
		`{"entry_ids":[1,2.0]}`:              {new(subjects.JournalRequeueRequest), "entry_ids/1", "write 2"},
		`{"then":[{"if_revision":0.3e1}]}`:   {new(subjects.TransactionRequest), "then/0/if_revision", "write 3"},
		`{"if":[{"key":"k","revision":3.}]}`: {new(subjects.TransactionRequest), "if/0/revision", ""},
		`{"if":[{"revision":3.00}]}`:         {new(subjects.TransactionRequest), "if/0/revision", "write 3"},
		`{"if_revision":3.5}`:                {new(subjects.SetRequest), "if_revision", ""},
		`{"if_revision":-3.0}`:               {new(subjects.SetRequest), "if_revision", ""},
		`{"if_revision":1e20}`:               {new(subjects.SetRequest), "if_revision", ""},
		`{"by":1e19}`:                        {new(subjects.IncrementRequest), "by", ""},
		`{"by":"3.0"}`:                       {new(subjects.IncrementRequest), "by", ""},
		`{"key":3.0}`:                        {new(subjects.GetRequest), "key", ""},
	} {
		err := subjects.Decode([]byte(body), test.into)
		requireBadField(t, err, test.field)
		if test.write == "" {
			assert.NotContains(t, err.Error(), ": write", body)
			continue
		}
		assert.True(t, strings.HasSuffix(err.Error(), ": "+test.write), "%s: %v", body, err)
	}
}

// In a string digits are seconds, and no other number is.
func TestNumber_ParseTTL_Bad(t *testing.T) {
	for text, write := range map[string]string{"60.0": ": write 60", "6e1": ": write 60", "0.0": "", "1.5": "", "-60.0": "", "1e19": "", "soon": ""} {
		_, err := subjects.ParseTTL(text)
		requireBadField(t, err, "ttl")
		assert.True(t, strings.HasSuffix(err.Error(), fmt.Sprintf("not %q", text)+write), err.Error())
		err = subjects.Decode([]byte(`{"ttl":"`+text+`"}`), new(subjects.SetRequest))
		assert.True(t, strings.HasSuffix(err.Error(), fmt.Sprintf("not %q", text)+write), err.Error())
	}
	_, err := subjects.ParseWait("3.0")
	assert.ErrorContains(t, err, `not "3.0": write 3`)
	err = subjects.Decode([]byte(`{"wait":"3.0"}`), new(subjects.ChangesRequest))
	assert.ErrorContains(t, err, `not "3.0": write 3`)
}

// FuzzNumber_JournalFields checks that every float comes back as it was, and that no
// whole number becomes another.
func FuzzNumber_JournalFields(f *testing.F) {
	for _, number := range append(heldNumbers, lostNumbers...) {
		if len(number) < 100 {
			f.Add(number, 0.1)
		}
	}
	for _, float := range []float64{math.MaxFloat64, math.SmallestNonzeroFloat64, 0x1p-1022, 0x1p-44, 0x1p60, 1e21, 1e22, 1e23, 5e-324, 9007199254740993} {
		f.Add("1", float)
		f.Add("1", math.Nextafter(float, 0))
	}
	f.Fuzz(func(t *testing.T, number string, float float64) {
		if fields, err := subjects.NewJournalFields(map[string]any{"f": float}); err == nil {
			values, err := fields.Values()
			require.NoError(t, err, "%s", fields["f"])
			require.Equal(t, map[string]any{"f": float}, values)
		}
		if !jsonNumber.MatchString(number) {
			return
		}
		values, err := subjects.JournalFields{"f": []byte(number)}.Values()
		exact, ok := new(big.Rat).SetString(number)
		require.True(t, ok)
		if err != nil {
			requireBadField(t, err, "fields/f")
			nearest, precisely := exact.Float64()
			require.False(t, precisely && !math.IsInf(nearest, 0), "%s is refused", number)
			return
		}
		held, ok := values["f"].(float64)
		require.True(t, ok)
		require.Equal(t, exact.Sign() == 0, held == 0, number)
		if digits, whole := subjects.WholeNumber(number); whole && held < 1e15 {
			require.Equal(t, digits, fmt.Sprintf("%.0f", held))
		}
	})
}
