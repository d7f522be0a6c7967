// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// identified makes a request with a message id, on the subject of a verb or of its raw
// form. header has pairs of name and value.
func (tenant *tenant) identified(t *testing.T, id, verb, payload string, header ...string) answer {
	t.Helper()
	message := nats.NewMsg("store." + tenant.namespace + "." + verb)
	message.Data = []byte(payload)
	for header = append(header, headerMessageID, id); len(header) > 0; header = header[2:] {
		message.Header.Set(header[0], header[1])
	}
	return tenant.send(t, message)
}

// requireFirst asserts that a reply is a success and not a replay.
func requireFirst(t *testing.T, got answer) answer {
	t.Helper()
	require.NotContains(t, got.Header, headerErrorCode, "%.2000s", got.Data)
	require.NotContains(t, got.Header, headerReplayed)
	return got
}

// requireReplayed asserts that a reply replays the first success, byte for byte.
func requireReplayed(t *testing.T, first, got answer) {
	t.Helper()
	require.Equal(t, "true", got.Header.Get(headerReplayed), "%.2000s", got.Data)
	require.Equal(t, string(first.Data), string(got.Data))
	for _, name := range []string{headerRevision, headerExpiresAt} {
		require.Equal(t, first.Header.Get(name), got.Header.Get(name))
	}
	require.NotContains(t, got.Header, headerErrorCode)
}

// writes has a request for every write of a namespace, in the JSON form and in the raw
// form. A second execution would have another result.
var writes = map[string]struct {
	verb, payload string
	header        []string
}{
	"Set":          {verb: "set", payload: `{"group":"g","key":"new","value":"v","ttl":"1h"}`},
	"Delete":       {verb: "delete", payload: `{"group":"g","key":"k"}`},
	"Touch":        {verb: "touch", payload: `{"group":"g","key":"k","ttl":"1h"}`},
	"Increment":    {verb: "increment", payload: `{"group":"g","key":"n","by":5}`},
	"DeleteGroup":  {verb: "delete_group", payload: `{"group":"g"}`},
	"DeletePrefix": {verb: "delete_prefix", payload: `{"prefix":"g"}`},
	"Transaction":  {verb: "transaction", payload: `{"if":[{"group":"g","key":"new","exists":false}],"then":[{"op":"set","group":"g","key":"new","value":"v"}]}`},
	"RawSet":       {verb: "set.g.new", payload: "\xff", header: []string{headerTTL, "1h", headerIfRevision, "0"}},
	"RawDelete":    {verb: "delete.g.k"},
	"RawTouch":     {verb: "touch.g.k", header: []string{headerTTL, "1h"}},
}

// newForWrites is a namespace with two changes, so that each of the writes is the third.
func newForWrites(t *testing.T) (*tenant, *feed) {
	t.Helper()
	acme := newNamespace(t)
	acme.set(t, "g", "k", "v")
	acme.set(t, "g", "n", "1")
	return acme, acme.events(t)
}

// TestMessageID_Bound_Bad has a tenant ask for large answers until there is no room to remember more.
func TestMessageID_Bound_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "g", "large", strings.Repeat("x", 50_000))
	const read = `{"then":[{"op":"get","group":"g","key":"large"},{"op":"set","group":"g","key":"k","value":"v"}]}`
	first := requireFirst(t, acme.identified(t, "0", "transaction", read))
	taken := 1
	for ; taken < 200; taken++ {
		got := acme.identified(t, fmt.Sprint(taken), "transaction", read)
		if got.Header.Get(headerErrorCode) != "" {
			refused := requireFailure(t, got, 503, "unavailable")
			assert.Contains(t, refused.Message, "remembered answers of namespace")
			break
		}
	}
	assert.Greater(t, taken, 70)
	assert.Less(t, taken, 90)
	requireReplayed(t, first, acme.identified(t, "0", "transaction", read))
	requireFirst(t, acme.identified(t, "small", "set", `{"group":"g","key":"k","value":"w"}`))
	requireFirst(t, acme.call(t, "transaction", read))
}

func TestMessageID_Repeated_Good(t *testing.T) {
	for outcome, write := range writes {
		t.Run(outcome, func(t *testing.T) {
			acme, events := newForWrites(t)
			first := requireFirst(t, acme.identified(t, "the id", write.verb, write.payload, write.header...))
			assert.Equal(t, uint64(3), nextEvent(t, events).Revision)
			for range 3 {
				requireReplayed(t, first, acme.identified(t, "the id", write.verb, write.payload, write.header...))
			}
			assert.Equal(t, uint64(3), acme.revision(t), "nothing is applied twice")
			requireSilence(t, acme.connection, events.Subscription)
		})
	}
}

func TestMessageID_Scope_Good(t *testing.T) {
	acme := newNamespace(t)
	const body = `{"key":"n"}`
	first := requireFirst(t, acme.identified(t, "id", "increment", body))

	t.Run("AnotherIDIsAnotherRequest", func(t *testing.T) {
		requireFirst(t, acme.identified(t, "ID", "increment", body))
		assert.Equal(t, "2", acme.value(t, "default", "n"))
	})
	t.Run("WithoutAnIDNothingIsRemembered", func(t *testing.T) {
		decode[incrementReply](t, acme.call(t, "increment", body))
		assert.Equal(t, "3", acme.value(t, "default", "n"))
	})
	t.Run("AnotherNamespaceIsAnotherWorld", func(t *testing.T) {
		other := newNamespace(t)
		requireFirst(t, other.identified(t, "id", "increment", `{"key":"n","by":100}`))
		requireReplayed(t, first, acme.identified(t, "id", "increment", body))
	})
	t.Run("AnotherTraceParentIsTheSameRequest", func(t *testing.T) {
		const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
		requireReplayed(t, first, acme.identified(t, "id", "increment", body, headerTraceParent, parent))
	})
	t.Run("OnReadsItIsIgnored", func(t *testing.T) {
		acme.openWorkspace(t, "w")
		for _, row := range tenantRows() {
			if !row.writes {
				acme.set(t, "default", "k", row.verb)
				requireFirst(t, acme.identified(t, "id", row.verb, row.body))
				requireFirst(t, acme.identified(t, strings.Repeat("é", 1000), row.verb, row.body))
			}
		}
	})
	t.Run("WhatWasNoChangeIsRemembered", func(t *testing.T) {
		missing := requireFirst(t, acme.identified(t, "nothing", "delete", `{"key":"later"}`))
		assert.False(t, decode[deleteReply](t, missing).Deleted)
		acme.set(t, "default", "later", "v")
		requireReplayed(t, missing, acme.identified(t, "nothing", "delete", `{"key":"later"}`))
		assert.Equal(t, "v", acme.value(t, "default", "later"))
	})
	t.Run("OneThatFailsItsGuardsIsRemembered", func(t *testing.T) {
		const guarded = `{"if":[{"key":"open","exists":true}],"then":[{"op":"delete","key":"open"}],"else":[]}`
		refused := requireFirst(t, acme.identified(t, "guarded", "transaction", guarded))
		assert.False(t, decode[transactionReply](t, refused).Succeeded)
		acme.set(t, "default", "open", "v")
		requireReplayed(t, refused, acme.identified(t, "guarded", "transaction", guarded))
	})
	t.Run("128PrintableCharacters", func(t *testing.T) {
		for _, id := range []string{"x", strings.Repeat("x", 128), `!"#$%&'()*+,-./0:;<=>?@A[\]^_a{|}~`} {
			set := requireFirst(t, acme.identified(t, id, "set", `{"key":"k","value":"v"}`))
			requireReplayed(t, set, acme.identified(t, id, "set", `{"key":"k","value":"v"}`))
		}
	})
}

func TestMessageID_Form_Bad(t *testing.T) {
	acme := newNamespace(t)
	for outcome, id := range map[string]string{
		"Empty": "", "Over128Characters": strings.Repeat("x", 129), "NotASCII": "größe", "ControlCharacters": "a\tb", "ADeleteCharacter": "a\x7fb",
	} {
		t.Run(outcome, func(t *testing.T) {
			requireBadField(t, acme.identified(t, id, "set", `{"key":"k","value":"v"}`), headerMessageID)
			requireBadField(t, acme.identified(t, id, "set.g.k", "v"), headerMessageID)
			requireBadField(t, acme.identified(t, id, "transaction", `{}`), headerMessageID)
		})
	}
	t.Run("GivenTwice", func(t *testing.T) {
		message := nats.NewMsg("store." + acme.namespace + ".set")
		message.Data = []byte(`{"key":"k","value":"v"}`)
		message.Header[headerMessageID] = []string{"one", "two"}
		requireBadField(t, acme.send(t, message), headerMessageID)
	})
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestMessageID_Another_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "g", "k", "1")
	first := requireFirst(t, acme.identified(t, "id", "set", `{"group":"g","key":"k","value":"2"}`))
	raw := requireFirst(t, acme.identified(t, "raw id", "set.g.k", "3", headerTTL, "1h"))

	for outcome, test := range map[string]struct {
		id, verb, payload string
		header            []string
	}{
		"AnotherValue":        {"id", "set", `{"group":"g","key":"k","value":"3"}`, nil},
		"AnotherKey":          {"id", "set", `{"group":"g","key":"l","value":"2"}`, nil},
		"AnotherGroup":        {"id", "set", `{"key":"k","value":"2"}`, nil},
		"OneMoreField":        {"id", "set", `{"group":"g","key":"k","value":"2","ttl":"1h"}`, nil},
		"AnotherVerb":         {"id", "increment", `{"group":"g","key":"k"}`, nil},
		"AnotherRawValue":     {"raw id", "set.g.k", "4", []string{headerTTL, "1h"}},
		"AnotherRawKey":       {"raw id", "set.g.l", "3", []string{headerTTL, "1h"}},
		"AnotherRawGroup":     {"raw id", "set.h.k", "3", []string{headerTTL, "1h"}},
		"AnotherRawTTL":       {"raw id", "set.g.k", "3", []string{headerTTL, "2h"}},
		"WithoutTheRawTTL":    {"raw id", "set.g.k", "3", nil},
		"WithARawRevision":    {"raw id", "set.g.k", "3", []string{headerTTL, "1h", headerIfRevision, "3"}},
		"AnotherVerbAsRaw":    {"raw id", "delete.g.k", "", nil},
		"AGuardThatFailsToo":  {"id", "set", `{"group":"g","key":"k","value":"2","if_revision":99}`, nil},
		"AKeyThatIsNotThere":  {"id", "touch", `{"group":"g","key":"missing","ttl":"1h"}`, nil},
		"AWriteThatIsNoneNow": {"id", "delete_group", `{"group":"nobody"}`, nil},
	} {
		t.Run(outcome, func(t *testing.T) {
			requireBadField(t, acme.identified(t, test.id, test.verb, test.payload, test.header...), headerMessageID)
		})
	}
	t.Run("WhatIsMalformedIsSaidFirst", func(t *testing.T) {
		requireBadField(t, acme.identified(t, "id", "set", `{"group":"g","key":"k","value":2}`), "value")
		requireBadField(t, acme.identified(t, "id", "set", `{"group":"g","value":"2"}`), "key")
	})
	assert.Equal(t, uint64(3), acme.revision(t), "nothing was changed")
	requireReplayed(t, first, acme.identified(t, "id", "set", `{"group":"g","key":"k","value":"2"}`))
	requireReplayed(t, raw, acme.identified(t, "raw id", "set.g.k", "3", headerTTL, "1h"))
}

// A repeated id is recognised before the guard, the key, the size and the quota are
// checked.
func TestMessageID_Order_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", "v")
	guarded := requireFirst(t, acme.identified(t, "guarded", "set", `{"key":"k","value":"w","if_revision":1}`))
	touched := requireFirst(t, acme.identified(t, "touched", "touch", `{"key":"k","ttl":"1h"}`))
	created := requireFirst(t, acme.identified(t, "created", "set", `{"key":"new","value":"0123456789"}`))
	decode[deletePrefixReply](t, acme.call(t, "delete_prefix", `{"prefix":"","all":true}`))
	acme.setQuota(t, "max_keys", 1, "max_value_bytes", 1)
	acme.set(t, "default", "other", "v")

	requireReplayed(t, guarded, acme.identified(t, "guarded", "set", `{"key":"k","value":"w","if_revision":1}`))
	requireReplayed(t, touched, acme.identified(t, "touched", "touch", `{"key":"k","ttl":"1h"}`))
	requireReplayed(t, created, acme.identified(t, "created", "set", `{"key":"new","value":"0123456789"}`))
	assert.Equal(t, []string{"default/other"}, placesOf(acme.scan(t)))
}

func TestMessageID_Errors_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", "text")
	for _, step := range []struct {
		outcome, verb, body, name string
		code                      int
		mend                      func()
	}{
		{"AGuard", "set", `{"key":"k","value":"5","if_revision":2}`, "revision_conflict", 409, func() { acme.set(t, "default", "k", "4") }},
		{"AMissingKey", "touch", `{"key":"later","ttl":"1h"}`, "not_found", 404, func() { acme.set(t, "default", "later", "v") }},
		{"Content", "increment", `{"key":"later"}`, "bad_request", 400, func() { acme.set(t, "default", "later", "1") }},
		{"AQuota", "set", `{"key":"third","value":"v"}`, "quota_exceeded", 429, func() { acme.setQuota(t, "max_keys", 0) }},
	} {
		t.Run(step.outcome, func(t *testing.T) {
			acme.setQuota(t, "max_keys", 2)
			for range 2 {
				requireFailure(t, acme.identified(t, step.outcome, step.verb, step.body), step.code, step.name)
			}
			step.mend()
			first := requireFirst(t, acme.identified(t, step.outcome, step.verb, step.body))
			requireReplayed(t, first, acme.identified(t, step.outcome, step.verb, step.body))
		})
	}
	t.Run("AfterAnErrorTheIDIsFree", func(t *testing.T) {
		requireFailure(t, acme.identified(t, "free", "touch", `{"key":"nobody","ttl":"1h"}`), 404, "not_found")
		requireFirst(t, acme.identified(t, "free", "delete", `{"key":"nobody"}`))
	})
}

func TestMessageID_Size_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "large", "k", strings.Repeat("x", 70<<10))
	acme.set(t, "small", "k", strings.Repeat("x", 60<<10))
	body := func(group string) string {
		return `{"then":[{"op":"increment","key":"n"},{"op":"get","group":"` + group + `","key":"k"}]}`
	}
	for range 2 {
		tooLarge := requireFailure(t, acme.identified(t, "large", "transaction", body("large")), 413, "too_large")
		require.NotNil(t, tooLarge.Limit)
		assert.Equal(t, uint64(64<<10), *tooLarge.Limit)
	}
	assert.Equal(t, uint64(2), acme.revision(t), "it changes nothing")
	small := requireFirst(t, acme.identified(t, "small", "transaction", body("small")))
	assert.Greater(t, len(small.Data), 60<<10)
	requireReplayed(t, small, acme.identified(t, "small", "transaction", body("small")))
	assert.True(t, acme.transact(t, body("large")).Succeeded, "without an id it is carried out")
}

// If one id comes many times at once, one request is executed, and each has its reply.
func TestMessageID_Race_Ugly(t *testing.T) {
	const clients, ids = 8, 40
	acme := newNamespace(t)
	answers := make([][]string, clients)
	var firsts atomic.Int64
	var group sync.WaitGroup
	defer group.Wait()
	for client := range clients {
		connection := connect(t, acme.connection.ConnectedUrl())
		group.Go(func() {
			for id := range ids {
				message := nats.NewMsg("store." + acme.namespace + ".increment")
				message.Data = []byte(`{"key":"n"}`)
				message.Header.Set(headerMessageID, fmt.Sprint(id))
				reply, err := connection.RequestMsg(message, patience)
				if !assert.NoError(t, err) || !assert.NotContains(t, reply.Header, headerErrorCode) {
					return
				}
				answers[client] = append(answers[client], string(reply.Data))
				if reply.Header.Get(headerReplayed) == "" {
					firsts.Add(1)
				}
			}
		})
	}
	group.Wait()
	assert.Equal(t, int64(ids), firsts.Load())
	for _, one := range answers {
		assert.Equal(t, answers[0], one)
	}
	assert.Equal(t, fmt.Sprint(ids), acme.value(t, "default", "n"))
}

// Two requests with the same id are under way together, as an impatient client sends them.
func TestMessageID_Together_Ugly(t *testing.T) {
	acme := newNamespace(t)
	replies := subscribe(t, acme.connection, nats.NewInbox())
	for range 10 {
		message := nats.NewMsg("store." + acme.namespace + ".increment")
		message.Data, message.Reply = []byte(`{"key":"n"}`), replies.Subject
		message.Header.Set(headerMessageID, "together")
		require.NoError(t, acme.connection.PublishMsg(message))
	}
	first := requireFirst(t, answer{receive(t, replies)})
	for range 9 {
		requireReplayed(t, first, answer{receive(t, replies)})
	}
	assert.JSONEq(t, `{"value":1,"revision":1}`, string(first.Data))
}

func TestMessageID_Restart_Good(t *testing.T) {
	settings := embeddedConfig(t, func(*storebus.Config) {})
	sidecar := startSidecarWith(t, settings)
	acme := newTenant(t, sidecar.NATSURL(), "acme")
	first := requireFirst(t, acme.identified(t, "id", "increment", `{"key":"n"}`))
	require.NoError(t, sidecar.Close())
	acme = newTenant(t, startSidecarWith(t, settings).NATSURL(), "acme")
	requireReplayed(t, first, acme.identified(t, "id", "increment", `{"key":"n"}`))
	requireBadField(t, acme.identified(t, "id", "increment", `{"key":"m"}`), headerMessageID)
}

// After SIGKILL an acknowledged id is known, and an id without a reply is executed once.
func TestMessageID_Kill_Ugly(t *testing.T) {
	t.Parallel()
	const kills, writes = 3, 20
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	acme := newTenant(t, outside.URL(), "acme")
	firsts := map[string]answer{}
	for kill := range kills {
		sidecar := startServe(t, outside.URL(), database)
		for id, first := range firsts {
			requireReplayed(t, first, acme.identified(t, id, "increment", `{"key":"n"}`))
		}
		for number := range writes {
			id := fmt.Sprint(kill, number)
			firsts[id] = requireFirst(t, acme.identified(t, id, "increment", `{"key":"n"}`))
		}
		replies := subscribe(t, acme.connection, nats.NewInbox())
		message := nats.NewMsg("store.acme.increment")
		message.Data, message.Reply = []byte(`{"key":"n"}`), replies.Subject
		message.Header.Set(headerMessageID, fmt.Sprint("unknown", kill))
		require.NoError(t, acme.connection.PublishMsg(message))
		require.NoError(t, acme.connection.Flush())
		sidecar.kill(t)
	}
	startServe(t, outside.URL(), database)
	for id, first := range firsts {
		requireReplayed(t, first, acme.identified(t, id, "increment", `{"key":"n"}`))
		requireBadField(t, acme.identified(t, id, "increment", `{"key":"n","by":2}`), headerMessageID)
		requireBadField(t, acme.identified(t, id, "delete", `{"key":"n"}`), headerMessageID)
	}
	for kill := range kills {
		again := acme.identified(t, fmt.Sprint("unknown", kill), "increment", `{"key":"n"}`)
		require.NotContains(t, again.Header, headerErrorCode)
	}
	assert.Equal(t, fmt.Sprint(kills*(writes+1)), acme.value(t, "default", "n"), "each exactly once")
}
