// SPDX-License-Identifier: EUPL-1.2

package logfile_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"dappco.re/go/storebus/internal/histogram"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/logfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// chain makes records that follow each other.
type chain struct {
	id   uint64
	hash changelog.Hash
}

func (chain *chain) next(size int) *changelog.Record {
	record := &changelog.Record{StoreID: "0123456789abcdef", ID: chain.id + 1, CommittedAt: 1_790_000_000_000_000_000, Previous: chain.hash, Changes: []byte(strings.Repeat("x", size))}
	chain.id, chain.hash = record.ID, record.Hash()
	return record
}

func databasePath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "storebus.db")
}

func create(t *testing.T, path string) *logfile.File {
	t.Helper()
	file, err := logfile.Create(path, new(histogram.Histogram))
	require.NoError(t, err)
	return file
}

// add appends a record and waits for it.
func add(t *testing.T, file *logfile.File, record *changelog.Record, here bool) {
	t.Helper()
	require.True(t, file.Takes(record))
	done := make(chan error, 1)
	file.Append(record, true, here, func(err error) { done <- err })
	require.NoError(t, <-done)
}

// roomy is a disk with room.
func roomy(int64) bool { return true }

// ids returns the ids of the records that a file has.
func ids(t *testing.T, path string) (found []uint64) {
	t.Helper()
	content, err := logfile.Read(path + logfile.Suffix)
	require.NoError(t, err)
	for index := range content.Records {
		found = append(found, content.Records[index].ID)
	}
	return found
}

func TestFile_Append_Good(t *testing.T) {
	t.Run("HereAndByTheGoroutine", func(t *testing.T) {
		path, chain := databasePath(t), &chain{id: 41, hash: 7}
		syncs := new(histogram.Histogram)
		file, err := logfile.Create(path, syncs)
		require.NoError(t, err)
		first := chain.next(100)
		add(t, file, first, true)
		add(t, file, chain.next(0), false)
		add(t, file, chain.next(70_000), true)
		assert.Equal(t, []uint64{42, 43, 44}, ids(t, path))
		content, err := logfile.Read(path + logfile.Suffix)
		require.NoError(t, err)
		assert.Equal(t, first.Hash(), content.Records[0].Hash())
		assert.Equal(t, uint64(3), syncs.Snapshot().Count)
		require.NoError(t, file.Close())
		assert.Equal(t, []uint64{42, 43, 44}, ids(t, path), "it is kept while the database needs it")
	})
	t.Run("ManyAtOnceInOrder", func(t *testing.T) {
		path, chain := databasePath(t), &chain{}
		file := create(t, path)
		var mutex sync.Mutex
		var acknowledged []uint64
		for range 500 {
			record := chain.next(50)
			require.True(t, file.Takes(record))
			file.Append(record, true, false, func(err error) {
				mutex.Lock()
				defer mutex.Unlock()
				assert.NoError(t, err)
				acknowledged = append(acknowledged, record.ID)
			})
		}
		require.NoError(t, file.Close())
		assert.Equal(t, ids(t, path), acknowledged)
		assert.Len(t, acknowledged, 500)
	})
	t.Run("GoesOnWithTheFileOfAnother", func(t *testing.T) {
		path, chain := databasePath(t), &chain{}
		file := create(t, path)
		add(t, file, chain.next(10), true)
		require.NoError(t, file.Close())
		content, err := logfile.Read(path + logfile.Suffix)
		require.NoError(t, err)
		file, err = logfile.Open(path, &content, new(histogram.Histogram))
		require.NoError(t, err)
		add(t, file, chain.next(10), false)
		assert.Equal(t, []uint64{1, 2}, ids(t, path))
		file.Restart(roomy)
		add(t, file, chain.next(10), true)
		assert.Equal(t, []uint64{3}, ids(t, path))
		require.NoError(t, file.Close())
	})
}

func TestFile_Append_Bad(t *testing.T) {
	path, chain := databasePath(t), &chain{}
	file := create(t, path)
	add(t, file, chain.next(10), true)
	require.NoError(t, file.BreakForTest())
	for range 2 {
		done := make(chan error, 1)
		file.Append(chain.next(10), true, true, func(err error) { done <- err })
		err := <-done
		require.ErrorIs(t, err, failure.ErrOutcomeUnknown, "nobody knows what is on the disk")
		require.ErrorContains(t, err, "storebus.db.commits")
	}
	require.Error(t, file.Close())
	assert.Equal(t, []uint64{1}, ids(t, path))
}

func TestFile_Restart_Good(t *testing.T) {
	path, chain := databasePath(t), &chain{}
	file := create(t, path)
	small := func() int64 {
		information, err := os.Stat(path + logfile.Suffix)
		require.NoError(t, err)
		return information.Size()
	}()
	for {
		record := &changelog.Record{StoreID: "0123456789abcdef", ID: chain.id + 1, Previous: chain.hash, Changes: make([]byte, 100_000)}
		if !file.Takes(record) {
			break
		}
		add(t, file, chain.next(100_000), true)
	}
	before := chain.id
	file.Restart(roomy)
	assert.True(t, file.IsEmpty())
	assert.Len(t, ids(t, path), int(before), "the records are there until another one is written")
	information, err := os.Stat(path + logfile.Suffix)
	require.NoError(t, err)
	assert.Equal(t, 2*small, information.Size(), "a file that was full is larger the next time")
	add(t, file, chain.next(20), true)
	assert.Equal(t, []uint64{before + 1}, ids(t, path), "records of an earlier round do not count")
	file.Restart(roomy)
	require.NoError(t, file.Close())
	assert.NoFileExists(t, path+logfile.Suffix, "a file without records is removed")
}

// A gap in the file would hide the records behind it.
func TestFile_Takes_Bad(t *testing.T) {
	path, chain := databasePath(t), &chain{}
	file := create(t, path)
	add(t, file, chain.next(10), true)
	chain.next(10) // the database has it
	behind := chain.next(10)
	assert.False(t, file.Takes(behind))
	require.NoError(t, file.Close())

	content, err := logfile.Read(path + logfile.Suffix)
	require.NoError(t, err)
	file, err = logfile.Open(path, &content, new(histogram.Histogram))
	require.NoError(t, err)
	assert.False(t, file.Takes(behind), "it is not forgotten")
	file.Restart(roomy)
	add(t, file, behind, true)
	assert.Equal(t, []uint64{3}, ids(t, path))
	require.NoError(t, file.Close())
}

func TestFile_IsThere_Ugly(t *testing.T) {
	path := databasePath(t)
	file := create(t, path)
	assert.True(t, file.IsThere())
	require.NoError(t, os.Rename(path+logfile.Suffix, path+".moved"))
	assert.False(t, file.IsThere())
	require.NoError(t, os.WriteFile(path+logfile.Suffix, nil, 0o600))
	assert.False(t, file.IsThere(), "another file has the name")
	require.NoError(t, file.Close())
}

// A file that was cut or damaged anywhere has the records before that place, and no others.
func TestFrame_Read_Ugly(t *testing.T) {
	path, chain := databasePath(t), &chain{}
	file := create(t, path)
	for size := range 20 {
		add(t, file, chain.next(size*37), true)
	}
	require.NoError(t, file.Close())
	whole, err := os.ReadFile(path + logfile.Suffix)
	require.NoError(t, err)
	end := strings.LastIndexByte(string(whole), 'x') + 2
	random := rand.New(rand.NewPCG(1, 2))
	check := func(t *testing.T, bytes []byte) {
		t.Helper()
		require.NoError(t, os.WriteFile(path+logfile.Suffix, bytes, 0o600))
		for index, id := range ids(t, path) {
			require.Equal(t, uint64(index+1), id)
		}
	}
	for range 300 {
		cut := random.IntN(end)
		check(t, whole[:cut])
		damaged := append([]byte{}, whole[:end]...)
		damaged[cut] ^= byte(1 + random.IntN(255))
		check(t, damaged)
		require.Less(t, len(ids(t, path)), 20)
	}
	huge := append([]byte{}, whole...)
	binary.LittleEndian.PutUint32(huge[36:], 1<<31)
	check(t, huge)
	check(t, nil)
	check(t, make([]byte, 4096))
}
