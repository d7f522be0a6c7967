// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestRequestHeaders_ReadRequestHeaders_Good(t *testing.T) {
	whole := subjects.RequestHeaders{
		MessageID: subjects.HeaderValue{Text: "a", Given: true}, TTL: subjects.HeaderValue{Text: "1h", Given: true},
		IfRevision: subjects.HeaderValue{Text: "0", Given: true}, TraceParent: subjects.HeaderValue{Text: "", Given: true},
	}
	for outcome, header := range map[string]map[string][]string{
		"AsTheyAreWritten": {"Nats-Msg-Id": {"a"}, "Nats-TTL": {"1h"}, "Storebus-If-Revision": {"0"}, "traceparent": {""}},
		"InLowerCase":      {"nats-msg-id": {"a"}, "nats-ttl": {"1h"}, "storebus-if-revision": {"0"}, "traceparent": {""}},
		"InUpperCase":      {"NATS-MSG-ID": {"a"}, "NATS-TTL": {"1h"}, "STOREBUS-IF-REVISION": {"0"}, "TRACEPARENT": {""}},
		"AsHTTPWritesThem": http.Header{"Nats-Msg-Id": {"a"}, "Nats-Ttl": {"1h"}, "Storebus-If-Revision": {"0"}, "Traceparent": {""}},
		"AmongOthers": {"Nats-Msg-Id": {"a"}, "Nats-TTL": {"1h"}, "Storebus-If-Revision": {"0"}, "traceparent": {""},
			"Content-Type": {"a", "b"}, "content-type": {"c"}, "X-Nats-TTL": {"2h"}, "Nats-TT": {"3h"}, "Storebus": {"x"}, "": {"y"}, "nats_ttl": {"z"}},
	} {
		t.Run(outcome, func(t *testing.T) {
			headers, err := subjects.ReadRequestHeaders(header)
			require.NoError(t, err)
			assert.Equal(t, whole, headers)
		})
	}
	for outcome, header := range map[string]map[string][]string{"None": nil, "Empty": {}, "WithoutAValue": {"Nats-TTL": {}}} {
		t.Run(outcome, func(t *testing.T) {
			headers, err := subjects.ReadRequestHeaders(header)
			require.NoError(t, err)
			assert.Zero(t, headers)
		})
	}
}

func TestRequestHeaders_ReadRequestHeaders_Bad(t *testing.T) {
	for outcome, test := range map[string]struct {
		header map[string][]string
		field  string
	}{
		"Repeated":            {map[string][]string{"Nats-TTL": {"1h", "1h"}}, "Nats-TTL"},
		"TwoSpellings":        {map[string][]string{"Nats-TTL": {"1h"}, "nats-ttl": {"1h"}}, "Nats-TTL"},
		"TwoIDs":              {map[string][]string{"nats-msg-id": {"a"}, "NATS-MSG-ID": {"a"}}, "Nats-Msg-Id"},
		"TwoGuards":           {map[string][]string{"storebus-if-revision": {"0", "1"}}, "Storebus-If-Revision"},
		"TwoTraces":           {map[string][]string{"Traceparent": {"00"}, "traceparent": {"00"}}, "traceparent"},
		"ASlip":               {map[string][]string{"Storebus-If-Revison": {"0"}}, "Storebus-If-Revison"},
		"ASlipInLowerCase":    {map[string][]string{"storebus-ttl": {"0"}}, "storebus-ttl"},
		"AHeaderOfReplies":    {map[string][]string{"Storebus-Revision": {"3"}}, "Storebus-Revision"},
		"ThePrefixAlone":      {map[string][]string{"STOREBUS-": {"3"}}, "STOREBUS-"},
		"SpacesAroundAName":   {map[string][]string{"Nats-TTL ": {"1h"}}, "Nats-TTL"},
		"ATabBeforeAName":     {map[string][]string{"\tnats-msg-id": {"1h"}}, "Nats-Msg-Id"},
		"InUnicodeOnly":       {map[string][]string{"Natſ-TTL": {"1h"}}, "Natſ-TTL"},
		"AControlInAName":     {map[string][]string{"Nats\x00-TTL": {"1h"}}, "Nats\x00-TTL"},
		"ALineBreakInAValue":  {map[string][]string{"X": {"a\rNats-TTL: 1h"}}, "X"},
		"TheFirstOfTwo":       {map[string][]string{"Storebus-Y": {"1"}, "Nats-TTL": {"1h", "1h"}, "Storebus-X": {"1"}, "traceparent": {"", ""}}, "Nats-TTL"},
		"TheFirstOfTwoNames":  {map[string][]string{"Storebus-Y": {"1"}, "Storebus-X": {"1"}}, "Storebus-X"},
		"TheFirstOfTwoCauses": {map[string][]string{"\tNats-TTL": {"1h"}, "Nats-TTL": {"1h", "1h"}}, "Nats-TTL"},
	} {
		t.Run(outcome, func(t *testing.T) {
			headers, err := subjects.ReadRequestHeaders(test.header)
			requireBadField(t, err, test.field)
			assert.Zero(t, headers)
			for range 20 { // the order of a map is another each time
				_, again := subjects.ReadRequestHeaders(test.header)
				assert.EqualError(t, again, err.Error())
			}
		})
	}
	t.Run("ALongName", func(t *testing.T) {
		_, err := subjects.ReadRequestHeaders(map[string][]string{"Storebus-" + strings.Repeat("ü", 1<<16): {"1"}})
		failure, ok := err.(*subjects.Error) //nolint:errorlint // the type is promised
		require.True(t, ok)
		assert.Less(t, len(failure.Field), 200)
		assert.Less(t, len(failure.Message), 600)
	})
}

// FuzzRequestHeaders_ReadRequestHeaders checks that no header of the contract is ignored,
// whatever its spelling, and that a header of other software is never refused.
func FuzzRequestHeaders_ReadRequestHeaders(f *testing.F) {
	for _, name := range []string{"Nats-TTL", "nats-ttl", "Nats-Ttl", "Natſ-TTL", "Storebus-If-Revision", "storebus-if-revison", "STOREBUS-", "Nats-Msg-Id", "TraceParent", "Nats-TTL ", "\tx", ""} {
		f.Add(name, "1h", "Content-Type", "text/plain")
		f.Add(name, "1h", "nats-TTL", "2h")
		f.Add(name, "\xff", "Storebus-Revision", "3")
	}
	f.Fuzz(func(t *testing.T, oneName, oneText, otherName, otherText string) {
		message := map[string][]string{oneName: {oneText}}
		message[otherName] = append(message[otherName], otherText)
		headers, err := subjects.ReadRequestHeaders(message)
		expected, ok := expectedHeaders(message)
		require.Equal(t, ok, err == nil, "%q: %v", message, err)
		if err != nil {
			failure, ok := err.(*subjects.Error) //nolint:errorlint // the type is promised
			require.True(t, ok)
			require.NotEmpty(t, failure.Field)
			require.NotEmpty(t, subjects.AppendError(nil, failure))
			return
		}
		assert.Equal(t, expected, headers)
	})
}

// expectedHeaders is an independent reading. It reports false if the headers must be
// refused.
func expectedHeaders(message map[string][]string) (headers subjects.RequestHeaders, ok bool) {
	places := map[string]*subjects.HeaderValue{
		"nats-msg-id": &headers.MessageID, "nats-ttl": &headers.TTL, "storebus-if-revision": &headers.IfRevision, "traceparent": &headers.TraceParent,
	}
	for name, values := range message {
		isPrintable := !strings.ContainsFunc(name, func(char rune) bool { return char != '\t' && (char < ' ' || char > '~') })
		if !isPrintable || strings.ContainsAny(strings.Join(values, ""), "\r\n") {
			return headers, false
		}
		lower := lowerASCII(strings.TrimSpace(name))
		place := places[lower]
		if place == nil {
			if strings.HasPrefix(lower, "storebus-") {
				return headers, false
			}
			continue
		}
		if place.Given || len(values) > 1 || strings.TrimSpace(name) != name {
			return headers, false
		}
		*place = subjects.HeaderValue{Text: values[0], Given: true}
	}
	return headers, true
}

func lowerASCII(text string) string {
	lower := []byte(text)
	for index, char := range lower {
		if 'A' <= char && char <= 'Z' {
			lower[index] = char + 'a' - 'A'
		}
	}
	return string(lower)
}

func BenchmarkRequestHeaders_ReadRequestHeaders(b *testing.B) {
	for name, message := range map[string]map[string][]string{
		"None":  nil,
		"Two":   {"Nats-Msg-Id": {"order-4711"}, "Storebus-If-Revision": {"3"}},
		"Other": {"Content-Type": {"text/plain"}},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := subjects.ReadRequestHeaders(message); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleReadRequestHeaders() {
	headers, err := subjects.ReadRequestHeaders(http.Header{"Nats-Ttl": {"1h"}})
	fmt.Println(headers.TTL.Text, headers.IfRevision.Given, err)
	_, err = subjects.ReadRequestHeaders(http.Header{"Storebus-If-Revison": {"0"}})
	fmt.Println(err)
	// Output:
	// 1h false <nil>
	// a request has no header "Storebus-If-Revison": its headers are Nats-TTL, Storebus-If-Revision, Nats-Msg-Id and traceparent
}
