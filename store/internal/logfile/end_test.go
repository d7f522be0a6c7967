// SPDX-License-Identifier: EUPL-1.2

package logfile_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/logfile"
)

// hashes is a log in a database: the hashes of its records.
type hashes []changelog.Hash

func (hashes hashes) End() (id uint64, hash changelog.Hash) {
	if len(hashes) == 0 {
		return 0, 0
	}
	return uint64(len(hashes)), hashes[len(hashes)-1]
}

func (hashes hashes) HashOf(id uint64) (hash changelog.Hash, known bool, err error) {
	return hashes[id-1], true, nil
}

// filed makes a file of the records from first to last, and returns the hashes of all.
func filed(t *testing.T, path string, first, last uint64) (all hashes) {
	t.Helper()
	file, chain := create(t, path), &chain{}
	for id := uint64(1); id <= last; id++ {
		record := chain.next(10)
		all = append(all, record.Hash())
		if id >= first {
			add(t, file, record, true)
		}
	}
	require.NoError(t, file.Close())
	return all
}

func TestEnd_EndOf_Good(t *testing.T) {
	const storeID = "0123456789abcdef"
	for name, test := range map[string]struct{ first, last, database, missing uint64 }{
		"NoFile":                   {1, 0, 0, 0},
		"NewDatabase":              {1, 3, 0, 3},
		"DatabaseHasSome":          {3, 9, 5, 4},
		"DatabaseEndsBeforeIt":     {6, 9, 5, 4},
		"DatabaseHasAll":           {3, 9, 9, 0},
		"DatabaseHasMore":          {3, 5, 5, 0},
		"DatabaseHasTheLastRecord": {9, 9, 9, 0},
	} {
		t.Run(name, func(t *testing.T) {
			path := databasePath(t)
			all := filed(t, path, test.first, test.last)
			end, err := logfile.EndOf(path, storeID, all[:test.database])
			require.NoError(t, err)
			require.NoError(t, end.Gap)
			assert.Len(t, end.Records, int(test.missing))
			assert.Equal(t, test.last, end.ID())
			for id := uint64(1); id <= test.last; id++ {
				hash, known, err := end.HashOf(id)
				require.NoError(t, err)
				assert.True(t, known)
				assert.Equal(t, all[id-1], hash)
			}
		})
	}
}

func TestEnd_EndOf_Bad(t *testing.T) {
	path := databasePath(t)
	all := filed(t, path, 5, 9)
	for name, test := range map[string]struct {
		storeID string
		all     hashes
		gap     string
	}{
		"CommitsAreMissing": {"0123456789abcdef", all[:3], "the database ends at commit 3, and "},
		"AnotherPast":       {"0123456789abcdef", append(append(hashes{}, all[:5]...), 12345), "another commit 6 than "},
		"AnotherStore":      {"fedcba9876543210", all[:5], "the database is of store fedcba9876543210, and "},
		"NewDatabase":       {"0123456789abcdef", nil, "the database ends at commit 0, and "},
	} {
		t.Run(name, func(t *testing.T) {
			end, err := logfile.EndOf(path, test.storeID, test.all)
			require.NoError(t, err)
			require.ErrorContains(t, end.Gap, test.gap)
			require.ErrorContains(t, end.Gap, path+".commits")
			assert.Empty(t, end.Records)
		})
	}
	t.Run("Damaged", func(t *testing.T) {
		whole, err := os.ReadFile(path + logfile.Suffix)
		require.NoError(t, err)
		const head = 20
		length := (bytes.LastIndexByte(whole, 'x') + 2 - head) / 5
		for position := range head + 4*length {
			damaged := bytes.Clone(whole)
			damaged[position] ^= 1
			require.NoError(t, os.WriteFile(path+logfile.Suffix, damaged, 0o600))
			end, err := logfile.EndOf(path, "0123456789abcdef", all[:5])
			require.NoError(t, err)
			require.ErrorContains(t, end.Gap, "is damaged: ", "position %d", position)
			end, err = logfile.EndOf(path, "0123456789abcdef", all[:9])
			require.NoError(t, err)
			require.Equal(t, position >= head, end.Gap == nil, "the database has all of it")
		}
		require.NoError(t, os.WriteFile(path+logfile.Suffix, whole, 0o600))
	})
	require.NoError(t, logfile.SetAside(path, ".replaced"))
	require.NoError(t, logfile.SetAside(path, ".replaced"), "there is none any more")
	assert.FileExists(t, path+".commits.replaced")
}

// A value of a client never passes for a record, whatever it has in it.
func TestEnd_EndOf_Ugly(t *testing.T) {
	other := databasePath(t)
	filed(t, other, 1, 200)
	forged, err := os.ReadFile(other + logfile.Suffix)
	require.NoError(t, err)

	path, chain := databasePath(t), &chain{}
	file := create(t, path)
	var all hashes
	for range 3 {
		record := chain.next(0)
		record.Changes = forged[:bytes.LastIndexByte(forged, 'x')+2]
		chain.hash = record.Hash()
		all = append(all, chain.hash)
		add(t, file, record, true)
	}
	require.NoError(t, file.Close())
	whole, err := os.ReadFile(path + logfile.Suffix)
	require.NoError(t, err)
	last := bytes.LastIndex(whole, forged[:64])
	whole[last] ^= 1 // of the last record, which may be one that nobody was told of
	require.NoError(t, os.WriteFile(path+logfile.Suffix, whole, 0o600))
	end, err := logfile.EndOf(path, "0123456789abcdef", all[:1])
	require.NoError(t, err)
	require.NoError(t, end.Gap)
	assert.Equal(t, uint64(2), end.ID())
}
