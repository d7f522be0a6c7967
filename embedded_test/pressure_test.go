// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/internal/testrun"
)

// Far more requests than the queue accepts come at once. Each has a reply: its result or
// 503.
func TestPressure_Flood_Ugly(t *testing.T) {
	const senders = 4
	requests := underRace(200_000, 50_000)
	outside := startBroker(t, "127.0.0.1:0")
	startServe(t, outside.URL(), t.TempDir()+"/storebus.db")
	receiver := connect(t, outside.URL())
	replies := subscribe(t, receiver, nats.NewInbox()+".*")
	inbox := strings.TrimSuffix(replies.Subject, "*")

	var group sync.WaitGroup
	for sender := range senders {
		connection := connect(t, outside.URL())
		group.Go(func() {
			for number := sender; number < requests; number += senders {
				subject, body := fmt.Sprintf("store.flood.set.group.key-%d", number%1000), "value"
				if number%4 == 3 {
					subject, body = strings.Replace(subject, ".set.", ".get.", 1), ""
				}
				reply := fmt.Sprintf("%s%d", inbox, number)
				if err := connection.PublishRequest(subject, reply, []byte(body)); !assert.NoError(t, err) {
					return
				}
			}
			assert.NoError(t, connection.FlushTimeout(patience))
		})
	}
	answered := make([]bool, requests)
	outcomes := map[string]int{}
	for range requests {
		message := receive(t, replies)
		var number int
		_, err := fmt.Sscanf(strings.TrimPrefix(message.Subject, inbox), "%d", &number)
		require.NoError(t, err)
		require.False(t, answered[number], "request %d was answered twice", number)
		answered[number] = true
		outcomes[message.Header.Get(headerErrorCode)]++
	}
	group.Wait()
	t.Logf("replies by error code: %v", outcomes)
	for code := range outcomes {
		// A get can come before the set of its key, or the set may have been refused.
		assert.Contains(t, []string{"", "503", "404"}, code)
	}
	assert.NotZero(t, outcomes[""], "what there is room for is served")

	acme := newTenant(t, outside.URL(), "acme")
	acme.set(t, "config", "theme", "dark")
	assert.Equal(t, "dark", *decode[entry](t, acme.call(t, "get", `{"group":"config","key":"theme"}`)).Value)
	assert.True(t, readStatus(t, acme.connection).Writable)
	flood := &tenant{connection: acme.connection, namespace: "flood"}
	assert.Equal(t, outcomes[""] > 0, flood.revision(t) > 0)
}

// One tenant sends far more requests than the queue accepts. Another tenant has every
// request served, and its acknowledged writes are there.
func TestPressure_FloodOfOneTenant_Ugly(t *testing.T) {
	const requests, wanted = 20_000, 100
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) { config.QueueLimit = 64 }))
	flooder, quiet := newTenant(t, sidecar.NATSURL(), "flooder"), newTenant(t, sidecar.NATSURL(), "quiet")
	replies, events := subscribe(t, flooder.connection, nats.NewInbox()), quiet.events(t)
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() {
		for number := range requests {
			subject := fmt.Sprintf("store.flooder.set.group.key-%d", number%1000)
			if err := flooder.connection.PublishRequest(subject, replies.Subject, []byte("value")); !assert.NoError(t, err) {
				return
			}
		}
		assert.NoError(t, flooder.connection.FlushTimeout(patience))
	})
	for number := range uint64(wanted) {
		reply := quiet.raw(t, "set", "g", fmt.Sprint("key-", number), []byte("v"))
		require.Equal(t, number+1, decode[setReply](t, reply).Revision)
		require.Equal(t, number+1, nextEvent(t, events).Revision)
	}
	outcomes := map[string]int{}
	for range requests {
		outcomes[receive(t, replies).Header.Get(headerErrorCode)]++
	}
	assert.Equal(t, requests, outcomes[""]+outcomes["503"], "%v", outcomes)
	assert.Equal(t, uint64(outcomes[""]), flooder.revision(t))
	assert.NotZero(t, outcomes["503"], "it asked for more than there is room for")
	t.Logf("the flood: %v", outcomes)
}

// One tenant asks for large replies in every possible way, and reads none of them. Another
// tenant, with small requests, is never told to try again.
func TestPressure_DeafTenant_Ugly(t *testing.T) {
	const polite, rounds, values, size = 8, 40, 16, 60 << 10
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) { config.QueueBytes = 4 << 20 }))
	deaf, quiet := newTenant(t, sidecar.NATSURL(), "deaf"), newTenant(t, sidecar.NATSURL(), "quiet")
	for number := range values {
		decode[setReply](t, deaf.raw(t, "set", "large", fmt.Sprint(number), []byte(strings.Repeat("x", size))))
	}
	floods := map[string]string{
		"list":        `{"group":"large","limit":1000}`,
		"scan":        `{"limit":1000}`,
		"changes":     `{"after":0,"limit":1000}`,
		"get":         `{"group":"large","key":"1","ttl":"1h"}`,
		"transaction": `{"then":[` + strings.TrimSuffix(strings.Repeat(`{"op":"get","group":"large","key":"1"},`, values), ",") + `]}`,
	}
	var flooding sync.WaitGroup
	defer flooding.Wait()
	for verb, body := range floods {
		connection := dialRaw(t, strings.TrimPrefix(sidecar.NATSURL(), "nats://"))
		flooding.Go(func() {
			request := fmt.Sprintf("PUB store.deaf.%s _INBOX.deaf.%s %d\r\n%s\r\n", verb, verb, len(body), body)
			_, err := connection.Write([]byte("SUB _INBOX.deaf.> 1\r\n"))
			for number := 0; number < underRace(600, 150) && err == nil; number++ {
				_, err = connection.Write([]byte(request)) // the broker may close the connection
			}
		})
	}
	var group sync.WaitGroup
	for number := range polite {
		quiet := newTenant(t, sidecar.NATSURL(), "quiet")
		key := fmt.Sprint("key-", number)
		group.Go(func() {
			for range rounds {
				for _, request := range []*nats.Msg{
					{Subject: "store.quiet.set.g." + key, Data: []byte(strings.Repeat("v", 10<<10))},
					{Subject: "store.quiet.get", Data: fmt.Appendf(nil, `{"group":"g","key":%q,"ttl":"1h"}`, key)},
					{Subject: "store.quiet.list", Data: []byte(`{"group":"g"}`)},
					{Subject: "store.quiet.changes", Data: []byte(`{"after":0,"limit":10,"wait":"1s"}`)},
					{Subject: "store.quiet.transaction", Data: fmt.Appendf(nil, `{"then":[{"op":"get","group":"g","key":%q}]}`, key)},
				} {
					reply, err := quiet.connection.RequestMsg(request, patience)
					if !assert.NoError(t, err) || !assert.Empty(t, reply.Header.Get(headerErrorCode), "%s: %s", request.Subject, reply.Data) {
						return
					}
				}
			}
		})
	}
	group.Wait()
	assert.Equal(t, uint64(2*polite*rounds), quiet.revision(t))
}

// Thousands of requests of one tenant wait, most of them for a group without writes. Writes
// to other groups answer none of them. The change they wait for answers each of them once,
// and its next covers everything before it.
func TestPressure_Waiters_Ugly(t *testing.T) {
	const idle, busy, writes = 9_000, 200, 100
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	writer := newTenant(t, acme.connection.ConnectedUrl(), "acme")
	idlers := askForChanges(t, acme.connection, "acme", `{"after":0,"group":"idle","wait":"30s"}`)
	for range idle - 1 {
		ask(t, acme.connection, idlers, "store.acme.changes", `{"after":0,"group":"idle","wait":"30s"}`)
	}
	followers := subscribe(t, acme.connection, nats.NewInbox())
	for number := range uint64(writes) {
		for range busy {
			ask(t, acme.connection, followers, "store.acme.changes", fmt.Sprintf(`{"after":%d,"group":"busy","wait":"30s"}`, number))
		}
		revision := writer.set(t, "busy", "k", fmt.Sprint(number))
		for range busy {
			assert.Equal(t, []uint64{revision}, revisionsOf(t, decode[changesReply](t, answer{receive(t, followers)})))
		}
	}
	requireSilence(t, acme.connection, idlers)
	last := writer.set(t, "idle", "k", "v")
	for range idle {
		page := decode[changesReply](t, answer{receive(t, idlers)})
		require.Equal(t, []uint64{last}, revisionsOf(t, page))
		require.Equal(t, last, *page.Next)
	}
	requireSilence(t, acme.connection, idlers)
}

// Writes without a reply subject are executed. Writes of one client and verb keep their
// order.
func TestPressure_FireAndForget_Good(t *testing.T) {
	const writes = 3000
	acme := newNamespace(t)
	listener := connect(t, acme.connection.ConnectedUrl())
	events := (&tenant{connection: listener, namespace: acme.namespace}).events(t)
	for number := range writes {
		subject := fmt.Sprintf("store.%s.set.g.k%d", acme.namespace, number%10)
		require.NoError(t, acme.connection.Publish(subject, fmt.Append(nil, number)))
	}
	for number := range writes {
		change := nextEvent(t, events)
		require.Equal(t, uint64(number+1), change.Revision)
		require.Equal(t, fmt.Sprint(number), *change.Value)
	}
	assert.Equal(t, fmt.Sprint(writes-1), acme.value(t, "g", "k9"))
}

// The broker may disconnect a subscriber that does not read; writes go on.
func TestPressure_SlowSubscriber_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	startServe(t, outside.URL(), t.TempDir()+"/storebus.db")
	deaf := dialRaw(t, outside.address)
	deaf.send(t, "SUB store.events.> 1\r\nPING\r\n")
	deaf.await(t, "PONG")

	refusals := writeMegabytes(t, outside.URL(), underRace(96, 48))
	assert.Zero(t, refusals, "503")
}

// A client that asks for pages and does not read them delays no other client.
func TestPressure_SlowReader_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	startServe(t, outside.URL(), t.TempDir()+"/storebus.db")
	acme := newTenant(t, outside.URL(), "acme")
	for number := range 16 {
		decode[setReply](t, acme.raw(t, "set", "large", fmt.Sprint(number), []byte(strings.Repeat("x", 60<<10))))
	}
	deaf := dialRaw(t, outside.address)
	deaf.send(t, "SUB _INBOX.deaf.* 1\r\n")
	const body = `{"group":"large","limit":1000}`
	for number := range 400 {
		deaf.send(t, fmt.Sprintf("PUB store.acme.list _INBOX.deaf.%d %d\r\n%s\r\n", number, len(body), body))
	}

	assert.Zero(t, writeMegabytes(t, outside.URL(), 8), "503")
	other := newTenant(t, outside.URL(), "other")
	other.fill(t, "g", numbered("key", 16), func(int) string { return "v" })
	assert.Len(t, keysOf(other.pages(t, "group", "g", "limit", 1000)), 16)
}

// writeMegabytes writes that much from a few clients at once. Each write must be
// acknowledged and published. If a write is answered 503, it is repeated. It returns the
// number of repetitions.
func writeMegabytes(t *testing.T, url string, megabytes int) int64 {
	t.Helper()
	const writers, size = 4, 64 << 10
	listener := connect(t, url)
	events := subscribe(t, listener, "store.events.pressure.>")
	value := []byte(strings.Repeat("x", size))
	writes := megabytes << 20 / size / writers
	var refusals atomic.Int64
	var group sync.WaitGroup
	for writer := range writers {
		connection := connect(t, url)
		group.Go(func() {
			for done := 0; done < writes; {
				reply, err := connection.Request(fmt.Sprintf("store.pressure.set.g.%d-%d", writer, done%8), value, patience)
				if !assert.NoError(t, err) || !assert.Contains(t, []string{"", "503"}, reply.Header.Get(headerErrorCode), "%s", reply.Data) {
					return
				}
				if reply.Header.Get(headerErrorCode) == "" {
					done++
				} else {
					refusals.Add(1)
				}
			}
		})
	}
	for revision := range writers * writes {
		require.Equal(t, uint64(revision+1), decodeBody[event](t, receive(t, events).Data).Revision)
	}
	group.Wait()
	return refusals.Load()
}

// underRace chooses the smaller number if the race detector slows the program.
func underRace(ordinary, smaller int) int {
	if testrun.RaceDetector {
		return smaller
	}
	return ordinary
}

// rawConnection speaks the NATS protocol without a library. So it can stop reading, and
// send invalid frames.
type rawConnection struct {
	net.Conn
	reader *bufio.Reader
}

// dialRaw connects to a broker.
func dialRaw(t *testing.T, address string) *rawConnection {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { connection.Close() })
	raw := &rawConnection{Conn: connection, reader: bufio.NewReader(connection)}
	raw.await(t, "INFO ")
	raw.send(t, "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\n")
	return raw
}

// send writes lines of the protocol.
func (raw *rawConnection) send(t *testing.T, lines string) {
	t.Helper()
	_, err := raw.Write([]byte(lines))
	require.NoError(t, err)
}

// await reads lines up to one with the given prefix.
func (raw *rawConnection) await(t *testing.T, prefix string) {
	t.Helper()
	for {
		line, err := raw.reader.ReadString('\n')
		require.NoError(t, err)
		if strings.HasPrefix(line, prefix) {
			return
		}
	}
}
