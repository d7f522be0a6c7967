// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The broker lets a client name any reply subject. If a sidecar answered there, it would
// publish for a tenant to a subject that is forbidden to the tenant.
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
			// Each of these follows the attack on the same subscription.
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
				// A message with a reply subject is a request of these clients.
				if message.Subject == reply && message.Reply == "" {
					assert.Failf(t, "published", "to %s: %s", reply, message.Data)
				}
			}
		})
	}
}

// The sidecar may publish to the inboxes of all users, and the broker lets every user name
// them. A request is answered only if its inbox belongs to a user of its own namespace.
func TestReplySubject_OthersInbox_Bad(t *testing.T) {
	guarded := startGuarded(t, "acme", "acme2", "acme-2", "ACME", "other", "storebus")
	own := []string{"storebus_requests", "storebus_operator", "storebus_operator_ann"}
	for user, victims := range map[string][]string{
		"acme":              append(own, "acme2", "acme2_consumer", "acme-2", "ACME", "other", "other_consumer", "other_acme", "nobody", "admin", "storebus"),
		"storebus":          append(own, "acme", "storebus-2"),
		"storebus_operator": {"acme", "acme_consumer", "storebus", "storebus_consumer", "storebus_requests", "storebus_operators", "admin", "nobody"},
	} {
		t.Run(user, func(t *testing.T) { guarded.refuseInboxes(t, user, victims) })
	}
	t.Run("IsLogged", func(t *testing.T) {
		assert.Contains(t, guarded.log.String(), "request not executed")
		assert.Contains(t, guarded.log.String(), "another user's inbox")
	})
}

// refuseInboxes lets a user request every reply into the inboxes of others.
func (guarded *guarded) refuseInboxes(t *testing.T, user string, victims []string) {
	t.Helper()
	client, witness := guarded.as(t, user, user), guarded.witness(t)
	rows := tenantRows()
	if user == "storebus_operator" {
		rows = slices.DeleteFunc(slices.Clone(verbRows), func(row verbRow) bool { return !row.admin })
	}
	for _, row := range rows {
		t.Run(row.verb, func(t *testing.T) {
			before, heard := refusedReplies(t, witness, row), subscribe(t, witness, "_INBOX_store.>")
			for _, victim := range victims {
				inbox := "_INBOX_store." + victim + ".x"
				require.NoError(t, client.connection.PublishRequest(row.subject(user), inbox, []byte(row.body)))
				if row.raw {
					require.NoError(t, client.connection.PublishRequest(row.subject(user)+".g.k", inbox, nil))
				}
			}
			// These follow them on the same subscriptions of the sidecar.
			requireFailure(t, row.ask(t, client, `[]`), 400, "bad_request")
			if row.raw {
				requireFailure(t, client.rawToken(t, row.verb, "%41", "k", nil), 400, "bad_request")
			}
			requireOnly(t, witness, heard, client.connection)
			assert.Equal(t, before+len(victims), refusedReplies(t, witness, row), "each is counted")
			require.NoError(t, heard.Unsubscribe())
		})
	}
	if user != "storebus_operator" {
		assert.Zero(t, client.revision(t), "nothing is executed")
		assert.Empty(t, decode[workspacesReply](t, client.call(t, "workspaces", "")).Workspaces)
		assert.NotContains(t, string(client.call(t, "journal_query", `{"flux":"from(bucket:\"b\") |> range(start:-1h)"}`).Data), "measurement")
	}
}

// requireOnly asserts that all messages of a subscription were for the inboxes of one
// client.
func requireOnly(t *testing.T, witness *nats.Conn, heard *nats.Subscription, client *nats.Conn) {
	t.Helper()
	own, _, _ := strings.Cut(strings.TrimPrefix(client.NewInbox(), "_INBOX_store."), ".")
	require.NoError(t, witness.Flush())
	for {
		message, err := heard.NextMsg(time.Nanosecond)
		if errors.Is(err, nats.ErrTimeout) {
			return
		}
		require.NoError(t, err)
		user, _, _ := strings.Cut(strings.TrimPrefix(message.Subject, "_INBOX_store."), ".")
		require.Equal(t, own, user, "%s: %s", message.Subject, message.Data)
	}
}

// Users of a namespace, and operators, are answered in each other's inboxes.
func TestReplySubject_OwnInbox_Good(t *testing.T) {
	url := startSidecar(t).NATSURL()
	for namespace, users := range map[string][]string{
		"acme":     {"acme", "acme_consumer", "acme_worker_7"},
		"storebus": {"storebus", "storebus_consumer", "storebus_operators"},
		"admin":    {"storebus_operator", "storebus_operator_ann"},
	} {
		for _, user := range users {
			t.Run(namespace+"_"+user, func(t *testing.T) {
				client := &tenant{connection: connect(t, url, nats.CustomInboxPrefix("_INBOX_store."+user)), namespace: namespace}
				if namespace == "admin" {
					decode[statusReply](t, client.call(t, "status", ""))
					return
				}
				client.set(t, "g", "k", "v")
				assert.Equal(t, "v", string(client.raw(t, "get", "g", "k", nil).Data))
			})
		}
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
