// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/workspace"
)

// fillParts gives each part of a batch something to save, named by a text.
func fillParts(filled *batch.Batch, name string) {
	filled.AddAnswer(&batch.Answer{RequestName: batch.RequestName{Namespace: "acme", ID: name}})
	fillRuns(filled, name)
	journal := journalIn.In(filled)
	journal.rows = append(journal.rows, journalRow{entryID: 1, JournalCommand: JournalCommand{measurement: name}})
	journal.step(&requeuing{namespace: name, count: 1})
	filled.SetQuota(name, Quota{MaxKeys: 1})
	watermarksIn.In(filled).set(name, &changelog.Position{CommitID: 1})
}

// fillRuns marks a run, and removes the mark of another, as the section of a record tells it.
func fillRuns(filled *batch.Batch, name string) {
	var sections changelog.Sections
	sections.Add(batch.PlaceOfRuns, func(section []byte) []byte {
		return changelog.AppendText(changelog.AppendText(binary.AppendUvarint(section, 1), name), "without file "+name)
	})
	_ = changelog.ReadSections(sections.Blob(), func(_ uint64, section *changelog.Reader) error {
		new(workspace.Runs).Read(filled, section)
		return nil
	})
}

// A nested batch brings all of its parts along when it is merged, whatever the batch
// below has of them, and leaves none otherwise.
func TestTables_Merge_Good(t *testing.T) {
	for name, filled := range map[string]bool{"IntoParts": true, "IntoNone": false} {
		t.Run(name, func(t *testing.T) {
			below := batch.New(nil, nil, time.Now())
			if filled {
				fillParts(below, "below")
			}
			forgotten := below.Nested()
			fillParts(forgotten, "forgotten")
			merged := below.Nested()
			fillParts(merged, "merged")
			below.Merge(merged)
			expected := batch.New(nil, nil, time.Now())
			if filled {
				fillParts(expected, "below")
			}
			fillParts(expected, "merged")
			assert.Equal(t, expected.Sections(), below.Sections())
		})
	}
}

// Every table has a place, in which the part of a batch is found.
func TestTables_All_Good(t *testing.T) {
	filled := batch.New(nil, nil, time.Now())
	assert.True(t, filled.IsEmpty())
	fillParts(filled, "a")
	tables, read, found := newTables(&sqlite.Session{Err: errHeld}, &engine{}), batch.New(nil, nil, time.Now()), 0
	require.NoError(t, changelog.ReadSections(filled.Sections(), func(place uint64, section *changelog.Reader) error {
		require.NotNil(t, tables[place], "place %d", place)
		tables[place].Read(read, section)
		found++
		return nil
	}))
	assert.Equal(t, len(tables), found)
	assert.Equal(t, filled.Sections(), read.Sections())
}

// A part that was only looked at is not there.
func TestTables_Of_Good(t *testing.T) {
	batch := batch.New(nil, nil, time.Now())
	assert.True(t, journalIn.Of(batch).Empty())
	assert.True(t, batch.IsEmpty())
}
