// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/faultvfs"
	"dappco.re/go/storebus/store"
)

// every is for a long run:
//
//	go test ./store -run 'TestRecords|TestDiskFaults' -every -timeout 1h
var every = flag.Bool("every", false, "have every fault and every image of a crash, not a part of them")

// strideOf is 1 to have all.
func strideOf(part int) int {
	if *every {
		return 1
	}
	return part
}

// diskFault is a way in which an operation of SQLite on a file goes wrong.
type diskFault struct {
	name string
	// fault is the fault of the operation, and after of all operations behind it.
	fault, after faultvfs.Fault
}

var diskFaults = []diskFault{
	{"Once", faultvfs.Fails, faultvfs.None},
	{"FromThenOn", faultvfs.Fails, faultvfs.Fails},
	{"Torn", faultvfs.Torn, faultvfs.None},
	{"Reported", faultvfs.Reported, faultvfs.None},
	{"FullOnce", faultvfs.Full, faultvfs.None},
	{"FullFromThenOn", faultvfs.Full, faultvfs.Full},
}

// failing has the operations of SQLite in a folder go wrong from one on, and counts them.
type failing struct {
	mutex  sync.Mutex
	fault  diskFault
	number int
	count  int
	first  faultvfs.Operation
}

// watchFailing fails the operation with a number, from 0; a negative number fails none.
func watchFailing(t *testing.T, folder string, fault diskFault, number int) (watched *failing, stop func()) {
	t.Helper()
	watched = &failing{fault: fault, number: number}
	stop, err := faultvfs.Watch(folder, watched.next)
	require.NoError(t, err)
	return watched, stop
}

func (watched *failing) next(operation faultvfs.Operation) faultvfs.Fault {
	watched.mutex.Lock()
	defer watched.mutex.Unlock()
	watched.count++
	switch place := watched.count - 1; {
	case watched.number < 0 || place < watched.number:
		return faultvfs.None
	case place == watched.number:
		watched.first = operation
		return watched.fault.fault
	default:
		return watched.fault.after
	}
}

func (watched *failing) counted() int {
	watched.mutex.Lock()
	defer watched.mutex.Unlock()
	return watched.count
}

// diskWorkConfig is a configuration for the work whose commits wait for the disk.
func diskWorkConfig(t *testing.T) store.StoreConfig {
	t.Helper()
	config := workConfig(t)
	config.Durability = store.DurabilityFull
	return config
}

// watchNothing makes the virtual file system of the faults the default one.
func watchNothing(t *testing.T) {
	t.Helper()
	_, stop := watchFailing(t, t.TempDir(), diskFault{}, -1)
	stop()
}

// eachDiskFault tries each way to go wrong at each operation, counted from 0. try reports whether
// the operation was reached; behind the last one the next way begins. A run takes a part of the
// operations, one of so many, and all with -every.
func eachDiskFault(t *testing.T, part int, try func(t *testing.T, fault diskFault, number int) (reached bool)) {
	t.Helper()
	stride, hits := strideOf(part), 0
	seed := rand.IntN(stride)
	t.Logf("seed %d of %d", seed, stride)
	for index, fault := range diskFaults {
		for number := (seed + index*stride/len(diskFaults)) % stride; ; number += stride {
			reached := false
			t.Run(fmt.Sprintf("%s/%03d", fault.name, number), func(t *testing.T) { reached = try(t, fault, number) })
			if !reached || t.Failed() {
				break
			}
			hits++
		}
	}
	t.Logf("%d faults", hits)
	assert.Positive(t, hits, "no operation has failed")
}

// TestDiskFaults_Work_Ugly has operations of SQLite on the files of the store go wrong while the
// work is done. The files of workspaces are among them.
func TestDiskFaults_Work_Ugly(t *testing.T) {
	t.Parallel()
	watchNothing(t)
	eachDiskFault(t, operationStride, func(t *testing.T, fault diskFault, number int) bool {
		t.Helper()
		config := diskWorkConfig(t)
		work := openWork(t, config)
		watched, stop := watchFailing(t, filepath.Dir(config.DatabasePath), fault, number)
		work.run(func() {})
		reached := watched.counted() > number
		t.Logf("%d operations, failing %s of %s", watched.counted(), watched.first.Kind, filepath.Base(watched.first.Path))
		stop()
		requireWhole(t, work, config)
		return reached
	})
}

// TestDiskFaults_Opening_Ugly has operations go wrong while a store opens after a crash. The next
// opening finds all that was acknowledged.
func TestDiskFaults_Opening_Ugly(t *testing.T) {
	t.Parallel()
	watchNothing(t)
	config := diskWorkConfig(t)
	work := openWork(t, config)
	work.run(func() {})
	var files map[string][]byte
	require.NoError(t, store.OnCommitter(work.store, func() error {
		files = filesOf(t, config.DatabasePath)
		return nil
	}))
	requireWhole(t, work, config)
	eachDiskFault(t, openingStride, func(t *testing.T, fault diskFault, number int) bool {
		t.Helper()
		config := diskWorkConfig(t)
		writeImage(t, config.DatabasePath, files)
		watched, stop := watchFailing(t, filepath.Dir(config.DatabasePath), fault, number)
		opened, err := store.NewConfigured(config)
		if err == nil {
			_ = opened.Close() // it may fail too
		}
		reached := watched.counted() > number
		t.Logf("%d operations, failing %s of %s", watched.counted(), watched.first.Kind, filepath.Base(watched.first.Path))
		stop()
		opened, err = store.NewConfigured(config)
		require.NoError(t, err)
		requireChained(t, opened)
		requireKept(t, work.outcomes, tablesOf(t, opened))
		require.NoError(t, opened.Close())
		requireSound(t, config.DatabasePath)
		return reached
	})
}
