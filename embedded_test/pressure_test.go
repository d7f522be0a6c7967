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
)

// Far more requests than the queue takes, all at once: each is answered, with what
// was asked for or with 503, and never with silence.
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
		// A get can come before the set of its key, or its set may have been refused.
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

// One tenant asks for far more than the queue takes: another has an answer to each of
// its requests, and what it was told holds.
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
	refusals := 0
	for served := 0; served < wanted; {
		reply := quiet.raw(t, "set", "g", fmt.Sprint("key-", served), []byte("v"))
		if reply.Header.Get(headerErrorCode) != "" {
			requireFailure(t, reply, 503, "unavailable")
			refusals++
			continue
		}
		served++
		require.Equal(t, uint64(served), decode[setReply](t, reply).Revision)
		require.Equal(t, uint64(served), nextEvent(t, events).Revision)
	}
	outcomes := map[string]int{}
	for range requests {
		outcomes[receive(t, replies).Header.Get(headerErrorCode)]++
	}
	assert.Equal(t, requests, outcomes[""]+outcomes["503"], "%v", outcomes)
	assert.Equal(t, uint64(outcomes[""]), flooder.revision(t))
	t.Logf("the flood: %v; the other: %d served, %d told to come again", outcomes, wanted, refusals)
}

// Writes that nobody waits for are executed, and those of one client and verb in the
// order in which they were sent.
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

// A subscriber that does not read is the broker's to throw out; writes go on.
func TestPressure_SlowSubscriber_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	startServe(t, outside.URL(), t.TempDir()+"/storebus.db")
	deaf := dialRaw(t, outside.address)
	deaf.send(t, "SUB store.events.> 1\r\nPING\r\n")
	deaf.await(t, "PONG")

	refusals := writeMegabytes(t, outside.URL(), underRace(96, 48))
	assert.Zero(t, refusals, "503")
}

// A client that asks for pages and does not read them hinders nobody else.
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

	// The pages that nobody takes may fill the queue for a while: 503, never silence.
	writeMegabytes(t, outside.URL(), 8)
	assert.Len(t, keysOf(acme.pages(t, "group", "large", "limit", 1000)), 16)
}

// writeMegabytes writes that much from a few clients at once, and each write is
// acknowledged and announced. A write that is answered 503 is tried again; it
// returns how often that was.
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

// underRace chooses the smaller number where the race detector slows everything down.
func underRace(ordinary, smaller int) int {
	if raceEnabled {
		return smaller
	}
	return ordinary
}

// rawConnection speaks the protocol of NATS by hand, so that it can fail to read.
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
	raw.send(t, "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n")
	return raw
}

// send writes lines of the protocol.
func (raw *rawConnection) send(t *testing.T, lines string) {
	t.Helper()
	_, err := raw.Write([]byte(lines))
	require.NoError(t, err)
}

// await reads lines up to one that begins with prefix.
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
