// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package embedded_test

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

// soak is for long runs:
//
//	go test ./embedded_test -run TestSoak -soak 30m -timeout 1h -v
var soak = flag.Duration("soak", 0, "how long TestSoak goes on; without it the test is skipped")

// faultsInAnEra is how many faults one database sees.
const faultsInAnEra = 12

// soakTotals are the figures of all eras.
type soakTotals struct {
	mutex                                 sync.Mutex
	faults, refused                       map[string]int
	acknowledged, unknown, changes, tasks int
	kills, archived                       int
}

// TestSoak_Faults_Ugly has several tenants at work while the sidecar, its broker and its journal's
// endpoint meet faults in random order. After each fault nothing that was acknowledged is lost.
func TestSoak_Faults_Ugly(t *testing.T) {
	if *soak == 0 {
		t.Skip("it takes -soak, such as -soak 30m")
	}
	totals := &soakTotals{faults: map[string]int{}, refused: map[string]int{}}
	eras := 0
	for end := time.Now().Add(*soak); time.Now().Before(end) && !t.Failed(); eras++ {
		t.Run(fmt.Sprintf("Era%03d", eras), func(t *testing.T) { runEra(t, totals) })
		t.Logf("%d eras, %d kills of the sidecar, faults %v, %d writes acknowledged, %d without a reply, %d changes, %d tasks done, %d points archived, refused %v",
			eras+1, totals.kills, totals.faults, totals.acknowledged, totals.unknown, totals.changes, totals.tasks, totals.archived, totals.refused)
	}
}

// era is one database with everything around it.
type era struct {
	random   *rand.Rand
	outside  *broker
	between  *proxy
	database string
	archives string
	// disk is the file system of its own that the database is on, empty if none can be mounted.
	disk string
	// clocked tells that the sidecar is in a process whose clock can be set. It is the library then,
	// and else the program.
	clocked  bool
	sidecar  *process
	kills    int
	load     *load
	endpoint *soakEndpoint
	// reconnected is told each time that a connection of the load is back.
	reconnected chan struct{}
}

// soakDiskBytes is the size of the file system of an era.
const soakDiskBytes = 512 << 20

// mountDisk mounts a small file system, and returns an empty path if that is not permitted.
func mountDisk(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if output, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%d", soakDiskBytes), "none", folder).CombinedOutput(); err != nil {
		t.Logf("without full disks: %v %s", err, output)
		return ""
	}
	t.Cleanup(func() { assert.NoError(t, exec.Command("umount", folder).Run()) })
	return folder
}

func runEra(t *testing.T, totals *soakTotals) {
	t.Helper()
	random := seeded(t)
	outside := startBroker(t, "127.0.0.1:0")
	disk := mountDisk(t)
	folder := disk
	if disk == "" {
		folder = t.TempDir()
	}
	era := &era{
		random: random, outside: outside, between: startProxy(t, outside.address), disk: disk, clocked: random.IntN(3) == 0,
		database: filepath.Join(folder, "storebus.db"), archives: filepath.Join(folder, "archives"),
		endpoint: startSoakEndpoint(t), reconnected: make(chan struct{}, 1024),
	}
	era.start(t)
	watchers := startWatchers(t, outside.URL(), persistent(make(chan struct{}, 1024))...)
	era.load = startLoad(t, outside.URL(), persistent(era.reconnected)...)
	tasks := startSoakTasks(t, outside.URL(), era.endpoint)

	names := slices.DeleteFunc(slices.Sorted(maps.Keys(soakFaults)), func(name string) bool {
		return name == "fullDisk" && era.disk == "" || (name == "clockForward" || name == "clockBack") && !era.clocked
	})
	for number := range faultsInAnEra {
		name := names[random.IntN(len(names))]
		reached := era.load.begin(50 + random.IntN(2000))
		waitFor(t, reached, "acknowledgements before fault %d, %s", number, name)
		soakFaults[name](t, era)
		if random.IntN(2) == 0 {
			killOften(t, era)
		}
		totals.add(func() { totals.faults[name]++ })
		era.load.shut()
		awaitService(t, era.load.connections[0])
		era.load.settle()
		era.load.verify(t, era.load.connections[0])
	}
	reached := era.load.begin(500)
	waitFor(t, reached, "acknowledgements after the last fault")
	era.load.finish()
	tasks.end()

	told := invariants{load: era.load, watchers: watchers, tasks: tasks, sidecar: era.sidecar, database: era.database, archives: era.archives}
	found := told.check(t)
	totals.add(func() {
		totals.acknowledged += len(era.load.acknowledged)
		totals.unknown += era.load.unknown
		totals.tasks += int(tasks.done.Load())
		totals.kills += era.kills
		totals.archived += found.archived
		for _, log := range found.logs {
			totals.changes += len(log)
		}
		for reason, count := range era.load.refused {
			totals.refused[reason] += count
		}
	})
	era.load.verifyRefusals(t, "unavailable", "outcome_unknown")
}

func (totals *soakTotals) add(change func()) {
	totals.mutex.Lock()
	defer totals.mutex.Unlock()
	change()
}

// launch starts the sidecar, and does not wait until it serves.
func (era *era) launch(t *testing.T) *process {
	t.Helper()
	if era.clocked {
		return startClockedProcess(t, clockedConfig{URL: era.between.URL(), Database: era.database, Archives: era.archives, Endpoint: era.endpoint.URL})
	}
	return startProcess(t, storebusBinary(t), nil, "serve", "--nats", era.between.URL(), "--database", era.database, "--archive-directory", era.archives,
		"--journal-url", era.endpoint.URL, "--journal-bucket", "b", "--journal-organisation", "o")
}

// start starts the sidecar.
func (era *era) start(t *testing.T) {
	t.Helper()
	era.sidecar = era.launch(t)
	era.sidecar.line(t, readyLine)
}

// kill kills the sidecar.
func (era *era) kill(t *testing.T, sidecar *process) {
	t.Helper()
	sidecar.kill(t)
	era.kills++
}

// soakFaults are the faults. Each leaves a sidecar that serves, or comes back by itself.
var soakFaults = map[string]func(t *testing.T, era *era){
	"kill": func(t *testing.T, era *era) {
		t.Helper()
		era.kill(t, era.sidecar)
		era.start(t)
	},
	"killAtTheStart": func(t *testing.T, era *era) {
		t.Helper()
		era.kill(t, era.sidecar)
		// The second one dies while it opens the database, or soon after.
		started := era.launch(t)
		pause(time.Duration(era.random.IntN(200)) * time.Millisecond)
		era.kill(t, started)
		era.start(t)
	},
	"fullDisk": func(t *testing.T, era *era) {
		t.Helper()
		path := filepath.Join(era.disk, "filler")
		filler, err := os.Create(path)
		require.NoError(t, err)
		for size := 1 << 20; size > 0; size /= 16 {
			for err = nil; err == nil; {
				_, err = filler.Write(make([]byte, size))
			}
		}
		require.ErrorIs(t, err, syscall.ENOSPC)
		require.NoError(t, filler.Close())
		pause(time.Duration(era.random.IntN(2000)) * time.Millisecond)
		if era.random.IntN(3) == 0 {
			era.kill(t, era.sidecar)
			require.NoError(t, os.Remove(path))
			era.start(t)
			return
		}
		require.NoError(t, os.Remove(path))
	},
	"clockForward": func(t *testing.T, era *era) {
		t.Helper()
		require.NoError(t, era.sidecar.native.Signal(clockForward))
	},
	"clockBack": func(t *testing.T, era *era) {
		t.Helper()
		require.NoError(t, era.sidecar.native.Signal(clockBack))
	},
	"compact": func(t *testing.T, era *era) {
		t.Helper()
		store, err := client.New(era.load.connections[0], client.Config{})
		require.NoError(t, err)
		_, err = store.Compact(t.Context(), time.Now().Add(-5*time.Second), client.CompactOptions{})
		if era.random.IntN(2) == 0 {
			era.kill(t, era.sidecar)
			era.start(t)
			return
		}
		assert.NoError(t, err)
	},
	"terminate": func(t *testing.T, era *era) {
		t.Helper()
		assert.Zero(t, era.sidecar.terminate(t), "exit status after SIGTERM")
		era.start(t)
	},
	"stop": func(t *testing.T, era *era) {
		t.Helper()
		require.NoError(t, era.sidecar.native.Signal(syscall.SIGSTOP))
		pause(time.Duration(era.random.ExpFloat64() * float64(2*time.Second)))
		require.NoError(t, era.sidecar.native.Signal(syscall.SIGCONT))
	},
	"killBroker": func(t *testing.T, era *era) {
		t.Helper()
		era.outside.kill(t)
		pause(time.Duration(era.random.IntN(3000)) * time.Millisecond)
		era.load.shut()
		payloads := []int{server.MAX_PAYLOAD_SIZE, 256 << 10, 96 << 10}
		era.outside = startBrokerWith(t, era.outside.address, payloads[era.random.IntN(len(payloads))])
		for range era.load.connections {
			waitFor(t, era.reconnected, "a connection of the load")
		}
	},
	"cut": func(t *testing.T, era *era) {
		t.Helper()
		chosen := era.random.IntN(3)
		era.between.cut(func(index int) bool { return chosen == 2 || index == chosen })
	},
	"swallow": func(t *testing.T, era *era) {
		t.Helper()
		waitFor(t, era.between.swallow(), "an event that vanishes")
		era.between.cut(func(int) bool { return true })
	},
	"hold": func(t *testing.T, era *era) {
		t.Helper()
		era.between.hold(func(int) bool { return true })
		pause(time.Duration(era.random.IntN(3000)) * time.Millisecond)
		era.between.cut(func(int) bool { return true })
	},
	"secondOnDatabase": func(t *testing.T, era *era) {
		t.Helper()
		second := run(t, "", "serve", "--nats", era.outside.URL(), "--database", era.database)
		assert.NotZero(t, second.code)
		assert.Contains(t, second.stderr, "in use")
	},
	"secondOnPrefix": func(t *testing.T, era *era) {
		t.Helper()
		second := run(t, "", "serve", "--nats", era.outside.URL(), "--database", filepath.Join(t.TempDir(), "other.db"))
		assert.NotZero(t, second.code, second.stderr)
	},
	"endpointFails": func(t *testing.T, era *era) {
		t.Helper()
		era.endpoint.fails.Store(int64(1 + era.random.IntN(5)))
	},
	"backup": func(t *testing.T, era *era) {
		t.Helper()
		store, err := client.New(era.load.connections[0], client.Config{})
		require.NoError(t, err)
		// It may meet the end of a fault before it; then the next one makes a copy.
		_, _ = store.Backup(t.Context(), fmt.Sprintf("copy-%d.db", era.random.Int64()))
	},
}

// killOften kills the sidecar again and again, soon after each start.
func killOften(t *testing.T, era *era) {
	t.Helper()
	for range 12 {
		era.kill(t, era.sidecar)
		era.start(t)
		pause(time.Duration(era.random.IntN(150)) * time.Millisecond)
	}
}

// pause lets time go by for a fault that lasts a while. Nothing waits for an end of it.
func pause(duration time.Duration) {
	timer := time.NewTimer(min(duration, 30*time.Second))
	defer timer.Stop()
	<-timer.C
}
