// SPDX-License-Identifier: EUPL-1.2

package archivefile

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const lineOfAnArchive = `{"entry_id":1,"committed_at":"2026-11-22T10:00:00.123456789Z","namespace":"acme","measurement":"deploy",` +
	`"fields":{"by":"Ada","ok":true,"seconds":12.5,"tries":{"integer":"3"},"bytes":{"unsigned":"5"}},"tags":{"host":"a1"}}`

// FuzzArchiveLine_Read reads every accepted line of an archive with another decoder.
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
		committedAt, err := ReadLine(text)
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
