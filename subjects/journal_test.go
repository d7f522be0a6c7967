// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestJournal_NewJournalFields_Good(t *testing.T) {
	fields, err := subjects.NewJournalFields(map[string]any{
		"f": 12.5, "small": float32(0.5), "i": int64(math.MinInt64), "short": int8(-5), "u": uint64(math.MaxUint64), "b": true, "s": "Ada <☂>",
	})
	require.NoError(t, err)
	text, err := json.Marshal(map[string]any{"f": fields["f"], "i": fields["i"], "u": fields["u"], "s": fields["s"]})
	require.NoError(t, err)
	assert.JSONEq(t, `{"f":12.5,"i":{"integer":"-9223372036854775808"},"u":{"unsigned":"18446744073709551615"},"s":"Ada <☂>"}`, string(text))
	values, err := fields.Values()
	require.NoError(t, err)
	assert.Equal(t, map[string]any{
		"f": 12.5, "small": 0.5, "i": int64(math.MinInt64), "short": int64(-5), "u": uint64(math.MaxUint64), "b": true, "s": "Ada <☂>",
	}, values)
}

func TestJournal_NewJournalFields_Bad(t *testing.T) {
	for name, value := range map[string]any{
		"NaN": math.NaN(), "Infinity": math.Inf(1), "Nothing": nil, "List": []int{1}, "NoText": "\xff", "Time": time.Now(),
	} {
		_, err := subjects.NewJournalFields(map[string]any{name: value})
		requireBadField(t, err, "fields/"+name)
	}
}

func TestJournal_DecodeTimeCursor_Good(t *testing.T) {
	for _, at := range []time.Time{time.Unix(0, 0), time.Unix(1_700_000_000, 1), time.Unix(0, math.MaxInt64)} {
		decoded, err := subjects.DecodeTimeCursor(subjects.EncodeTimeCursor(at))
		require.NoError(t, err)
		assert.Equal(t, at.UTC(), decoded)
	}
}

func TestJournal_DecodeTimeCursor_Bad(t *testing.T) {
	for _, cursor := range []string{"", "t.", "t.-1", "t.01", "t.+1", "t.1.0", "t.9223372036854775808", "k.1", "1"} {
		_, err := subjects.DecodeTimeCursor(cursor)
		requireBadField(t, err, "after")
	}
}
