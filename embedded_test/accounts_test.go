// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const sidecarAccount = "storebus_sidecar"

// startInAccounts is startGuarded with an account for each tenant and each consumer. Each
// named account gets one more user, to whom its own account permits everything: acme gets
// acme_root.
func startInAccounts(t *testing.T, namespaces []string, accounts ...string) *guarded {
	t.Helper()
	configuration := printedPermissions(t, append([]string{"--accounts"}, namespaces...)...)
	for _, account := range accounts {
		configuration = withRoot(t, configuration, account)
	}
	return startGuardedBy(t, configuration+leafNodes)
}

// leafNodes lets a broker accept leaf nodes.
const leafNodes = "leafnodes { host: 127.0.0.1, port: -1 }\n"

// withRoot adds a user without limits to an account of a configuration.
func withRoot(t *testing.T, configuration, account string) string {
	t.Helper()
	users := fmt.Sprintf("  %q: {\n    users = [", account)
	require.Contains(t, configuration, users)
	root := account + "_root"
	return strings.Replace(configuration, users, users+fmt.Sprintf("\n      { user: %q, password: %q }", root, passwordOf(root)), 1)
}

// Users in different accounts are served like users in one: every verb, every event, and
// many late replies to one inbox.
func TestAccounts_Access_Good(t *testing.T) {
	t.Parallel()
	guarded := startInAccounts(t, []string{"acme", "other"})
	t.Run("Tenant", guarded.serveTenant)
	t.Run("Consumer", guarded.serveConsumer)
	t.Run("Operator", guarded.serveOperator)
	t.Run("Sidecar", guarded.serveSidecar)
	t.Run("NoSuchVerb", func(t *testing.T) {
		_, err := guarded.connect(t, "acme").Request("store.acme.sett", nil, patience)
		assert.ErrorIs(t, err, nats.ErrNoResponders)
	})
}

func TestAccounts_Access_Bad(t *testing.T) {
	t.Parallel()
	guarded := startInAccounts(t, []string{"acme", "other", "ACME"})
	t.Run("Tenant", guarded.refuseTenant)
	t.Run("Consumer", guarded.refuseConsumer)
	t.Run("Operator", guarded.refuseOperator)
	t.Run("Sidecar", guarded.refuseSidecar)
}

// An account is a boundary, whatever it permits its own users. Requests, events and inboxes
// of other accounts do not exist in it.
func TestAccounts_Boundary_Bad(t *testing.T) {
	guarded := startInAccounts(t, []string{"acme", "acme2", "other"}, "acme", "acme_consumer", "other")
	acme, reader := guarded.as(t, "acme_root", "acme"), guarded.as(t, "acme_consumer_root", "acme")
	other := guarded.as(t, "other", "other")
	everything := subscribe(t, guarded.connect(t, "other_root"), ">")
	acme.set(t, "config", "theme", `{"key":"attack","value":"v"}`)
	standing := acme.revision(t)

	t.Run("NoRequestLeavesIt", func(t *testing.T) {
		for subject, client := range map[string]*tenant{
			"store.other.set": acme, "store.other.get.g.k": acme, "store.acme2.set": acme, "store.admin.status": acme, "$SRV.INFO.storebus": acme,
			"store.acme.set": reader, "store.acme.set.g.k": reader, "store.acme.get.config.theme": reader, "store.acme.list": reader,
		} {
			_, err := client.connection.Request(subject, []byte(`{"key":"attack","value":"v"}`), patience)
			assert.ErrorIs(t, err, nats.ErrNoResponders, subject)
		}
	})
	t.Run("NoEventReachesAnother", func(t *testing.T) {
		tenant := guarded.as(t, "acme", "acme")
		events := tenant.events(t)
		for _, subject := range []string{"store.events.other.x", "store.events.acme.config", "_INBOX_store.other.x"} {
			require.NoError(t, reader.connection.Publish(subject, []byte("attack")))
		}
		require.NoError(t, acme.connection.Publish("store.events.other.x", []byte("attack")))
		reader.scan(t)
		acme.revision(t)
		requireSilence(t, tenant.connection, events.Subscription)
		requireSilence(t, other.connection, everything)
	})
	// The broker replaces the reply subject, and publishes the reply in the account of the
	// request.
	t.Run("NoReplyReachesAnother", func(t *testing.T) {
		for _, reply := range []string{
			"store.events.other.x", "store.events.acme.x", "store.other.set.g.k", "store.acme.set.attack.x", "store.acme.set",
			"store.admin.purge", "_INBOX_store.other.x", "_INBOX_store.storebus_requests.x", "elsewhere",
		} {
			for _, client := range []*tenant{acme, reader} {
				require.NoError(t, client.connection.PublishRequest("store.acme.scan", reply, nil))
				require.NoError(t, client.connection.PublishRequest("store.acme.get", reply, []byte(`{"group":"config","key":"theme"}`)))
			}
		}
		reader.scan(t)
		acme.scan(t)
		assert.Equal(t, standing, acme.revision(t), "a reply is no request")
		requireSilence(t, other.connection, everything)
		assert.Zero(t, other.revision(t))
	})
	t.Run("NoClientNamesAReplySubjectOfTheBroker", func(t *testing.T) {
		requireRefused(t, acme.connection, "_R_.abcdef.ghijkl", func() error {
			return acme.connection.PublishRequest("store.acme.get", "_R_.abcdef.ghijkl", nil)
		})
	})
}

// If a sidecar lacks the permission to answer other accounts, it executes requests and the
// broker refuses the replies. The log names the cause and the remedy.
func TestAccounts_Replies_Bad(t *testing.T) {
	configuration := printedPermissions(t, "acme", "--accounts")
	const permission = `, "_R_.>"`
	require.Equal(t, 1, strings.Count(configuration, permission), "the sidecar's connection for requests, and nobody else")
	guarded := startGuardedBy(t, strings.Replace(configuration, permission, "", 1))
	acme := guarded.as(t, "acme", "acme")
	events := subscribe(t, acme.connection, "store.events.acme.>")
	replies := subscribe(t, acme.connection, acme.connection.NewInbox())
	ask(t, acme.connection, replies, "store.acme.set", `{"key":"k","value":"v"}`)
	assert.Equal(t, uint64(1), decodeBody[event](t, receive(t, events).Data).Revision, "it is done")
	require.Eventually(t, func() bool { return strings.Contains(guarded.log.String(), "does not permit this") }, patience, time.Millisecond)
	assert.Contains(t, guarded.log.String(), `_R_.`)
	assert.Contains(t, guarded.log.String(), "storebus permissions --accounts")
	requireSilence(t, acme.connection, replies)
}

// startLeafNode starts a broker as a leaf node of hub. It connects as user; configuration
// is the rest of its file.
func startLeafNode(t *testing.T, hub *server.Server, user, account, configuration string) *server.Server {
	t.Helper()
	status, err := hub.Varz(nil)
	require.NoError(t, err)
	remote := fmt.Sprintf("url: %q", fmt.Sprintf("nats-leaf://%s:%s@127.0.0.1:%d", user, passwordOf(user), status.LeafNode.Port))
	if account != "" {
		remote += fmt.Sprintf(", account: %q", account)
	}
	leaf := startGuardingBroker(t, configuration+fmt.Sprintf("leafnodes { remotes = [ { %s } ] }\n", remote))
	require.Eventually(t, func() bool { return leaf.NumLeafNodes() == 1 && hub.NumLeafNodes() == 1 }, patience, time.Millisecond)
	return leaf
}

// requireServed asserts that a tenant behind a leaf node is served like any other.
func requireServed(t *testing.T, acme *tenant) {
	t.Helper()
	// The sidecar's subscriptions reach the leaf node a little later.
	require.Eventually(t, func() bool {
		_, err := acme.connection.Request("store.acme.usage", nil, patience)
		return err == nil
	}, patience, time.Millisecond)
	events := acme.events(t)
	revision := acme.set(t, "config", "theme", "dark")
	assert.Equal(t, revision, nextEvent(t, events).Revision)
	assert.Equal(t, "dark", acme.value(t, "config", "theme"))
	assert.Equal(t, "dark", string(acme.raw(t, "get", "config", "theme", nil).Data))
	assert.Equal(t, []uint64{revision}, revisionsOf(t, acme.changes(t, "after", revision-1)))

	t.Run("ManyRepliesToOneInboxLongAfterTheRequests", func(t *testing.T) {
		const readers = 500
		inbox := acme.connection.NewInbox()
		replies := subscribe(t, acme.connection, inbox)
		for range readers {
			require.NoError(t, acme.connection.PublishRequest("store.acme.changes", inbox, []byte(object(t, "after", revision, "wait", "30s"))))
		}
		acme.changes(t, "after", revision)
		acme.set(t, "config", "theme", "light")
		for range readers {
			require.Equal(t, []uint64{revision + 1}, revisionsOf(t, decode[changesReply](t, answer{receive(t, replies)})))
		}
	})
}

func TestAccounts_LeafNode_Good(t *testing.T) {
	t.Parallel()
	inboxes := nats.CustomInboxPrefix("_INBOX_store.acme")
	everybody := fmt.Sprintf("authorization {\n  users = [\n    { user: acme, password: %q }\n  ]\n}\n", passwordOf("acme"))

	t.Run("ATenantBehindOne", func(t *testing.T) {
		guarded := startInAccounts(t, []string{"acme", "other"})
		leaf := startLeafNode(t, guarded.broker, "acme", "", everybody)
		requireServed(t, &tenant{connection: connect(t, leaf.ClientURL(), nats.UserInfo("acme", passwordOf("acme")), inboxes), namespace: "acme"})
		assert.NotContains(t, strings.ToLower(guarded.log.String()), "permission")
	})
	t.Run("ATenantOfTheSidecarsAccountBehindOne", func(t *testing.T) {
		guarded := startGuardedBy(t, printedPermissions(t, "acme", "other")+leafNodes)
		leaf := startLeafNode(t, guarded.broker, "acme", "", everybody)
		requireServed(t, &tenant{connection: connect(t, leaf.ClientURL(), nats.UserInfo("acme", passwordOf("acme")), inboxes), namespace: "acme"})
		assert.NotContains(t, strings.ToLower(guarded.log.String()), "permission")
	})
	t.Run("TheSidecarBehindOne", func(t *testing.T) {
		accounts := printedPermissions(t, "acme", "other", "--accounts")
		hub := startGuardingBroker(t, withRoot(t, accounts, sidecarAccount)+leafNodes)
		leaf := startLeafNode(t, hub, sidecarAccount+"_root", sidecarAccount, accounts)
		guarded := startGuardedOn(t, leaf)
		requireServed(t, &tenant{connection: connect(t, hub.ClientURL(), nats.UserInfo("acme", passwordOf("acme")), inboxes), namespace: "acme"})
		requireServed(t, guarded.as(t, "acme", "acme"))
		assert.NotContains(t, strings.ToLower(guarded.log.String()), "permission")
	})
}
