// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// changes asks for a page of the log. fields are pairs of name and value.
func (tenant *tenant) changes(t *testing.T, fields ...any) changesReply {
	t.Helper()
	reply := decode[changesReply](t, tenant.call(t, "changes", object(t, fields...)))
	require.NotNil(t, reply.Next, "next is always there")
	require.NotNil(t, reply.Oldest)
	return reply
}

// revisionsOf returns the revisions of a page's changes.
func revisionsOf(t *testing.T, page changesReply) []uint64 {
	t.Helper()
	revisions := []uint64{}
	for _, change := range page.Changes {
		revisions = append(revisions, decodeBody[event](t, change).Revision)
	}
	return revisions
}

func TestChanges_Replay_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.acme.>")
	acme.set(t, "config", "theme", "dark")
	acme.set(t, "config", "theme", "light")
	acme.set(t, "other", "blob", "v")
	acme.remove(t, "config", "theme")
	decode[setReply](t, acme.raw(t, "set", "größe", "日本", []byte("\xff")))

	t.Run("EachExactlyAsItsEvent", func(t *testing.T) {
		page := acme.changes(t, "after", 0)
		require.Len(t, page.Changes, 5)
		for _, change := range page.Changes {
			assert.Equal(t, string(receive(t, events).Data), string(change), "byte for byte")
		}
		assert.Equal(t, uint64(5), *page.Next)
		assert.Equal(t, uint64(1), *page.Oldest)
		assert.Equal(t, uint64(5), page.Revision)
		assert.NotEmpty(t, page.Store)
	})
	t.Run("AfterARevision", func(t *testing.T) {
		assert.Equal(t, []uint64{4, 5}, revisionsOf(t, acme.changes(t, "after", 3)))
		assert.Equal(t, []uint64{}, revisionsOf(t, acme.changes(t, "after", 5)))
	})
	t.Run("OfOneGroup", func(t *testing.T) {
		page := acme.changes(t, "after", 0, "group", "config")
		assert.Equal(t, []uint64{1, 2, 4}, revisionsOf(t, page))
		assert.Equal(t, uint64(5), *page.Next, "the last revision looked at")
		empty := acme.changes(t, "after", 0, "group", "nobody")
		assert.Empty(t, empty.Changes)
		assert.Equal(t, uint64(5), *empty.Next)
		assert.Contains(t, string(acme.call(t, "changes", `{"after":5}`).Data), `"changes":[]`)
	})
	t.Run("StopsAtTheLimit", func(t *testing.T) {
		var revisions []uint64
		for after := uint64(0); after < 5; {
			page := acme.changes(t, "after", after, "limit", 2)
			revisions = append(revisions, revisionsOf(t, page)...)
			require.Greater(t, *page.Next, after)
			after = *page.Next
		}
		assert.Equal(t, []uint64{1, 2, 3, 4, 5}, revisions)
	})
	t.Run("OfThisStore", func(t *testing.T) {
		store := acme.changes(t, "after", 0).Store
		assert.Len(t, acme.changes(t, "after", 0, "store", store).Changes, 5)
	})
	t.Run("AnUnwrittenNamespaceIsEmpty", func(t *testing.T) {
		nobody := &tenant{connection: acme.connection, namespace: "nobody"}
		page := nobody.changes(t, "after", 0)
		assert.Empty(t, page.Changes)
		assert.Zero(t, *page.Next)
		assert.Equal(t, uint64(1), *page.Oldest, "revision + 1 where there is none")
		assert.Zero(t, page.Revision)
	})
}

func TestChanges_Outside_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	acme.set(t, "config", "theme", "dark")
	acme.set(t, "config", "theme", "light")
	store := acme.changes(t, "after", 0).Store

	for outcome, body := range map[string]string{
		"AfterLaterThanTheRevision":       `{"after":3}`,
		"AfterLaterThanTheRevisionOfWait": `{"after":3,"wait":"30s"}`,
		"AfterFarLater":                   `{"after":18446744073709551615}`,
		"AnotherStore":                    `{"after":0,"store":"another"}`,
		"AnotherStoreAndAWait":            `{"after":2,"store":"another","wait":"30s"}`,
		"AnEmptyStore":                    `{"after":0,"store":""}`,
	} {
		t.Run(outcome, func(t *testing.T) {
			compacted := requireFailure(t, acme.call(t, "changes", body), 410, "compacted")
			require.NotNil(t, compacted.Oldest)
			assert.Equal(t, uint64(1), *compacted.Oldest)
			require.NotNil(t, compacted.Revision)
			assert.Equal(t, uint64(2), *compacted.Revision)
			assert.Equal(t, store, compacted.Store)
		})
	}
	t.Run("AnUnwrittenNamespace", func(t *testing.T) {
		nobody := &tenant{connection: acme.connection, namespace: "nobody"}
		compacted := requireFailure(t, nobody.call(t, "changes", `{"after":1}`), 410, "compacted")
		require.NotNil(t, compacted.Revision)
		assert.Zero(t, *compacted.Revision)
		assert.Equal(t, uint64(1), *compacted.Oldest)
	})
}

func TestChanges_Trimmed_Bad(t *testing.T) {
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) { config.Retention.Count = 10 }))
	acme := newTenant(t, sidecar.NATSURL(), "acme")
	acme.set(t, "early", "k", "v")

	// The log is trimmed beside the writes, once their events are published and the tables
	// have them. A short pause in the writes is enough for both.
	oldest := uint64(1)
	for oldest < 10 {
		var revision uint64
		for range 5 {
			revision = acme.set(t, "config", "theme", "dark")
		}
		assert.Empty(t, acme.changes(t, "after", revision, "wait", "300ms").Changes)
		if reply := acme.call(t, "changes", object(t, "after", 0)); reply.Header.Get(headerErrorCode) != "" {
			compacted := requireFailure(t, reply, 410, "compacted")
			require.NotNil(t, compacted.Oldest)
			assert.GreaterOrEqual(t, *compacted.Oldest, oldest, "it never goes back")
			oldest = *compacted.Oldest
			assert.Equal(t, revision, *compacted.Revision)
		}
	}
	oldest = *acme.changes(t, "after", acme.revision(t)).Oldest

	t.Run("TheRestCanBeRead", func(t *testing.T) {
		page := acme.changes(t, "after", oldest-1)
		assert.Equal(t, oldest, revisionsOf(t, page)[0])
		assert.Equal(t, oldest, *page.Oldest)
		requireFailure(t, acme.call(t, "changes", object(t, "after", oldest-2)), 410, "compacted")
	})
	t.Run("PreviousNamesOnlyWhatIsThere", func(t *testing.T) {
		revision := acme.set(t, "early", "k", "w")
		page := acme.changes(t, "after", revision-1, "group", "early")
		assert.Zero(t, *decodeBody[event](t, page.Changes[0]).Previous)
	})
	t.Run("EntriesStay", func(t *testing.T) {
		assert.Equal(t, "w", *decode[entry](t, acme.call(t, "get", `{"group":"early","key":"k"}`)).Value)
	})
}

// TestChanges_Fair_Good has one tenant fill the log: the changes of another stay.
func TestChanges_Fair_Good(t *testing.T) {
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) { config.Retention.Count = 200 }))
	small, large := newTenant(t, sidecar.NATSURL(), "small"), newTenant(t, sidecar.NATSURL(), "large")
	for range 20 {
		small.set(t, "config", "theme", "dark")
	}
	trimmed := false
	for !trimmed {
		var revision uint64
		for range 100 {
			revision = large.set(t, "config", "theme", "dark")
		}
		assert.Empty(t, large.changes(t, "after", revision, "wait", "300ms").Changes)
		reply := large.call(t, "changes", object(t, "after", 0))
		if trimmed = reply.Header.Get(headerErrorCode) != ""; trimmed {
			requireFailure(t, reply, 410, "compacted")
		}
		page := small.changes(t, "after", 0)
		assert.Len(t, page.Changes, 20)
		assert.Equal(t, uint64(1), *page.Oldest)
	}
}

func TestChanges_Wait_Good(t *testing.T) {
	sidecar := startSidecar(t)
	acme := newTenant(t, sidecar.NATSURL(), "acme")
	writer := newTenant(t, sidecar.NATSURL(), "acme")
	writer.set(t, "config", "theme", "dark")

	t.Run("HoldsTheReplyUntilThereIsSomething", func(t *testing.T) {
		replies := askForChanges(t, acme.connection, "acme", `{"after":1,"wait":"30s"}`)
		requireSilence(t, acme.connection, replies)
		writer.set(t, "config", "theme", "light")
		assert.Equal(t, []uint64{2}, revisionsOf(t, decode[changesReply](t, answer{receive(t, replies)})))
	})
	t.Run("OfOneGroup", func(t *testing.T) {
		replies := askForChanges(t, acme.connection, "acme", `{"after":2,"group":"wanted","wait":"30s"}`)
		writer.set(t, "unwanted", "k", "v")
		writer.set(t, "unwanted", "k", "v")
		revision := writer.set(t, "wanted", "k", "v")
		page := decode[changesReply](t, answer{receive(t, replies)})
		assert.Equal(t, []uint64{revision}, revisionsOf(t, page))
	})
	t.Run("DoesNotWakeForAnotherNamespace", func(t *testing.T) {
		replies := askForChanges(t, acme.connection, "quiet", `{"after":0,"wait":"30s"}`)
		writer.set(t, "config", "theme", "x")
		requireSilence(t, acme.connection, replies)
		(&tenant{connection: writer.connection, namespace: "quiet"}).set(t, "g", "k", "v")
		assert.Equal(t, []uint64{1}, revisionsOf(t, decode[changesReply](t, answer{receive(t, replies)})))
	})
	t.Run("AnswersAtOnceWhatIsThere", func(t *testing.T) {
		page := acme.changes(t, "after", 0, "wait", "30s")
		assert.NotEmpty(t, page.Changes)
	})
	t.Run("EndsEmptyWhenTheTimeIsOver", func(t *testing.T) {
		head := acme.revision(t)
		start := time.Now()
		page := acme.changes(t, "after", head, "wait", "50ms")
		assert.Empty(t, page.Changes)
		assert.Equal(t, head, *page.Next)
		assert.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
		assert.Empty(t, acme.changes(t, "after", head, "wait", 0).Changes)
	})
	t.Run("ManyWaitAtOnce", func(t *testing.T) {
		many := &tenant{connection: writer.connection, namespace: "many"}
		replies := askForChanges(t, acme.connection, "many", `{"after":0,"wait":"30s"}`)
		for range 999 {
			ask(t, acme.connection, replies, "store.many.changes", `{"after":0,"wait":"30s"}`)
		}
		many.set(t, "g", "k", "v")
		for range 1000 {
			assert.Len(t, decode[changesReply](t, answer{receive(t, replies)}).Changes, 1)
		}
	})
}

func TestChanges_Wait_Ugly(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	replies := subscribe(t, acme.connection, nats.NewInbox())
	const waiting = 10_000
	for range waiting + 1 {
		ask(t, acme.connection, replies, "store.acme.changes", `{"after":0,"wait":"30s"}`)
	}
	requireFailure(t, answer{receive(t, replies)}, 503, "unavailable")
	other := acme.in("other")
	theirs := askForChanges(t, acme.connection, "other", `{"after":0,"wait":"30s"}`)
	other.set(t, "g", "k", "v")
	assert.Len(t, decode[changesReply](t, answer{receive(t, theirs)}).Changes, 1, "who waits in one namespace leaves room for others")
	acme.set(t, "g", "k", "v")
	for index := range waiting {
		page := decode[changesReply](t, answer{receive(t, replies)})
		require.Len(t, page.Changes, 1, fmt.Sprint("reply ", index))
	}
}

func TestChanges_Stop_Ugly(t *testing.T) {
	outside := startBroker(t, "127.0.0.1:0")
	sidecar := startSidecarWith(t, outsideConfig(t, outside.URL()))
	connection := connect(t, outside.URL())
	replies := askForChanges(t, connection, "acme", `{"after":0,"wait":"30s"}`)
	start := time.Now()

	require.NoError(t, sidecar.Close())
	stopped := answer{receive(t, replies)}
	assert.Less(t, time.Since(start), 25*time.Second, "a stopping sidecar does not sit the time out")
	if stopped.Header.Get(headerErrorCode) != "" {
		requireFailure(t, stopped, 503, "unavailable")
		return
	}
	assert.Empty(t, decode[changesReply](t, stopped).Changes)
}

// askForChanges sends a request for changes, and returns the subscription for its reply. On
// return the sidecar has the request.
func askForChanges(t *testing.T, connection *nats.Conn, namespace, body string) *nats.Subscription {
	t.Helper()
	replies := subscribe(t, connection, nats.NewInbox())
	ask(t, connection, replies, "store."+namespace+".changes", body)
	// The sidecar takes this request on the same subscription, so after the first.
	reply, err := connection.Request("store.nobody.changes", []byte(`{"after":0}`), patience)
	require.NoError(t, err)
	decode[changesReply](t, answer{reply})
	return replies
}

// ask sends a request whose reply goes to the given subscription.
func ask(t *testing.T, connection *nats.Conn, replies *nats.Subscription, subject, body string) {
	t.Helper()
	require.NoError(t, connection.PublishRequest(subject, replies.Subject, []byte(body)))
}
