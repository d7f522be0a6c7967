// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/archivefile"
)

// FuzzArchiveLine_Write checks of points that the journal takes, and of rows that the
// original library has left, that a reader of archives takes their lines, whole.
func FuzzArchiveLine_Write(f *testing.F) {
	f.Add("deploy", "by", "Ada\u2028<\\\"", 12.5, int64(-3), uint64(5), "a1", `{"a":1}`, `{"b":"c"}`)
	f.Add("größe", "a b", "\x01\x7f", math.Copysign(0, -1), int64(math.MinInt64), uint64(math.MaxUint64), "", `{"a":1e999,"a":null,"b":[{}]}`, `[1]`)
	f.Add("m", "f", "", math.MaxFloat64, int64(0), uint64(0), "\xff", "\xff", `"`)
	f.Fuzz(func(t *testing.T, measurement, name, text string, float float64, integer int64, unsigned uint64, tag, rawFields, rawTags string) {
		fields := map[string]any{name: text, "float": float, "integer": integer, "unsigned": unsigned, "on": true}
		at := time.Unix(0, integer&(1<<62-1)).UTC()
		if command, err := NewCommand("acme", measurement, fields, map[string]string{"tag": tag}); err == nil {
			row := ArchiveRow{Row: Row{point: command.point, entryID: 7, committedAt: at.UnixNano()}}
			line := requireLine(t, &row)
			assert.Equal(t, measurement, *line.Measurement)
			assert.Equal(t, fields, readFields(string(line.Fields)))
			assert.Equal(t, readTags(command.tags), readTags(string(line.Tags)))
		}
		original := Row{point: point{measurement: measurement, fields: rawFields, tags: rawTags}, entryID: 7, committedAt: at.UnixNano()}
		requireLine(t, &ArchiveRow{Row: original, bucket: &text})
	})
}

// requireLine says that a row is one line which a reader of archives takes.
func requireLine(t *testing.T, row *ArchiveRow) (line archivefile.Line) {
	t.Helper()
	written, err := row.Line()
	require.NoError(t, err)
	text, found := bytes.CutSuffix(written, []byte("\n"))
	require.True(t, found)
	require.NotContains(t, string(text), "\n")
	committedAt, err := archivefile.ReadLine(text)
	require.NoError(t, err, "%s", text)
	assert.Equal(t, row.committedAt, committedAt.UnixNano())
	require.NoError(t, json.Unmarshal(text, &line))
	return line
}
