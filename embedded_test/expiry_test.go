// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// setBriefly stores the number 7 under a key that expires at once, and returns after the
// expiry. The expire may or may not be logged by then.
func setBriefly(t *testing.T, acme *tenant, group, key string) {
	t.Helper()
	body := object(t, "group", group, "key", key, "value", "7", "ttl", "1ms")
	set := decode[setReply](t, acme.call(t, "set", body))
	require.NotNil(t, set.ExpiresAt)
	for !time.Now().After(*set.ExpiresAt) {
		acme.in("elsewhere").revision(t)
	}
}

// An expired key is absent for every verb, even if its expire is not logged yet.
func TestExpiry_Absent_Good(t *testing.T) {
	for _, test := range []struct{ verb, body, reply string }{
		{"get_many", `{"entries":[{"group":"brief","key":"k"}]}`, `{"group":"brief","key":"k","missing":true}`},
		{"exists", `{"group":"brief","key":"k"}`, `{"exists":false}`},
		{"delete", `{"group":"brief","key":"k"}`, `"deleted":false`},
		{"list", `{"group":"brief"}`, `"entries":[]`},
		{"scan", `{}`, `"entries":[]`},
		{"count", `{"group":"brief"}`, `"count":0`},
		{"count", `{}`, `"count":0`},
		{"groups", `{}`, `"groups":[]`},
		{"usage", `{}`, `"keys":0`},
		{"render", `{"group":"brief","template":"{{len .}}"}`, `"text":"0"`},
		{"delete_group", `{"group":"brief"}`, `"deleted":0`},
		{"delete_prefix", `{"prefix":"br"}`, `"groups":0,"deleted":0`},
		{"increment", `{"group":"brief","key":"k"}`, `"value":1`},
		{"set", `{"group":"brief","key":"k","value":"w","if_revision":0}`, `"created":true`},
		{"transaction", `{"if":[{"group":"brief","key":"k","exists":false,"revision":0}],"then":[{"op":"get","group":"brief","key":"k"}]}`, `"missing":true`},
	} {
		t.Run(test.verb, func(t *testing.T) {
			acme := newNamespace(t)
			setBriefly(t, acme, "brief", "k")
			reply := acme.call(t, test.verb, test.body)
			require.NotContains(t, reply.Header, headerErrorCode, "%s", reply.Data)
			assert.Contains(t, string(reply.Data), test.reply)
		})
	}
	for verb, body := range map[string]string{
		"get": `{"group":"brief","key":"k"}`, "touch": `{"group":"brief","key":"k","ttl":"1h"}`,
		"split": `{"group":"brief","key":"k","separator":","}`, "fields": `{"group":"brief","key":"k"}`,
	} {
		t.Run(verb, func(t *testing.T) {
			acme := newNamespace(t)
			setBriefly(t, acme, "brief", "k")
			requireFailure(t, acme.call(t, verb, body), 404, "not_found")
		})
	}
	t.Run("ItsRevisionIsZero", func(t *testing.T) {
		acme := newNamespace(t)
		setBriefly(t, acme, "brief", "k")
		requireConflict(t, acme.call(t, "delete", `{"group":"brief","key":"k","if_revision":1}`), 0)
	})
}

// A write to an expired key logs the expire first. The write itself never ends the old
// value.
func TestExpiry_Write_Good(t *testing.T) {
	const rounds = 30
	acme := newNamespace(t)
	events := acme.events(t)
	for range rounds {
		setBriefly(t, acme, "brief", "k")
	}
	for revision := uint64(1); revision < 2*rounds; revision++ {
		change := nextEvent(t, events)
		require.Equal(t, revision, change.Revision)
		require.Equal(t, map[bool]string{true: "set", false: "expire"}[revision%2 == 1], change.Type)
		if change.Type == "set" {
			require.True(t, *change.Created)
		}
	}
}

// A timer at the deadline causes the event: the next sweep is an hour away.
func TestExpiry_Timer_Good(t *testing.T) {
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) { config.PurgeInterval = time.Hour }))
	acme := newTenant(t, sidecar.NATSURL(), "acme")
	events := acme.events(t)
	ttls := []string{"400ms", "100ms", "300ms", "200ms"}
	touches := []any{}
	for index, ttl := range ttls {
		decode[setReply](t, acme.call(t, "set", object(t, "key", fmt.Sprint(index), "value", "v", "ttl", "1h")))
		touches = append(touches, map[string]any{"op": "touch", "key": fmt.Sprint(index), "ttl": ttl})
	}
	acme.transact(t, object(t, "then", touches))
	for range 2 * len(ttls) {
		assert.NotNil(t, nextEvent(t, events).ExpiresAt)
	}
	for _, key := range []string{"1", "3", "2", "0"} {
		expired := nextEvent(t, events)
		assert.Equal(t, "expire", expired.Type)
		assert.Equal(t, key, *expired.Key, "in the order of their deadlines")
		assert.NotZero(t, *expired.Previous)
		assert.Nil(t, expired.Value)
		assert.Nil(t, expired.Created)
		assert.Nil(t, expired.ExpiresAt)
	}
}
