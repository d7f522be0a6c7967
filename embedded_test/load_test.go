// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

const (
	loadWriters     = 32
	loadConnections = 4
	loadGroups      = 4
)

// loadNamespaces are the namespaces of a load.
var loadNamespaces = []string{"load-0", "load-1", "load-2"}

func loadGroup(number int) string { return "group " + strconv.Itoa(number) }

// write is one request of a load. Its writer and its number determine all of it, so a
// change in the log can be compared with its request.
type write struct {
	writer, number int
}

// name is the value that a write stores. No two writes have the same.
func (write write) name() string { return fmt.Sprintf("w%d-%d", write.writer, write.number) }

// parseWrite finds a write by its name.
func parseWrite(name string) (write, bool) {
	writer, number, found := strings.Cut(strings.TrimPrefix(name, "w"), "-")
	parsed := write{}
	var errs [2]error
	parsed.writer, errs[0] = strconv.Atoi(writer)
	parsed.number, errs[1] = strconv.Atoi(number)
	return parsed, found && errors.Join(errs[:]...) == nil && parsed.name() == name
}

// request returns the content of the request. One in five is a delete.
func (write write) request() (namespace, group, key string, deletes bool) {
	random := rand.New(rand.NewPCG(uint64(write.writer), uint64(write.number)))
	namespace = loadNamespaces[random.IntN(len(loadNamespaces))]
	group = loadGroup(random.IntN(loadGroups))
	key = "key." + strconv.Itoa(random.IntN(20))
	return namespace, group, key, random.IntN(5) == 0
}

// message is the request on the wire: the JSON form and the raw form in turn.
func (write write) message() *nats.Msg {
	namespace, group, key, deletes := write.request()
	verb := "set"
	if deletes {
		verb = "delete"
	}
	message := nats.NewMsg("store." + namespace + "." + verb)
	if write.number%2 == 0 {
		message.Subject += "." + token(group) + "." + token(key)
		if !deletes {
			message.Data = []byte(write.name())
		}
		return message
	}
	message.Data = fmt.Appendf(nil, `{"group":%q,"key":%q`, group, key)
	if !deletes {
		message.Data = fmt.Appendf(message.Data, `,"value":%q`, write.name())
	}
	message.Data = append(message.Data, '}')
	return message
}

// acknowledgement is a success reply to a writer.
type acknowledgement struct {
	write
	sent, received time.Time
	namespace      string
	revision       uint64
	changed        bool // false if a delete found nothing
}

// load is 32 writers on plain connections that remember their replies. They write while the
// load is open. Each waits for its reply before its next write.
type load struct {
	connections []*nats.Conn
	group       sync.WaitGroup
	stop        context.CancelFunc

	mutex        sync.Mutex
	open         chan struct{}      // closed while the load is open
	abandon      context.CancelFunc // cancels the requests of the latest opening
	abandoned    context.Context
	inHand       sync.WaitGroup // requests that wait for their reply
	acknowledged []acknowledgement
	unknown      int
	refused      map[string]int // error replies by name
	milestone    int            // the number of acknowledgements that closes reached
	reached      chan struct{}
	atMilestone  func() // runs in the writer's goroutine, before reached is closed
}

// startLoad starts the writers, which wait for begin. options apply to their connections.
func startLoad(t *testing.T, url string, options ...nats.Option) *load {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	started := &load{stop: stop, open: make(chan struct{}), refused: map[string]int{}}
	started.abandoned, started.abandon = context.WithCancel(ctx)
	for range loadConnections {
		started.connections = append(started.connections, connect(t, url, options...))
	}
	for writer := range loadWriters {
		connection := started.connections[writer%loadConnections]
		started.group.Go(func() { started.run(ctx, connection, writer) })
	}
	t.Cleanup(started.close)
	return started
}

// close ends the writers.
func (load *load) close() {
	load.stop()
	load.group.Wait()
}

// begin opens the load. The returned channel is closed after milestone more
// acknowledgements.
func (load *load) begin(milestone int) <-chan struct{} {
	return load.beginUntil(milestone, func() {})
}

// beginUntil is begin with a function that runs at once with the last of these
// acknowledgements.
func (load *load) beginUntil(milestone int, atMilestone func()) <-chan struct{} {
	load.mutex.Lock()
	defer load.mutex.Unlock()
	load.atMilestone = atMilestone
	load.milestone = len(load.acknowledged) + milestone
	load.reached = make(chan struct{})
	close(load.open)
	return load.reached
}

// shut prevents further requests.
func (load *load) shut() {
	load.mutex.Lock()
	defer load.mutex.Unlock()
	load.open = make(chan struct{})
}

// settle cancels the unanswered requests, and returns when none is in hand. The load must
// be shut.
func (load *load) settle() {
	load.abandon()
	load.inHand.Wait()
	load.mutex.Lock()
	defer load.mutex.Unlock()
	load.abandoned, load.abandon = context.WithCancel(context.Background())
}

// finish shuts the load and waits for all replies.
func (load *load) finish() {
	load.shut()
	load.inHand.Wait()
}

// run is one writer.
func (load *load) run(ctx context.Context, connection *nats.Conn, writer int) {
	for number := 0; ; {
		load.mutex.Lock()
		open := load.open
		load.mutex.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-open:
		}
		load.mutex.Lock()
		if open != load.open {
			load.mutex.Unlock()
			continue
		}
		load.inHand.Add(1)
		abandoned := load.abandoned
		load.mutex.Unlock()
		load.request(abandoned, connection, write{writer: writer, number: number})
		load.inHand.Done()
		number++
	}
}

// request makes one request and remembers its outcome.
func (load *load) request(abandoned context.Context, connection *nats.Conn, asked write) {
	ctx, cancel := context.WithTimeout(abandoned, patience)
	defer cancel()
	sent := time.Now()
	reply, err := connection.RequestMsgWithContext(ctx, asked.message())
	received := time.Now()
	load.mutex.Lock()
	defer load.mutex.Unlock()
	if err != nil {
		load.unknown++
		return
	}
	var body struct {
		Revision uint64
		Deleted  *bool
		Error    *failure
	}
	if err := json.Unmarshal(reply.Data, &body); err != nil {
		load.refused["no JSON: "+string(reply.Data)]++
		return
	}
	if body.Error != nil {
		load.refused[body.Error.Name]++
		return
	}
	namespace, _, _, _ := asked.request()
	load.acknowledged = append(load.acknowledged, acknowledgement{write: asked, sent: sent, received: received,
		namespace: namespace, revision: body.Revision, changed: body.Deleted == nil || *body.Deleted})
	if len(load.acknowledged) == load.milestone {
		load.atMilestone()
		close(load.reached)
	}
}

// verify compares the store with the replies to the writers, for every namespace. These
// invariants must hold after any fault. The load must have settled. It returns the log of
// each namespace.
func (load *load) verify(t *testing.T, connection *nats.Conn) map[string][]json.RawMessage {
	t.Helper()
	load.mutex.Lock()
	acknowledged := slices.Clone(load.acknowledged)
	load.mutex.Unlock()
	logs := map[string][]json.RawMessage{}
	for _, namespace := range loadNamespaces {
		reader := &tenant{connection: connection, namespace: namespace}
		var listed []entry
		logs[namespace], listed = reader.snapshot(t)
		verifyLog(t, namespace, logs[namespace], listed, slices.DeleteFunc(slices.Clone(acknowledged), func(one acknowledgement) bool {
			return one.namespace != namespace
		}))
	}
	return logs
}

// snapshot reads the log of a namespace and all its entries, at the same revision. A
// cancelled request may still be executed meanwhile; then snapshot reads both again.
func (tenant *tenant) snapshot(t *testing.T) ([]json.RawMessage, []entry) {
	t.Helper()
	for {
		changes, revision := tenant.wholeLog(t), uint64(0)
		var listed []entry
		for number := range loadGroups {
			for _, page := range tenant.pages(t, "group", loadGroup(number), "limit", 1000) {
				listed, revision = append(listed, page.Entries...), page.Revision
			}
		}
		if revision == uint64(len(changes)) {
			return changes, listed
		}
	}
}

// wholeLog reads every change of a namespace.
func (tenant *tenant) wholeLog(t *testing.T) []json.RawMessage {
	t.Helper()
	var changes []json.RawMessage
	for after := uint64(0); ; {
		page := tenant.changes(t, "after", after, "limit", 1000)
		changes = append(changes, page.Changes...)
		if *page.Next == page.Revision {
			return changes
		}
		require.Greater(t, *page.Next, after)
		after = *page.Next
	}
}

// verifyLog checks one namespace. Revisions are dense, and every acknowledged write is at
// its revision. Every change was requested, and none is there twice. Acknowledged writes
// are in order, and the listed state matches the log.
func verifyLog(t *testing.T, namespace string, changes []json.RawMessage, listed []entry, acknowledged []acknowledgement) {
	t.Helper()
	told := map[uint64]acknowledgement{}
	nothing := map[uint64][]acknowledgement{}
	for _, one := range acknowledged {
		if !one.changed {
			nothing[one.revision] = append(nothing[one.revision], one)
			continue
		}
		other, taken := told[one.revision]
		require.Falsef(t, taken, "%s/%d was acknowledged to %s and to %s", one.namespace, one.revision, one.name(), other.name())
		told[one.revision] = one
	}
	state := map[[2]string]event{}
	previous := map[string]uint64{}
	stored := map[string]bool{}
	verifyNothing := func(revision uint64) {
		for _, one := range nothing[revision] {
			_, group, key, _ := one.request()
			require.NotContains(t, state, [2]string{group, key}, "a delete at revision %d found nothing", revision)
		}
	}
	verifyNothing(0)
	for index, raw := range changes {
		change := decodeBody[event](t, raw)
		require.Equal(t, uint64(index+1), change.Revision, "revisions are dense")
		require.Equal(t, namespace, change.Namespace)
		require.NotNil(t, change.Key)
		require.NotNil(t, change.Previous)
		require.Equal(t, previous[change.Group], *change.Previous, "revision %d", change.Revision)
		previous[change.Group] = change.Revision
		place := [2]string{change.Group, *change.Key}
		one, isTold := told[change.Revision]
		switch change.Type {
		case "set":
			require.NotNil(t, change.Value)
			asked, ok := parseWrite(*change.Value)
			require.True(t, ok, "a value that nobody wrote: %s", raw)
			wanted, group, key, deletes := asked.request()
			require.Equal(t, []any{wanted, group, key, deletes}, []any{namespace, change.Group, *change.Key, false}, "%s", raw)
			require.False(t, stored[asked.name()], "%s was stored twice", asked.name())
			stored[asked.name()] = true
			if isTold {
				require.Equal(t, one.name(), asked.name(), "revision %d was acknowledged for another write", change.Revision)
			}
			_, there := state[place]
			require.NotNil(t, change.Created)
			require.Equal(t, !there, *change.Created, "%s", raw)
			state[place] = change
		case "delete":
			require.Contains(t, state, place, "a delete without a key is no change: %s", raw)
			if isTold {
				_, group, key, deletes := one.request()
				require.True(t, deletes, "revision %d was acknowledged for %s", change.Revision, one.name())
				require.Equal(t, [2]string{group, key}, place)
			}
			delete(state, place)
		default:
			require.Failf(t, "unexpected change", "%s", raw)
		}
		delete(told, change.Revision)
		verifyNothing(change.Revision)
	}
	require.Emptyf(t, told, "acknowledged, and not in the log of %d changes", len(changes))
	verifyOrder(t, acknowledged)
	verifyState(t, listed, state)
}

// verifyOrder checks the revisions of acknowledged writes. If one was acknowledged before
// another was sent, it has the lower revision.
func verifyOrder(t *testing.T, acknowledged []acknowledgement) {
	t.Helper()
	changed := slices.DeleteFunc(slices.Clone(acknowledged), func(one acknowledgement) bool { return !one.changed })
	slices.SortFunc(changed, func(one, other acknowledgement) int { return cmp.Compare(other.revision, one.revision) })
	var earliest acknowledgement
	for _, one := range changed {
		if !earliest.received.IsZero() {
			require.False(t, earliest.received.Before(one.sent), "%s (%d) was acknowledged before %s (%d) was asked for",
				earliest.name(), earliest.revision, one.name(), one.revision)
		}
		if earliest.received.IsZero() || one.received.Before(earliest.received) {
			earliest = one
		}
	}
}

// verifyState checks that the listed entries match a replay of the log.
func verifyState(t *testing.T, listed []entry, state map[[2]string]event) {
	t.Helper()
	for _, entry := range listed {
		change, there := state[[2]string{entry.Group, entry.Key}]
		require.True(t, there, "listed, and not in the log: %+v", entry)
		require.Equal(t, *change.Value, *entry.Value)
		require.Equal(t, change.Revision, entry.Revision)
		require.True(t, change.Timestamp.Equal(entry.UpdatedAt))
	}
	require.Len(t, listed, len(state), "in the log, and not listed")
}

// listener is a plain subscriber of every event.
type listener struct {
	connection   *nats.Conn
	subscription *nats.Subscription
}

func startListener(t *testing.T, url string, options ...nats.Option) *listener {
	t.Helper()
	connection := connect(t, url, options...)
	return &listener{connection: connection, subscription: subscribe(t, connection, "store.events.>")}
}

// verify checks a listener that was connected throughout. It must have received every
// change of the logs in order, exactly as logged. A repetition must be the same message. It
// returns the number of repetitions.
func (listener *listener) verify(t *testing.T, logs map[string][]json.RawMessage, store string) int {
	t.Helper()
	received, missing, repeats := map[string]int{}, len(logs), 0
	for _, log := range logs {
		if len(log) == 0 {
			missing--
		}
	}
	for missing > 0 {
		message := receive(t, listener.subscription)
		change := decodeBody[event](t, message.Data)
		log, followed := logs[change.Namespace]
		if !followed {
			continue
		}
		require.LessOrEqual(t, int(change.Revision), len(log), "an event without a commit: %s", message.Data)
		require.LessOrEqual(t, int(change.Revision), received[change.Namespace]+1, "%s: an event before the one before it", change.Namespace)
		require.Equal(t, string(log[change.Revision-1]), string(message.Data), "an event is what the log says")
		require.Equal(t, fmt.Sprintf("%s:%s:%d", store, change.Namespace, change.Revision), message.Header.Get(headerMessageID))
		if int(change.Revision) <= received[change.Namespace] {
			repeats++
			continue
		}
		received[change.Namespace]++
		if received[change.Namespace] == len(log) {
			missing--
		}
	}
	return repeats
}

// watcher is a client.Watch of one namespace from its beginning.
type watcher struct {
	namespace string
	changes   chan client.Change
	err       chan error
}

// startWatchers watches every namespace of a load.
func startWatchers(t *testing.T, url string, options ...nats.Option) []*watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var watchers []*watcher
	for _, namespace := range loadNamespaces {
		store, err := client.New(connect(t, url, options...), client.Config{})
		require.NoError(t, err)
		started := &watcher{namespace: namespace, changes: make(chan client.Change, 1<<18), err: make(chan error, 1)}
		watchers = append(watchers, started)
		group.Go(func() {
			for change, err := range store.Watch(ctx, started.namespace, client.WatchOptions{After: client.Revision(0)}) {
				if err != nil {
					started.err <- err
					return
				}
				started.changes <- change
			}
		})
	}
	t.Cleanup(func() {
		cancel()
		group.Wait()
	})
	return watchers
}

// verify checks that a watch has returned every change of the log exactly once and in
// order.
func (watcher *watcher) verify(t *testing.T, log []json.RawMessage) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for index, raw := range log {
		want := decodeBody[event](t, raw)
		select {
		case change := <-watcher.changes:
			require.Equal(t, uint64(index+1), change.Revision, "%s: exactly once and in order", watcher.namespace)
			require.Equal(t, want.Type, string(change.Type))
			require.Equal(t, want.Group, change.Group)
			require.Equal(t, *want.Key, change.Key)
			if want.Value != nil {
				require.Equal(t, *want.Value, string(change.Value))
			}
		case err := <-watcher.err:
			require.NoError(t, err, "the watch of %s ended before revision %d", watcher.namespace, index+1)
		case <-timer.C:
			require.FailNowf(t, "the watch is not complete", "%s: %d of %d changes", watcher.namespace, index, len(log))
		}
	}
	select {
	case change := <-watcher.changes:
		require.Failf(t, "too much", "%s: %+v", watcher.namespace, change)
	default:
	}
}

// persistent are the options of a client that outlives its broker. It reconnects at once,
// sends nothing late, and reports on reconnected.
func persistent(reconnected chan<- struct{}) []nats.Option {
	return []nats.Option{
		nats.MaxReconnects(-1),
		nats.ReconnectWait(20 * time.Millisecond),
		nats.ReconnectJitter(0, 0),
		nats.ReconnectBufSize(-1),
		nats.ReconnectHandler(func(*nats.Conn) { reconnected <- struct{}{} }),
	}
}
