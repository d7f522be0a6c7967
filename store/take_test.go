// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/store/internal/changelog"
)

// blobHeaderBytes are the version and the checksum of a blob.
const blobHeaderBytes = 5

// sealedBlob returns a blob with a content and its checksum. An empty content gives no blob.
func sealedBlob(content []byte) []byte {
	if len(content) == 0 {
		return nil
	}
	blob := append([]byte{1}, binary.LittleEndian.AppendUint32(nil, crc32.Checksum(content, crc32.MakeTable(crc32.Castagnoli)))...)
	return append(blob, content...)
}

// contentOf undoes sealedBlob.
func contentOf(blob []byte) []byte { return blob[min(blobHeaderBytes, len(blob)):] }

// FuzzTakeRecord has a follower read records whose changes and sections are anything, behind a
// good checksum. It does not panic, allocates nothing for absent data, and writes sections that
// read as the same again.
func FuzzTakeRecord(f *testing.F) {
	config := store.StoreConfig{DatabasePath: store.MemoryDatabase}
	source, err := store.NewConfigured(config)
	require.NoError(f, err)
	changeEverything(f, source, f.TempDir())
	records, err := store.RecordsAfter(source, 0)
	require.NoError(f, err)
	require.NoError(f, source.Close())
	for _, record := range records {
		f.Add(contentOf(record.Changes), contentOf(record.Sections))
	}
	reader, err := store.NewConfigured(config)
	require.NoError(f, err)
	f.Cleanup(func() { require.NoError(f, reader.Close()) })
	f.Fuzz(func(t *testing.T, changes, sections []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		record := changelog.Record{StoreID: reader.ID(), ID: 1, CommittedAt: 1, Changes: sealedBlob(changes), Sections: sealedBlob(sections)}
		again, err := store.TakeRecord(reader, record)
		runtime.ReadMemStats(&after)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(4<<20+1000*(len(changes)+len(sections))))
		if err != nil {
			require.ErrorIs(t, err, changelog.ErrDamaged)
			return
		}
		record.Sections = again
		twice, err := store.TakeRecord(reader, record)
		require.NoError(t, err)
		assert.Equal(t, again, twice)
	})
}

// TestTake_Sections_Good writes the sections of each record of a store again: they are the same.
func TestTake_Sections_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	changeEverything(t, opened, t.TempDir())
	records, err := store.RecordsAfter(opened, 0)
	require.NoError(t, err)
	reader := openStore(t, store.StoreConfig{})
	for _, record := range records {
		record.Changes = nil
		again, err := store.TakeRecord(reader, record)
		require.NoError(t, err)
		assert.Equal(t, record.Sections, again)
	}
}

// TestTake_Sections_Bad has sections that no version has written.
func TestTake_Sections_Bad(t *testing.T) {
	reader := openStore(t, store.StoreConfig{})
	for name, section := range map[string]struct {
		table int
		text  string
	}{
		"AnswerWithAShortDigest": {0, "\x04acme\x01a\x03abc\x06answer"},
		"AnswerWithALongDigest":  {0, "\x04acme\x01a\x21abcdefghijklmnopqrstuvwxyz1234567\x06answer"},
		"MoreRunsThanThere":      {1, "\x05\x01a"},
		"MoreRowsThanThere":      {2, "\xff\xff\xff\xff\x0f"},
		"UnknownStep":            {2, "\x00\x63"},
		"ArchiveOfNothing":       {2, "\x00\x05\x01a\x02\x02\x01b\x02\x02\x00\x00"},
		"QuotaCutShort":          {3, "\x04acme\x02\x02"},
		"UnknownKindOfWatermark": {4, "\x06reader\x02\x01\x01\x01"},
		"UnknownTable":           {5, "\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			var sections changelog.Sections
			sections.Add(section.table, func(text []byte) []byte { return append(text, section.text...) })
			_, err := store.TakeRecord(reader, changelog.Record{StoreID: reader.ID(), ID: 1, Sections: sections.Blob()})
			require.ErrorIs(t, err, changelog.ErrDamaged)
		})
	}
}
