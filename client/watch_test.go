// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

const (
	// soon is a QuietInterval for tests in which silence must be noticed.
	soon = 10 * time.Millisecond
	// never is a QuietInterval for tests in which something else must wake the watch.
	never = time.Hour
)

// follower runs a watch in a goroutine of its own. The watch waits until each
// change is taken.
type follower struct {
	changes chan client.Change
	// ended receives the watch's error, nil if it had none.
	ended  chan error
	cancel context.CancelFunc
}

func follow(t *testing.T, watch func(context.Context) iter.Seq2[client.Change, error]) *follower {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	follower := &follower{changes: make(chan client.Change), ended: make(chan error, 1), cancel: cancel}
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		follower.ended <- follower.run(ctx, watch(ctx))
	}()
	t.Cleanup(func() {
		cancel()
		<-finished
	})
	return follower
}

func (follower *follower) run(ctx context.Context, watch iter.Seq2[client.Change, error]) error {
	for change, err := range watch {
		if err != nil {
			return err
		}
		select {
		case follower.changes <- change:
		case <-ctx.Done():
		}
	}
	return nil
}

// tester is what *testing.T and *rapid.T have in common.
type tester interface {
	require.TestingT
	Helper()
}

// next gives the next change.
func (follower *follower) next(t tester) client.Change {
	t.Helper()
	select {
	case change := <-follower.changes:
		return change
	case err := <-follower.ended:
		require.FailNow(t, "the watch has ended", "%v", err)
	case <-time.After(patience):
		require.FailNow(t, "no change comes")
	}
	return client.Change{}
}

// revisions gives the revisions of the next changes.
func (follower *follower) revisions(t tester, count int) []uint64 {
	t.Helper()
	revisions := make([]uint64, count)
	for index := range revisions {
		revisions[index] = follower.next(t).Revision
	}
	return revisions
}

// end gives the error that the watch ends with.
func (follower *follower) end(t tester) error {
	t.Helper()
	select {
	case change := <-follower.changes:
		require.FailNow(t, "a change comes instead of the end", "%+v", change)
	case err := <-follower.ended:
		return err
	case <-time.After(patience):
		require.FailNow(t, "the watch does not end")
	}
	return nil
}

// bench is a broker, a scripted sidecar and a client, each with a connection of
// its own.
type bench struct {
	broker  *server.Server
	sidecar *scriptedSidecar
	// connection is the client's.
	connection *nats.Conn
	store      *client.Client
}

func newBench(t *testing.T) *bench {
	t.Helper()
	broker := startBroker(t, server.Options{})
	sidecar := startSidecar(t, connect(t, broker.ClientURL()))
	connection := connect(t, broker.ClientURL())
	store, err := client.New(connection, client.Config{Timeout: 5 * brief})
	require.NoError(t, err)
	return &bench{broker: broker, sidecar: sidecar, connection: connection, store: store}
}

func (bench *bench) watch(t *testing.T, options client.WatchOptions) *follower {
	t.Helper()
	return follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
		return bench.store.Watch(ctx, "acme", options)
	})
}

// watchFromStart follows the whole namespace, and returns after the watch has asked for the
// log.
func (bench *bench) watchFromStart(t *testing.T, quietInterval time.Duration) *follower {
	t.Helper()
	follower := bench.watch(t, client.WatchOptions{After: client.Revision(0), QuietInterval: quietInterval})
	<-bench.sidecar.asked
	return follower
}

func upTo(from, to uint64) []uint64 {
	var revisions []uint64
	for revision := from; revision <= to; revision++ {
		revisions = append(revisions, revision)
	}
	return revisions
}

func TestWatch_Watch_Good(t *testing.T) {
	t.Run("GoesOnAfterARevision", func(t *testing.T) {
		bench := newBench(t)
		for range 5 {
			bench.sidecar.commit("config")
		}
		follower := bench.watch(t, client.WatchOptions{After: client.Revision(2), Store: "k3F", QuietInterval: never})
		assert.Equal(t, upTo(3, 5), follower.revisions(t, 3))
		bench.sidecar.set(t, "other")
		bench.sidecar.set(t, "config")
		assert.Equal(t, upTo(6, 7), follower.revisions(t, 2))
	})
	t.Run("BeginsNowWhereNoRevisionIsGiven", func(t *testing.T) {
		bench := newBench(t)
		bench.sidecar.set(t, "config")
		follower := bench.watch(t, client.WatchOptions{QuietInterval: never})
		<-bench.sidecar.asked
		bench.sidecar.set(t, "config")
		assert.Equal(t, uint64(2), follower.next(t).Revision)
	})
	t.Run("BeginsNowInAnEmptyNamespace", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watch(t, client.WatchOptions{QuietInterval: never})
		<-bench.sidecar.asked
		bench.sidecar.set(t, "config")
		assert.Equal(t, uint64(1), follower.next(t).Revision)
	})
	t.Run("LeavesOtherGroupsOut", func(t *testing.T) {
		bench := newBench(t)
		bench.sidecar.commit("other")
		bench.sidecar.commit("a.b*")
		follower := bench.watch(t, client.WatchOptions{Group: "a.b*", After: client.Revision(0), QuietInterval: never})
		assert.Equal(t, uint64(2), follower.next(t).Revision)
		bench.sidecar.set(t, "other")
		bench.sidecar.set(t, "other")
		bench.sidecar.set(t, "a.b*")
		assert.Equal(t, uint64(5), follower.next(t).Revision)
	})
	t.Run("GivesTheSameFromEventAndLog", func(t *testing.T) {
		bench := newBench(t)
		bench.sidecar.commit("config")
		follower := bench.watchFromStart(t, never)
		logged := follower.next(t)
		bench.sidecar.publish(t, bench.sidecar.commit("config"))
		announced := follower.next(t)
		assert.JSONEq(t, `{"revision":1,"previous":0,"type":"set","store":"k3F","namespace":"acme","group":"config","key":"k1","value":"v",
			"created":true,"timestamp":"2026-11-22T10:00:00Z"}`, string(logged.JSON))
		assert.JSONEq(t, `{"revision":2,"previous":1,"type":"set","store":"k3F","namespace":"acme","group":"config","key":"k2","value":"v",
			"created":true,"timestamp":"2026-11-22T10:00:00Z"}`, string(announced.JSON))
		assert.Equal(t, []byte("v"), announced.Value)
	})
	t.Run("GivesAnOmittedValueAsItIs", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, never)
		event := bench.sidecar.commit("config")
		event.Content, event.ValueOmitted = subjects.Content{}, true
		bench.sidecar.publish(t, event)
		change := follower.next(t)
		assert.True(t, change.ValueOmitted)
		assert.Nil(t, change.Value)
	})
	t.Run("ReadsPageAfterPage", func(t *testing.T) {
		bench := newBench(t)
		bench.sidecar.with(func() { bench.sidecar.pageSize = 3 })
		for range 10 {
			bench.sidecar.commit("config")
		}
		assert.Equal(t, upTo(1, 10), bench.watchFromStart(t, never).revisions(t, 10))
	})
	t.Run("EndsWithoutAnErrorWhenTheContextDoes", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, never)
		follower.cancel()
		assert.NoError(t, follower.end(t))
	})
	t.Run("HasUnsubscribedWhenTheLoopIsLeft", func(t *testing.T) {
		bench := newBench(t)
		bench.sidecar.commit("config")
		bench.sidecar.commit("config")
		for range 2 { // ranging over it again starts over
			for change, err := range bench.store.Watch(t.Context(), "acme", client.WatchOptions{After: client.Revision(0)}) {
				require.NoError(t, err)
				assert.Equal(t, uint64(1), change.Revision)
				break
			}
		}
		// The subscription to the connection's replies remains.
		assert.Equal(t, 1, bench.connection.NumSubscriptions())
	})
}

func TestWatch_Watch_Bad(t *testing.T) {
	bench := newBench(t)
	bench.sidecar.commit("config")
	for name, watch := range map[string]iter.Seq2[client.Change, error]{
		"ReservedNamespace":   bench.store.Watch(t.Context(), "events", client.WatchOptions{}),
		"GroupThatIsNoText":   bench.store.Watch(t.Context(), "acme", client.WatchOptions{Group: "\xff"}),
		"NegativeInterval":    bench.store.Watch(t.Context(), "acme", client.WatchOptions{QuietInterval: -1}),
		"NegativeBuffer":      bench.store.Watch(t.Context(), "acme", client.WatchOptions{BufferMessages: -1}),
		"NegativeBufferBytes": bench.store.Watch(t.Context(), "acme", client.WatchOptions{BufferBytes: -1}),
	} {
		t.Run(name, func(t *testing.T) {
			err := follow(t, func(context.Context) iter.Seq2[client.Change, error] { return watch }).end(t)
			require.ErrorIs(t, err, subjects.ErrBadRequest)
			assert.ErrorContains(t, err, "client.Watch: ")
		})
	}
	t.Run("RevisionThatIsNoLongerInTheLog", func(t *testing.T) {
		bench.sidecar.with(func() { bench.sidecar.oldest = 2 })
		err := bench.watch(t, client.WatchOptions{After: client.Revision(0)}).end(t)
		require.ErrorIs(t, err, subjects.ErrCompacted)
		var failure *subjects.Error
		require.ErrorAs(t, err, &failure)
		assert.Equal(t, uint64(2), *failure.Oldest)
	})
	t.Run("RevisionThatIsNotYetInTheLog", func(t *testing.T) {
		assert.ErrorIs(t, bench.watch(t, client.WatchOptions{After: client.Revision(2)}).end(t), subjects.ErrCompacted)
	})
	t.Run("AnotherStore", func(t *testing.T) {
		err := bench.watch(t, client.WatchOptions{After: client.Revision(1), Store: "other"}).end(t)
		assert.ErrorIs(t, err, subjects.ErrCompacted)
	})
	t.Run("AnotherStoreFromNowOn", func(t *testing.T) {
		err := bench.watch(t, client.WatchOptions{Store: "other"}).end(t)
		assert.ErrorIs(t, err, subjects.ErrCompacted)
	})
	t.Run("RepliesThatLeadNowhere", func(t *testing.T) {
		answer(t, bench.sidecar.connection, "store.stuck.changes", func(*nats.Msg) *nats.Msg {
			return body(`{"changes":[],"next":1,"oldest":1,"revision":5,"store":"k3F"}`)
		})
		err := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
			return bench.store.Watch(ctx, "stuck", client.WatchOptions{After: client.Revision(1)})
		}).end(t)
		assert.ErrorContains(t, err, "the page after revision 1 leads to 1, of 5")
	})
}

func TestWatch_Events_Ugly(t *testing.T) {
	t.Run("AGapIsMended", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, never)
		bench.sidecar.commit("config")
		bench.sidecar.commit("config")
		bench.sidecar.set(t, "config")
		assert.Equal(t, upTo(1, 3), follower.revisions(t, 3))
	})
	t.Run("AGapInAGroupIsMended", func(t *testing.T) {
		bench := newBench(t)
		bench.sidecar.commit("config")
		follower := bench.watch(t, client.WatchOptions{Group: "config", After: client.Revision(0), QuietInterval: never})
		assert.Equal(t, uint64(1), follower.next(t).Revision)
		bench.sidecar.commit("other")
		bench.sidecar.commit("config")
		bench.sidecar.set(t, "config")
		assert.Equal(t, []uint64{3, 4}, follower.revisions(t, 2))
	})
	t.Run("AGroupWhoseLastChangeIsGoneIsAskedFor", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watch(t, client.WatchOptions{Group: "config", After: client.Revision(0), QuietInterval: never})
		<-bench.sidecar.asked
		bench.sidecar.commit("config")
		bench.sidecar.commit("other")
		bench.sidecar.with(func() { bench.sidecar.oldest = 3 })
		bench.sidecar.set(t, "config") // previous is 0, and yet revision 1 is missing
		assert.ErrorIs(t, follower.end(t), subjects.ErrCompacted)
	})
	t.Run("ALostLastEventIsFoundWhenItIsQuiet", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, soon)
		bench.sidecar.commit("config")
		assert.Equal(t, uint64(1), follower.next(t).Revision)
		bench.sidecar.commit("config")
		assert.Equal(t, uint64(2), follower.next(t).Revision)
	})
	t.Run("RepeatsAndDisorderArePutRight", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, never)
		first, second, third := bench.sidecar.commit("config"), bench.sidecar.commit("other"), bench.sidecar.commit("config")
		for _, event := range []subjects.Event{second, first, third, third, second, first} {
			bench.sidecar.publish(t, event)
		}
		bench.sidecar.set(t, "config")
		assert.Equal(t, upTo(1, 4), follower.revisions(t, 4))
	})
	t.Run("AnEventThatCannotBeReadIsReadFromTheLog", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, never)
		bench.sidecar.commit("config")
		require.NoError(t, bench.sidecar.connection.Publish("store.events.acme.config", []byte("hello")))
		assert.Equal(t, uint64(1), follower.next(t).Revision)
	})
	t.Run("APageThatBeginsTooEarlyDoesNoHarm", func(t *testing.T) {
		bench := newBench(t)
		bench.sidecar.commit("config")
		bench.sidecar.commit("config")
		answer(t, bench.sidecar.connection, "store.lax.changes", func(*nats.Msg) *nats.Msg {
			return bench.sidecar.changes(&nats.Msg{Data: []byte(`{"after":0}`)})
		})
		follower := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
			return bench.store.Watch(ctx, "lax", client.WatchOptions{After: client.Revision(1), QuietInterval: never})
		})
		assert.Equal(t, uint64(2), follower.next(t).Revision)
	})
	t.Run("AStrayEventOfAnotherStoreDoesNoHarm", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, never)
		stray := bench.sidecar.commit("config")
		stray.Store, stray.Key = "other", new("stray")
		bench.sidecar.publish(t, stray)
		change := follower.next(t)
		assert.Equal(t, "k1", change.Key)
		assert.Equal(t, "k3F", change.Store)
	})
	t.Run("ASlowLoopLosesNothing", func(t *testing.T) {
		const count = 500
		bench := newBench(t)
		follower := bench.watch(t, client.WatchOptions{After: client.Revision(0), BufferMessages: 4, QuietInterval: never})
		<-bench.sidecar.asked
		for range count {
			bench.sidecar.set(t, "config")
		}
		require.NoError(t, bench.sidecar.connection.Flush())
		assert.Equal(t, upTo(1, count), follower.revisions(t, count))
	})
	t.Run("AFullBufferInBytesLosesNothing", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watch(t, client.WatchOptions{After: client.Revision(0), BufferBytes: 1, QuietInterval: never})
		<-bench.sidecar.asked
		for range 20 {
			bench.sidecar.set(t, "config")
		}
		assert.Equal(t, upTo(1, 20), follower.revisions(t, 20))
	})
}

func TestWatch_Outage_Ugly(t *testing.T) {
	t.Run("TheSidecarIsAskedAgain", func(t *testing.T) {
		bench := newBench(t)
		bench.sidecar.commit("config")
		bench.sidecar.with(func() { bench.sidecar.fates = []fate{fateUnavailable, fateSilence, fateUnavailable} })
		var failures []error
		recovered := 0
		follower := bench.watch(t, client.WatchOptions{
			After: client.Revision(0), QuietInterval: soon, RetryFunc: func(err error) { failures = append(failures, err) },
			RecoveredFunc: func() { recovered++ },
		})
		assert.Equal(t, uint64(1), follower.next(t).Revision)
		assert.Equal(t, 1, recovered, "once, and before the change")
		require.Len(t, failures, 3)
		require.ErrorIs(t, failures[0], subjects.ErrUnavailable)
		require.ErrorIs(t, failures[1], context.DeadlineExceeded)
		assert.ErrorContains(t, failures[1], "client.Watch: no reply on store.acme.changes")
	})
	t.Run("EventsGoOnWhileTheSidecarDoesNotAnswer", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, soon)
		bench.sidecar.with(func() {
			for range 1000 {
				bench.sidecar.fates = append(bench.sidecar.fates, fateUnavailable)
			}
		})
		<-bench.sidecar.asked
		bench.sidecar.set(t, "config")
		bench.sidecar.set(t, "config")
		assert.Equal(t, upTo(1, 2), follower.revisions(t, 2))
	})
	t.Run("TheBeginningWaitsForTheSidecar", func(t *testing.T) {
		broker := startBroker(t, server.Options{})
		connection := connect(t, broker.ClientURL())
		store := newClient(t, broker.ClientURL(), client.Config{Timeout: brief})
		waiting := make(chan error, 100)
		follower := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
			return store.Watch(ctx, "acme", client.WatchOptions{QuietInterval: soon, RetryFunc: func(err error) {
				select {
				case waiting <- err:
				default:
				}
			}})
		})
		require.ErrorIs(t, <-waiting, nats.ErrNoResponders)
		sidecar := startSidecar(t, connection)
		<-sidecar.asked
		sidecar.set(t, "config")
		assert.Equal(t, uint64(1), follower.next(t).Revision)
	})
	t.Run("TheContextEndsThePause", func(t *testing.T) {
		store := newClient(t, startBroker(t, server.Options{}).ClientURL(), client.Config{})
		waiting := make(chan struct{}, 100)
		follower := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
			return store.Watch(ctx, "acme", client.WatchOptions{RetryFunc: func(error) { waiting <- struct{}{} }})
		})
		<-waiting
		follower.cancel()
		assert.NoError(t, follower.end(t))
	})
	t.Run("ARestartOfTheBrokerLosesNothing", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, never)
		bench.sidecar.set(t, "config")
		assert.Equal(t, uint64(1), follower.next(t).Revision)

		address := bench.broker.Addr().String()
		stopBroker(bench.broker)
		bench.sidecar.commit("config")
		bench.sidecar.commit("other")
		startBroker(t, server.Options{Port: portOf(t, address)})
		assert.Equal(t, upTo(2, 3), follower.revisions(t, 2))
		bench.sidecar.set(t, "config")
		assert.Equal(t, uint64(4), follower.next(t).Revision)
	})
	t.Run("AnotherStoreInItsPlaceEndsIt", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, never)
		bench.sidecar.set(t, "config")
		assert.Equal(t, uint64(1), follower.next(t).Revision)
		bench.sidecar.with(func() { bench.sidecar.store = "other" })
		bench.sidecar.set(t, "config")
		assert.ErrorIs(t, follower.end(t), subjects.ErrCompacted)
	})
	t.Run("AnotherStoreThatDoesNotSaySoEndsIt", func(t *testing.T) {
		bench := newBench(t)
		answer(t, bench.sidecar.connection, "store.lax.changes", func(*nats.Msg) *nats.Msg {
			return body(`{"changes":[],"next":1,"oldest":1,"revision":1,"store":"other"}`)
		})
		err := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
			return bench.store.Watch(ctx, "lax", client.WatchOptions{After: client.Revision(1), Store: "k3F"})
		}).end(t)
		require.ErrorIs(t, err, subjects.ErrCompacted)
		assert.ErrorContains(t, err, "client.Watch: store other answers, not k3F whose changes were watched up to revision 1")
	})
	t.Run("AClosedConnectionEndsIt", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, never)
		bench.connection.Close()
		assert.ErrorIs(t, follower.end(t), nats.ErrConnectionClosed)
	})
	t.Run("ADrainedConnectionEndsIt", func(t *testing.T) {
		bench := newBench(t)
		follower := bench.watchFromStart(t, never)
		require.NoError(t, bench.connection.Drain())
		assert.Error(t, follower.end(t))
	})
	t.Run("AConnectionClosedBeforehandEndsIt", func(t *testing.T) {
		bench := newBench(t)
		bench.connection.Close()
		assert.ErrorIs(t, bench.watch(t, client.WatchOptions{}).end(t), nats.ErrConnectionClosed)
	})
}
