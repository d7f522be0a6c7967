// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const lineOfAnArchive = `{"entry_id":1,"committed_at":"2026-11-22T10:00:00.123456789Z","namespace":"acme","measurement":"deploy",` +
	`"fields":{"by":"Ada","ok":true,"seconds":12.5,"tries":{"integer":"3"},"bytes":{"unsigned":"5"}},"tags":{"host":"a1"}}`

// FuzzArchiveLine_Read asks another decoder of whatever is taken for a line of an archive.
func FuzzArchiveLine_Read(f *testing.F) {
	for _, text := range []string{
		lineOfAnArchive, "", "{}", "null", lineOfAnArchive + " 1", lineOfAnArchive[:40], `{"entry_id":1.5}`,
		`{"entry_id":1,"committed_at":"2026-11-22T10:00:00Z","namespace":"","measurement":"m","fields":{"a":1e999},"tags":{}}`,
		`{"entry_id":1,"committed_at":"2026-11-22T10:00:00Z","namespace":"","measurement":"m","fields":{"a":{"integer":"9223372036854775808"}},"tags":{}}`,
		`{"entry_id":1,"committed_at":"2026-11-22T10:00:00Z","namespace":"","measurement":"m","fields":{"a":1},"tags":{"t":1}}`,
		`{"entry_id":1,"committed_at":"2026-11-22T10:00:00Z","namespace":"","measurement":"m","fields":null,"tags":null,"bucket":"b"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		committedAt, err := readArchiveLine(text)
		if err != nil {
			return
		}
		var line struct {
			EntryID                *int64    `json:"entry_id"`
			CommittedAt            time.Time `json:"committed_at"`
			Namespace, Measurement *string
			Bucket                 *string
			Fields                 map[string]any
			Tags                   map[string]string
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		require.NoError(t, decoder.Decode(&line))
		assert.False(t, decoder.More())
		assert.True(t, committedAt.Equal(line.CommittedAt))
		assert.False(t, line.EntryID == nil || line.Namespace == nil || line.Measurement == nil || line.Fields == nil || line.Tags == nil)
	})
}

// FuzzArchiveLine_Write checks of points that the journal takes, and of rows that the
// original library has left, that a reader of archives takes their lines, whole.
func FuzzArchiveLine_Write(f *testing.F) {
	f.Add("deploy", "by", "Ada\u2028<\\\"", 12.5, int64(-3), uint64(5), "a1", `{"a":1}`, `{"b":"c"}`)
	f.Add("größe", "a b", "\x01\x7f", math.Copysign(0, -1), int64(math.MinInt64), uint64(math.MaxUint64), "", `{"a":1e999,"a":null,"b":[{}]}`, `[1]`)
	f.Add("m", "f", "", math.MaxFloat64, int64(0), uint64(0), "\xff", "\xff", `"`)
	f.Fuzz(func(t *testing.T, measurement, name, text string, float float64, integer int64, unsigned uint64, tag, rawFields, rawTags string) {
		fields := map[string]any{name: text, "float": float, "integer": integer, "unsigned": unsigned, "on": true}
		at := time.Unix(0, integer&(1<<62-1)).UTC()
		if command, err := NewJournalCommand("acme", measurement, fields, map[string]string{"tag": tag}); err == nil {
			row := archiveRow{journalRow: journalRow{JournalCommand: command, entryID: 7, committedAt: at.UnixNano()}}
			line := requireLine(t, &row)
			assert.Equal(t, measurement, *line.Measurement)
			assert.Equal(t, fields, readFields(string(line.Fields)))
			assert.Equal(t, readTags(command.tags), readTags(string(line.Tags)))
		}
		original := journalRow{JournalCommand: JournalCommand{measurement: measurement, fields: rawFields, tags: rawTags}, entryID: 7, committedAt: at.UnixNano()}
		requireLine(t, &archiveRow{journalRow: original, bucket: &text})
	})
}

// requireLine says that a row is one line which a reader of archives takes.
func requireLine(t *testing.T, row *archiveRow) (line archiveLine) {
	t.Helper()
	written, err := row.line()
	require.NoError(t, err)
	text, found := bytes.CutSuffix(written, []byte("\n"))
	require.True(t, found)
	require.NotContains(t, string(text), "\n")
	committedAt, err := readArchiveLine(text)
	require.NoError(t, err, "%s", text)
	assert.Equal(t, row.committedAt, committedAt.UnixNano())
	require.NoError(t, json.Unmarshal(text, &line))
	return line
}
