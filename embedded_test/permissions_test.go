// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// allowed are permissions to publish and to subscribe to what is named, and to
// nothing else.
func allowed(publish, subscribe []string) *server.Permissions {
	permissions := &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: publish},
		Subscribe: &server.SubjectPermission{Allow: subscribe},
	}
	// A list that allows nothing is none to the broker.
	if len(publish) == 0 {
		permissions.Publish.Deny = []string{">"}
	}
	if len(subscribe) == 0 {
		permissions.Subscribe.Deny = []string{">"}
	}
	return permissions
}

// The whole access of everybody, as the contract has it. Whoever asks has an inbox
// of its own.
var access = map[string]*server.Permissions{
	"acme":     allowed([]string{"store.acme.>"}, []string{"store.events.acme.>", "_INBOX.acme.>"}),
	"other":    allowed([]string{"store.other.>"}, []string{"store.events.other.>", "_INBOX.other.>"}),
	"ACME":     allowed([]string{"store.ACME.>"}, []string{"store.events.ACME.>", "_INBOX.ACME.>"}),
	"consumer": allowed([]string{"store.acme.changes", "store.acme.scan", "store.acme.get"}, []string{"store.events.acme.>", "_INBOX.consumer.>"}),
	"operator": allowed([]string{"store.admin.>"}, []string{"_INBOX.operator.>"}),
}

// The access of the sidecar's two connections: one takes requests in its queue group
// and replies, and looks for other sidecars; the other publishes events.
var (
	requestsAccess = allowed([]string{"_INBOX.>", "$SRV.INFO.storebus"},
		[]string{"store.*.* storebus", "store.*.*.*.* storebus", "$SRV.>", "_INBOX.sidecar.>"})
	eventsAccess = allowed([]string{"store.events.>"}, nil)
)

// doorkeeper gives everybody who connects the access of their user. The sidecar is
// one user, whose connections say what they are for.
type doorkeeper struct{}

func (doorkeeper) Check(client server.ClientAuthentication) bool {
	options := client.GetOpts()
	permissions := access[options.Username]
	if options.Username == "sidecar" {
		permissions = requestsAccess
		if strings.Contains(options.Name, " events ") {
			permissions = eventsAccess
		}
	}
	if permissions == nil {
		return false
	}
	client.RegisterUser(&server.User{Username: options.Username, Permissions: permissions})
	return true
}

// startServer starts a broker inside the test, for what a broker in a process of its
// own cannot be told: who may do what, and how large a message may be.
func startServer(t *testing.T, options *server.Options) *server.Server {
	t.Helper()
	options.Host, options.NoSigs, options.NoLog = "127.0.0.1", true, true
	if options.Port == 0 {
		options.Port = server.RANDOM_PORT
	}
	started, err := server.NewServer(options)
	require.NoError(t, err)
	started.Start()
	require.True(t, started.ReadyForConnections(patience))
	t.Cleanup(func() { started.Shutdown(); started.WaitForShutdown() })
	return started
}

// guarded is a sidecar on a broker with a doorkeeper.
type guarded struct {
	url string
	log *lockedBuffer
}

func startGuarded(t *testing.T) *guarded {
	t.Helper()
	broker := startServer(t, &server.Options{CustomClientAuthentication: doorkeeper{}})
	started := &guarded{url: broker.ClientURL(), log: &lockedBuffer{}}
	startSidecarWith(t, started.config(t))
	return started
}

// config is how a sidecar connects to the broker.
func (guarded *guarded) config(t *testing.T) storebus.Config {
	t.Helper()
	config := outsideConfig(t, guarded.url)
	config.NATS.User, config.NATS.InboxPrefix = "sidecar", "_INBOX.sidecar"
	config.BackupDirectory = t.TempDir()
	config.Logger = slog.New(slog.NewTextHandler(guarded.log, nil))
	return config
}

// as connects with the access of a user, to work in a namespace.
func (guarded *guarded) as(t *testing.T, user, namespace string) *tenant {
	t.Helper()
	connection := connect(t, guarded.url, nats.UserInfo(user, ""), nats.CustomInboxPrefix("_INBOX."+user), nats.ErrorHandler(unheard))
	return &tenant{connection: connection, namespace: namespace}
}

// unheard takes the refusals that the tests ask for, which would be printed otherwise.
func unheard(*nats.Conn, *nats.Subscription, error) {}

// requireRefused says that the broker does not let a client do what it does with the
// subject.
func requireRefused(t *testing.T, connection *nats.Conn, subject string, do func() error) {
	t.Helper()
	require.NoError(t, do())
	// The broker refuses before it answers the flush that follows.
	require.NoError(t, connection.Flush())
	require.ErrorIs(t, connection.LastError(), nats.ErrPermissionViolation, subject)
	require.ErrorContains(t, connection.LastError(), `"`+subject+`"`)
}

// requireNoPublish says that nothing can be published to the subjects.
func requireNoPublish(t *testing.T, connection *nats.Conn, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		requireRefused(t, connection, subject, func() error {
			return connection.PublishRequest(subject, connection.NewInbox(), []byte(`{"key":"attack","value":"v"}`))
		})
	}
}

// requireNoSubscribe says that nobody can listen to the subjects, alone or in the
// queue group of the sidecar.
func requireNoSubscribe(t *testing.T, connection *nats.Conn, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		requireRefused(t, connection, subject, func() error {
			_, err := connection.SubscribeSync(subject)
			return err
		})
		requireRefused(t, connection, subject, func() error {
			_, err := connection.QueueSubscribeSync(subject, "storebus")
			return err
		})
	}
}

// requestSubjects are where a verb is asked for in a namespace.
func requestSubjects(namespace string) (subjects []string) {
	for _, row := range tenantRows() {
		subjects = append(subjects, row.subject(namespace))
		if row.raw {
			subjects = append(subjects, row.subject(namespace)+".g.k")
		}
	}
	return subjects
}

// adminSubjects are where an operator asks.
func adminSubjects() (subjects []string) {
	for _, row := range verbRows {
		if row.admin {
			subjects = append(subjects, row.subject("admin"))
		}
	}
	return subjects
}

// Everything that the access of somebody grants works.
func TestPermissions_Access_Good(t *testing.T) {
	guarded := startGuarded(t)
	t.Run("Tenant", guarded.serveTenant)
	t.Run("Consumer", guarded.serveConsumer)
	t.Run("Operator", guarded.serveOperator)
	t.Run("Sidecar", guarded.serveSidecar)
}

// Everything else is refused, to everybody.
func TestPermissions_Access_Bad(t *testing.T) {
	guarded := startGuarded(t)
	t.Run("Tenant", guarded.refuseTenant)
	t.Run("Consumer", guarded.refuseConsumer)
	t.Run("Operator", guarded.refuseOperator)
	t.Run("Sidecar", guarded.refuseSidecar)
}

func (guarded *guarded) serveTenant(t *testing.T) {
	t.Helper()
	acme := guarded.as(t, "acme", "acme")
	events := acme.events(t)
	changes := 0
	for _, row := range tenantRows() {
		acme.set(t, "default", "k", "v")
		acme.set(t, "g", "k", "v")
		requireFields(t, acme.call(t, row.verb, row.body), row.reply)
		if row.raw {
			header := map[string][]string{"touch": {headerTTL, "1h"}}[row.verb]
			reply := acme.raw(t, row.verb, "g", "k", nil, header...)
			require.NotContains(t, reply.Header, headerErrorCode, "%s: %s", row.verb, reply.Data)
		}
	}
	for changes < int(acme.revision(t)) {
		changes++
		assert.Equal(t, uint64(changes), nextEvent(t, events).Revision, "and every event comes")
	}
	require.NoError(t, acme.connection.LastError())
}

func (guarded *guarded) refuseTenant(t *testing.T) {
	t.Helper()
	acme, other := guarded.as(t, "acme", "acme"), guarded.as(t, "other", "other")
	upper := guarded.as(t, "ACME", "ACME")
	heard := other.events(t)
	other.set(t, "config", "theme", "dark")
	upper.set(t, "config", "theme", "dark")
	assert.Equal(t, uint64(1), nextEvent(t, heard).Revision)

	t.Run("NoRequestOfAnotherTenant", func(t *testing.T) {
		requireNoPublish(t, acme.connection, requestSubjects("other")...)
		requireNoPublish(t, acme.connection, requestSubjects("ACME")...)
	})
	t.Run("NoRequestOfAnOperator", func(t *testing.T) {
		requireNoPublish(t, acme.connection, adminSubjects()...)
	})
	t.Run("NoEventOfAnybody", func(t *testing.T) {
		requireNoPublish(t, acme.connection, "store.events.acme.config", "store.events.other.config", "store.events.ACME.config")
	})
	t.Run("NoReplyToAnybody", func(t *testing.T) {
		requireNoPublish(t, acme.connection, "_INBOX.other.x", "_INBOX.acme.x", "$SRV.INFO.storebus", "$SYS.REQ.SERVER.PING", "elsewhere")
	})
	t.Run("NothingOfAnotherTenantIsHeard", func(t *testing.T) {
		requireNoSubscribe(t, acme.connection, "store.events.other.>", "store.events.ACME.>", "store.events.>", "store.events.*.config",
			"store.other.>", "_INBOX.other.>", "_INBOX.>", "_INBOX.*.>", ">", "*.>")
	})
	t.Run("NoRequestIsHeard", func(t *testing.T) {
		requireNoSubscribe(t, acme.connection, "store.acme.>", "store.acme.set", "store.>", "store.*.set", "store.*.get.*.*", "store.admin.>", "$SRV.>")
	})
	// The broker lets a client name any subject to reply to; what it asks for there
	// comes from a sidecar that may publish it, and does not.
	t.Run("NoReplySubjectThatIsAnEvent", func(t *testing.T) {
		for _, row := range tenantRows() {
			require.NoError(t, acme.connection.PublishRequest(row.subject("acme"), "store.events.other.x", []byte(row.body)))
			requireFailure(t, acme.call(t, row.verb, `[]`), 400, "bad_request")
		}
		require.NoError(t, acme.connection.PublishRequest("store.acme.get", "store.other.set.config.theme", []byte(`{"key":"k"}`)))
		requireFailure(t, acme.call(t, "get", `[]`), 400, "bad_request")
	})
	requireSilence(t, other.connection, heard.Subscription)
	for _, tenant := range []*tenant{other, upper} {
		assert.Equal(t, uint64(1), tenant.revision(t), "nothing was done")
		assert.Equal(t, "dark", tenant.value(t, "config", "theme"))
	}
	assert.Zero(t, acme.revision(t))
}

func (guarded *guarded) serveConsumer(t *testing.T) {
	t.Helper()
	acme, consumer := guarded.as(t, "acme", "acme"), guarded.as(t, "consumer", "acme")
	events := &feed{Subscription: subscribe(t, consumer.connection, "store.events.acme.>"), after: acme.revision(t)}
	revision := acme.set(t, "config", "theme", "dark")
	assert.Equal(t, revision, nextEvent(t, events).Revision)
	assert.Contains(t, placesOf(consumer.scan(t)), "config/theme")
	assert.Equal(t, "dark", consumer.value(t, "config", "theme"))
	assert.Equal(t, []uint64{revision}, revisionsOf(t, consumer.changes(t, "after", revision-1, "wait", "1s")))
	require.NoError(t, consumer.connection.LastError())
}

func (guarded *guarded) refuseConsumer(t *testing.T) {
	t.Helper()
	acme, consumer := guarded.as(t, "acme", "acme"), guarded.as(t, "consumer", "acme")
	standing := acme.set(t, "g", "k", "v")
	granted := []string{"store.acme.changes", "store.acme.scan", "store.acme.get"}
	requireNoPublish(t, consumer.connection, slices.DeleteFunc(requestSubjects("acme"), func(subject string) bool {
		return slices.Contains(granted, subject)
	})...)
	requireNoPublish(t, consumer.connection, requestSubjects("other")...)
	requireNoPublish(t, consumer.connection, adminSubjects()...)
	requireNoPublish(t, consumer.connection, "store.events.acme.config", "_INBOX.acme.x", "$SRV.INFO.storebus")
	requireNoSubscribe(t, consumer.connection, "store.events.other.>", "store.events.>", "store.acme.>", "store.>", "_INBOX.acme.>", "_INBOX.>", ">")
	assert.Equal(t, standing, acme.revision(t), "nothing was done")
}

func (guarded *guarded) serveOperator(t *testing.T) {
	t.Helper()
	acme, operator := guarded.as(t, "acme", "acme"), guarded.as(t, "operator", "admin")
	acme.set(t, "config", "theme", "dark")
	for _, row := range verbRows {
		if row.admin {
			requireFields(t, operator.call(t, row.verb, row.body), row.reply)
		}
	}
	require.NoError(t, operator.connection.LastError())
}

func (guarded *guarded) refuseOperator(t *testing.T) {
	t.Helper()
	acme, operator := guarded.as(t, "acme", "acme"), guarded.as(t, "operator", "admin")
	standing := acme.set(t, "config", "theme", "dark")
	requireNoPublish(t, operator.connection, requestSubjects("acme")...)
	requireNoPublish(t, operator.connection, "store.events.acme.config", "_INBOX.acme.x", "$SRV.INFO.storebus")
	requireNoSubscribe(t, operator.connection, "store.events.acme.>", "store.events.>", "store.acme.>", "store.admin.>", "_INBOX.acme.>", "_INBOX.>", ">")
	assert.Equal(t, standing, acme.revision(t), "nothing was done")
}

// With these permissions the sidecar serves and publishes, and misses nothing: no
// broker has refused anything that it did.
func (guarded *guarded) serveSidecar(t *testing.T) {
	t.Helper()
	acme := guarded.as(t, "acme", "acme")
	events := acme.events(t)
	acme.set(t, "config", "theme", "dark")
	revision := acme.set(t, "größe", "*", "light")
	assert.Equal(t, "config", nextEvent(t, events).Group)
	assert.Equal(t, revision, nextEvent(t, events).Revision)
	assert.Empty(t, acme.changes(t, "after", revision, "wait", "10ms").Changes)

	t.Run("FindsAnotherSidecar", func(t *testing.T) {
		requireStartFails(t, guarded.config(t), "another storebus serves this prefix")
	})
	assert.NotContains(t, strings.ToLower(guarded.log.String()), "permission")
}

func (guarded *guarded) refuseSidecar(t *testing.T) {
	t.Helper()
	acme := guarded.as(t, "acme", "acme")
	standing := acme.set(t, "config", "theme", "dark")

	t.Run("RequestsAndRepliesAlone", func(t *testing.T) {
		requests := connect(t, guarded.url, nats.UserInfo("sidecar", ""), nats.Name("storebus requests x"), nats.CustomInboxPrefix("_INBOX.sidecar"), nats.ErrorHandler(unheard))
		requireNoPublish(t, requests, "store.events.acme.config", "store.acme.get", "store.admin.status", "$SYS.REQ.SERVER.PING", "elsewhere")
		for _, subject := range []string{"store.acme.set", "store.*.*", "store.events.>", "store.>", "_INBOX.acme.>", ">"} {
			requireRefused(t, requests, subject, func() error {
				_, err := requests.SubscribeSync(subject)
				return err
			})
		}
	})
	t.Run("EventsAlone", func(t *testing.T) {
		events := connect(t, guarded.url, nats.UserInfo("sidecar", ""), nats.Name("storebus events x"), nats.CustomInboxPrefix("_INBOX.sidecar"), nats.ErrorHandler(unheard))
		requireNoPublish(t, events, "_INBOX.acme.x", "store.acme.get", "store.admin.status", "$SRV.INFO.storebus", "$SYS.REQ.SERVER.PING", "elsewhere")
		requireNoSubscribe(t, events, "store.events.>", "store.*.set", "store.>", "_INBOX.sidecar.>", "$SRV.>", ">")
	})
	assert.Equal(t, standing, acme.revision(t), "nothing was done")
}
