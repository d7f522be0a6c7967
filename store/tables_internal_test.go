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
	"dappco.re/go/storebus/store/internal/journal"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/watermarks"
	"dappco.re/go/storebus/store/internal/workspace"
)

// noTables are tables without a database.
func noTables() *batch.Tables {
	return newTables(&sqlite.Session{Err: errHeld}, Quota{}, nil, workspace.New(workspace.Config{}))
}

// fillParts gives each part of a batch something to save, named by a text.
func fillParts(t *testing.T, filled *batch.Batch, name string) {
	t.Helper()
	filled.AddAnswer(&batch.Answer{RequestName: batch.RequestName{Namespace: "acme", ID: name}})
	fillRuns(filled, name)
	point, err := journal.NewCommand("", name, map[string]any{"field": 1}, nil)
	require.NoError(t, err)
	for _, command := range []Command{point, (&journal.Archive{Name: name}).Begin()} {
		_, err = command.Apply(filled, batch.Origin{})
		require.NoError(t, err)
	}
	filled.SetQuota(name, Quota{MaxKeys: 1})
	_, err = watermarks.Register(name).Apply(filled, batch.Origin{})
	require.NoError(t, err)
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
			now := time.Now()
			below := batch.New(nil, noTables(), now)
			if filled {
				fillParts(t, below, "below")
			}
			forgotten := below.Nested()
			fillParts(t, forgotten, "forgotten")
			merged := below.Nested()
			fillParts(t, merged, "merged")
			below.Merge(merged)
			expected := batch.New(nil, noTables(), now)
			if filled {
				fillParts(t, expected, "below")
			}
			fillParts(t, expected, "merged")
			assert.Equal(t, expected.Sections(), below.Sections())
		})
	}
}

// Every table has a place, in which the part of a batch is found.
func TestTables_All_Good(t *testing.T) {
	filled := batch.New(nil, noTables(), time.Now())
	assert.True(t, filled.IsEmpty())
	fillParts(t, filled, "a")
	tables, read, found := noTables(), batch.New(nil, nil, time.Now()), 0
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
	assert.True(t, batch.IsEmpty())
}
