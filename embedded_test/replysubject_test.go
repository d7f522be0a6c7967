// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The broker lets a client name any subject to reply to: a sidecar that answered
// there would publish for a tenant what the tenant may not publish itself.
func TestReplySubject_Attack_Bad(t *testing.T) {
	sidecar := startSidecar(t)
	attacker := newTenant(t, sidecar.NATSURL(), "acme")
	victim := connect(t, sidecar.NATSURL())
	everything := subscribe(t, victim, ">")
	attacker.set(t, "config", "theme", "dark")

	for outcome, reply := range map[string]string{
		"AnEventOfAnotherTenant": "store.events.other.x",
		"AnEventOfItsOwn":        "store.events.acme.config",
		"ARequestOfATenant":      "store.other.set.g.k",
		"AnAdminRequest":         "store.admin.status",
		"ThePrefixItself":        "store",
		"ASystemSubject":         "$SYS.REQ.SERVER.PING",
		"AServiceSubject":        "$SRV.INFO.storebus",
		"AStreamSubject":         "$JS.API.STREAM.CREATE.x",
		"AKeyValueSubject":       "$KV.bucket.key",
		"AWildcard":              "replies.*",
		"AFullWildcard":          "replies.>",
		"Over512Bytes":           strings.Repeat("r", 513),
	} {
		t.Run(outcome, func(t *testing.T) {
			before := attacker.revision(t)
			requests := map[string]string{
				"set":                `{"key":"attack","value":"v"}`,
				"delete":             `{"group":"config","key":"theme"}`,
				"get":                `{"group":"config","key":"theme"}`,
				"exists":             `{"group":"config","key":"theme"}`,
				"list":               `{"group":"config"}`,
				"changes":            `{"after":0}`,
				"set.attack.raw":     "v",
				"get.config.theme":   "",
				"get.config.missing": "",
			}
			for verb, body := range requests {
				require.NoError(t, attacker.connection.PublishRequest("store.acme."+verb, reply, []byte(body)))
			}
			require.NoError(t, attacker.connection.PublishRequest("store.admin.status", reply, nil))
			// Each of these comes after the attack on the same subscription.
			decode[entry](t, attacker.call(t, "get", `{"group":"config","key":"theme"}`))
			attacker.raw(t, "get", "config", "theme", nil)
			decode[existsReply](t, attacker.call(t, "exists", `{"key":"k"}`))
			decode[deleteReply](t, attacker.call(t, "delete", `{"key":"k"}`))
			attacker.changes(t, "after", 0)
			readStatus(t, attacker.connection)
			assert.Equal(t, before, attacker.revision(t), "nothing is executed")
			after := decode[setReply](t, attacker.raw(t, "set", "after", "attack", nil))
			assert.Equal(t, before+1, after.Revision)

			for announced := false; !announced; {
				message := receive(t, everything)
				if strings.HasPrefix(message.Subject, "store.events.") {
					change := decodeBody[event](t, message.Data)
					assert.NotEqual(t, "attack", change.Group)
					announced = change.Revision == after.Revision
					continue
				}
				// What has a reply subject itself is a request of these clients.
				if message.Subject == reply && message.Reply == "" {
					assert.Failf(t, "published", "to %s: %s", reply, message.Data)
				}
			}
		})
	}
}

func TestReplySubject_Inbox_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	for outcome, inbox := range map[string]string{
		"AnOrdinaryInbox":       nats.NewInbox(),
		"AnInboxPrefix":         "_INBOX.acme.user.1",
		"AnySubjectOfItsOwn":    "replies.acme",
		"AsLongAsIsAllowed":     strings.Repeat("r", 512),
		"BeginsLikeThePrefix":   "storefront.replies",
		"HoldsADollarElsewhere": "replies.$1",
	} {
		t.Run(outcome, func(t *testing.T) {
			replies := subscribe(t, acme.connection, inbox)
			ask(t, acme.connection, replies, "store.acme.set", `{"key":"k","value":"v"}`)
			decode[setReply](t, answer{receive(t, replies)})
		})
	}
}
