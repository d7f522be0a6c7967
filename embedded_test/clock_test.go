// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

const year = 365 * 24 * time.Hour

// clockSteps are the steps by which the tests set clocks forward and back.
var clockSteps = map[string]time.Duration{"FiveSeconds": 5 * time.Second, "Hour": time.Hour, "Year": year}

// machineClock is the clock of a machine. Its time moves only if a test says so, and a test
// can set it.
type machineClock struct {
	mutex   sync.Mutex
	now     time.Time
	elapsed time.Duration
}

func newMachineClock() *machineClock { return &machineClock{now: time.Now().UTC()} }

func (clock *machineClock) Now() time.Time {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	return clock.now
}

func (clock *machineClock) Elapsed() time.Duration {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	return clock.elapsed
}

// pass lets time pass.
func (clock *machineClock) pass(duration time.Duration) {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	clock.now, clock.elapsed = clock.now.Add(duration), clock.elapsed+duration
}

// set sets the clock forward or back; no time passes.
func (clock *machineClock) set(step time.Duration) {
	clock.mutex.Lock()
	defer clock.mutex.Unlock()
	clock.now = clock.now.Add(step)
}

// passAtLeast lets enough time pass that a clock slower by a hundredth moves by duration
// too.
func (clock *machineClock) passAtLeast(duration time.Duration) {
	clock.pass(duration + duration/50)
}

// clocked is a sidecar on the clock of a machine. A test can restart it.
type clocked struct {
	*tenant
	clock   *machineClock
	config  storebus.Config
	sidecar *storebus.Sidecar
	log     *lockedBuffer
}

func startClocked(t *testing.T) *clocked {
	t.Helper()
	clocked := &clocked{clock: newMachineClock()}
	clocked.config = embeddedConfig(t, func(config *storebus.Config) {
		config.Clock, config.Elapsed = clocked.clock.Now, clocked.clock.Elapsed
		config.ArchiveDirectory = filepath.Join(t.TempDir(), "archive")
	})
	clocked.start(t)
	return clocked
}

func (clocked *clocked) start(t *testing.T) {
	t.Helper()
	clocked.log = &lockedBuffer{grown: make(chan struct{}, 1)}
	clocked.config.Logger = slog.New(slog.NewTextHandler(clocked.log, nil))
	clocked.sidecar = startSidecarWith(t, clocked.config)
	clocked.tenant = newTenant(t, clocked.sidecar.NATSURL(), "acme")
}

func (clocked *clocked) restart(t *testing.T) {
	t.Helper()
	require.NoError(t, clocked.sidecar.Close())
	clocked.start(t)
}

// says waits until the log contains a text.
func (clocked *clocked) says(t *testing.T, text string) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for !strings.Contains(clocked.log.String(), text) {
		select {
		case <-clocked.log.grown:
		case <-timer.C:
			require.FailNowf(t, "not said", "%q; the log:\n%s", text, clocked.log)
		}
	}
}

// ahead is the difference of the store's time and the machine's, in seconds.
func (clocked *clocked) ahead(t *testing.T) float64 {
	t.Helper()
	return *readStatus(t, clocked.connection).ClockAhead
}

// commitAhead writes one key while the clock is a step ahead.
func (clocked *clocked) commitAhead(t *testing.T, step time.Duration) {
	t.Helper()
	clocked.clock.set(step)
	clocked.set(t, "config", "ahead", "")
	clocked.clock.set(-step)
}

// eachStep runs a test for each step, once as it is and once with restarts at its pauses.
func eachStep(t *testing.T, test func(t *testing.T, clocked *clocked, step time.Duration, pause func())) {
	t.Helper()
	for name, step := range clockSteps {
		for when, restarts := range map[string]bool{"": false, "Restarted": true} {
			t.Run(name+when, func(t *testing.T) {
				clocked := startClocked(t)
				test(t, clocked, step, func() {
					if restarts {
						clocked.restart(t)
					}
				})
			})
		}
	}
}

// If the clock is set back, elapsed time still counts. A key expires after its ttl, an id
// is remembered for two minutes, and points and changes have later times.
func TestClock_Back_Ugly(t *testing.T) {
	eachStep(t, func(t *testing.T, clocked *clocked, step time.Duration, pause func()) {
		t.Helper()
		clocked.commitAhead(t, step)
		pause()
		assert.InDelta(t, step.Seconds(), clocked.ahead(t), 0.001)
		events := clocked.events(t)
		set := decode[setReply](t, clocked.call(t, "set", `{"group":"g","key":"brief","value":"","ttl":"1s"}`))
		assert.WithinDuration(t, clocked.clock.Now().Add(step+time.Second), *set.ExpiresAt, 2*time.Millisecond)
		require.Equal(t, "set", nextEvent(t, events).Type)
		clocked.clock.pass(500 * time.Millisecond)
		pause()
		requireFirst(t, clocked.call(t, "get", `{"group":"g","key":"brief"}`))
		events = clocked.events(t)
		clocked.clock.pass(600 * time.Millisecond)
		requireFailure(t, clocked.call(t, "get", `{"group":"g","key":"brief"}`), 404, "not_found")
		assert.Equal(t, []any{"expire", "brief"}, flattened(nextEvent(t, events)))

		with := func() answer { return clocked.raw(t, "set", "g", "counted", []byte("1"), "Nats-Msg-Id", "once") }
		first := decode[setReply](t, with()).Revision
		clocked.clock.pass(119 * time.Second)
		pause()
		assert.Equal(t, first, decode[setReply](t, with()).Revision)
		clocked.clock.passAtLeast(2 * time.Minute)
		assert.Greater(t, decode[setReply](t, with()).Revision, first, "the id is forgotten after two minutes")

		points := clocked.points(t, 10*time.Second, pause)
		assert.InDelta(t, 10, points[1].Sub(points[0]).Seconds(), 0.11)
		assert.Len(t, clocked.flux(t, `from(bucket: "b") |> range(start: -5s)`).Rows, 1, "now() goes on")
		clocked.requireOrder(t)
		assert.InDelta(t, step.Seconds(), clocked.ahead(t), 5, "and a hundredth slower it falls back")
	})
}

// flattened is the type and the key of an event.
func flattened(event event) []any { return []any{event.Type, *event.Key} }

// points commits two points, lets a time pass between them, and returns their times.
func (clocked *clocked) points(t *testing.T, between time.Duration, pause func()) (times []time.Time) {
	t.Helper()
	for range 2 {
		reply := decode[struct {
			EntryID     uint64    `json:"entry_id"`
			CommittedAt time.Time `json:"committed_at"`
		}](t, clocked.call(t, "journal_commit", `{"measurement":"m","fields":{"n":1}}`))
		times = append(times, reply.CommittedAt)
		if len(times) == 1 {
			clocked.clock.pass(between)
			pause()
		}
	}
	return times
}

// requireOrder asserts that no change has an earlier time than the change before it.
func (clocked *clocked) requireOrder(t *testing.T) {
	t.Helper()
	before := time.Time{}
	for _, change := range clocked.wholeLog(t) {
		at := decodeBody[event](t, change).Timestamp
		assert.False(t, at.Before(before), "%s is before %s", at, before)
		before = at
	}
	require.False(t, before.IsZero())
}

// The store's time is the wall clock again once the wall clock has caught up. The log says
// once that they differ, and once that they agree again.
func TestClock_CaughtUp_Good(t *testing.T) {
	t.Parallel()
	eachStep(t, func(t *testing.T, clocked *clocked, step time.Duration, pause func()) {
		t.Helper()
		clocked.commitAhead(t, step)
		pause()
		clocked.says(t, "ahead of")
		clocked.clock.pass(time.Second)
		assert.InDelta(t, step.Seconds()-0.01, clocked.ahead(t), 0.001)
		clocked.clock.set(step)
		assert.Zero(t, clocked.ahead(t))
		clocked.says(t, "caught up: the store's time is the wall clock's")
		assert.Equal(t, clocked.clock.Now().UTC(), clocked.setAt(t))
		assert.Equal(t, 1, strings.Count(clocked.log.String(), "ahead_seconds"), "%s", clocked.log)
		clocked.requireOrder(t)
	})
	t.Run("OfItself", func(t *testing.T) {
		clocked := startClocked(t)
		clocked.commitAhead(t, 5*time.Second)
		clocked.says(t, "ahead of")
		clocked.clock.pass(499 * time.Second)
		assert.InDelta(t, 0.01, clocked.ahead(t), 0.001)
		clocked.setAt(t)
		clocked.clock.pass(time.Second)
		assert.Zero(t, clocked.ahead(t))
		assert.Equal(t, clocked.clock.Now().UTC(), clocked.setAt(t))
		clocked.says(t, "caught up")
	})
}

// setAt sets a key and returns the time of the change.
func (clocked *clocked) setAt(t *testing.T) time.Time {
	t.Helper()
	clocked.set(t, "g", "k", "")
	return clocked.entry(t, "g", "k").UpdatedAt
}

// A clock that is ahead for a while has no effect if nothing is committed meanwhile.
func TestClock_Read_Good(t *testing.T) {
	eachStep(t, func(t *testing.T, clocked *clocked, step time.Duration, pause func()) {
		t.Helper()
		clocked.set(t, "g", "k", "")
		clocked.clock.set(step)
		clocked.entry(t, "g", "k")
		assert.Zero(t, clocked.ahead(t))
		pause()
		clocked.clock.set(-step)
		assert.Zero(t, clocked.ahead(t))
		assert.Equal(t, clocked.clock.Now().UTC(), clocked.setAt(t))
	})
}

// If the clock is set forward, the store follows it. Times are the wall clock's, and
// deadlines in between are over, as after a machine has slept.
func TestClock_Forward_Ugly(t *testing.T) {
	eachStep(t, func(t *testing.T, clocked *clocked, step time.Duration, pause func()) {
		t.Helper()
		revision := decode[setReply](t, clocked.call(t, "set", `{"group":"g","key":"later","value":"","ttl":"30m"}`)).Revision
		clocked.clock.set(step)
		pause()
		if step < 30*time.Minute {
			requireFirst(t, clocked.call(t, "get", `{"group":"g","key":"later"}`))
			clocked.clock.pass(30*time.Minute - step - time.Millisecond)
			requireFirst(t, clocked.call(t, "get", `{"group":"g","key":"later"}`))
			clocked.clock.pass(2 * time.Millisecond)
		}
		requireFailure(t, clocked.call(t, "get", `{"group":"g","key":"later"}`), 404, "not_found")
		expired := clocked.changes(t, "after", revision, "wait", "30s").Changes[0]
		assert.Equal(t, []any{"expire", "later"}, flattened(decodeBody[event](t, expired)))
		assert.Equal(t, clocked.clock.Now().UTC(), clocked.setAt(t))
		assert.Zero(t, clocked.ahead(t))
	})
}

// A restart does not start a ttl anew, and an expired key stays absent.
func TestClock_Deadline_Ugly(t *testing.T) {
	clocked := startClocked(t)
	clocked.commitAhead(t, year)
	decode[setReply](t, clocked.call(t, "set", `{"group":"g","key":"hour","value":"","ttl":"1h"}`))
	for range 3 {
		clocked.clock.pass(20 * time.Minute)
		clocked.restart(t)
		requireFirst(t, clocked.call(t, "get", `{"group":"g","key":"hour"}`))
	}
	clocked.clock.pass(time.Minute)
	requireFailure(t, clocked.call(t, "get", `{"group":"g","key":"hour"}`), 404, "not_found")
	clocked.clock.set(-year)
	clocked.restart(t)
	requireFailure(t, clocked.call(t, "get", `{"group":"g","key":"hour"}`), 404, "not_found")
}

// Points alone, and remembered answers alone, carry the time over a restart, as changes do.
func TestClock_Unlogged_Ugly(t *testing.T) {
	for name, commit := range map[string]func(*clocked) answer{
		"Point": func(clocked *clocked) answer {
			return clocked.call(t, "journal_commit", `{"measurement":"m","fields":{"n":1}}`)
		},
		"Answer": func(clocked *clocked) answer { return clocked.raw(t, "delete", "g", "k", nil, "Nats-Msg-Id", "a") },
		"Workspace": func(clocked *clocked) answer {
			return clocked.send(t, &nats.Msg{Subject: "store.acme.workspace_open", Data: []byte(`{"workspace":"w"}`), Header: nats.Header{"Nats-Msg-Id": {"a"}}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			clocked := startClocked(t)
			clocked.clock.set(time.Hour)
			require.Empty(t, commit(clocked).Header.Get(headerErrorCode))
			clocked.clock.set(-time.Hour)
			clocked.restart(t)
			assert.InDelta(t, time.Hour.Seconds(), clocked.ahead(t), 0.001)
		})
	}
}

// Workspaces and the bound of a compaction use the store's time.
func TestClock_Workspaces_Good(t *testing.T) {
	clocked := startClocked(t)
	clocked.commitAhead(t, year)
	decode[openReply](t, clocked.call(t, "workspace_open", `{"workspace":"w"}`))
	decode[putReply](t, clocked.call(t, "workspace_put", `{"workspace":"w","kind":"k","data":1}`))
	now := clocked.clock.Now().Add(year)
	assert.WithinDuration(t, now, decode[workspacesReply](t, clocked.call(t, "workspaces", "")).Workspaces[0].OpenedAt, time.Millisecond)
	answer := clocked.call(t, "workspace_query", `{"workspace":"w","sql":"SELECT created_at FROM entries"}`)
	assert.Contains(t, string(answer.Data), fmt.Sprintf(`[[%d]]`, now.UnixMilli()))
	before := func(at time.Time) string { return object(t, "before", at.Format(time.RFC3339Nano)) }
	clocked.points(t, time.Second, func() {})
	assert.Contains(t, string(clocked.in("admin").call(t, "compact", before(now.Add(500*time.Millisecond))).Data), `"entries":1`)
	requireBadField(t, clocked.in("admin").call(t, "compact", before(now.Add(time.Hour))), "before")
}

// If the newest commit is far ahead of the clock, the start logs it with a remedy. A ttl is
// correct all the same, with the machine's own clock.
func TestClock_Start_Ugly(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ahead time.Duration
		says  bool
	}{"NineSeconds": {9 * time.Second, false}, "Hour": {time.Hour, true}, "Year": {year, true}} {
		t.Run(name, func(t *testing.T) {
			outside := startBroker(t, "127.0.0.1:0")
			storebusBinary(t)
			clocked := startClocked(t)
			clocked.clock.set(-time.Until(clocked.clock.Now()))
			clocked.commitAhead(t, test.ahead)
			require.NoError(t, clocked.sidecar.Close())
			served := startServe(t, outside.URL(), clocked.config.DatabasePath)
			served.says(t, "ahead_seconds=")
			assert.Equal(t, test.says, strings.Contains(served.errors.String(), "the newest commit is ahead of the wall clock"))
			assert.Equal(t, test.says, strings.Contains(served.errors.String(), "docs/operations.md"))
			acme := newTenant(t, outside.URL(), "acme")
			events := acme.events(t)
			decode[setReply](t, acme.call(t, "set", `{"group":"g","key":"brief","value":"","ttl":"100ms"}`))
			nextEvent(t, events)
			assert.Equal(t, []any{"expire", "brief"}, flattened(nextEvent(t, events)))
			assert.Positive(t, *readStatus(t, acme.connection).ClockAhead)
			assert.Contains(t, run(t, "", "status", "--nats", outside.URL()).stdout, "s ahead of the wall clock")
		})
	}
}
