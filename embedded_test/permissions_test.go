// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// guarded is a sidecar on a broker with exactly the permissions that the program prints.
// The broker has one more user, the witness, who may do everything.
type guarded struct {
	broker  *server.Server
	url     string
	sidecar *storebus.Sidecar
	log     *lockedBuffer
}

func startGuarded(t *testing.T, arguments ...string) *guarded {
	t.Helper()
	return startGuardedBy(t, printedPermissions(t, arguments...))
}

// startGuardedBy starts both with a section of the broker's configuration.
func startGuardedBy(t *testing.T, configuration string) *guarded {
	t.Helper()
	return startGuardedOn(t, startGuardingBroker(t, configuration))
}

// startGuardedOn starts the sidecar on a running broker.
func startGuardedOn(t *testing.T, broker *server.Server) *guarded {
	t.Helper()
	started := &guarded{broker: broker, url: broker.ClientURL(), log: &lockedBuffer{}}
	started.sidecar = startSidecarWith(t, started.config(t))
	return started
}

// printedPermissions is the output of storebus permissions.
func printedPermissions(t *testing.T, arguments ...string) string {
	t.Helper()
	printed := run(t, "", append([]string{"permissions"}, arguments...)...)
	require.Zero(t, printed.code, printed.stderr)
	return printed.stdout
}

var passwordVariable = regexp.MustCompile(`\$([\w-]+)_password`)

// startGuardingBroker starts a broker inside the test. It adds the passwords and a witness
// to the configuration.
func startGuardingBroker(t *testing.T, configuration string) *server.Server {
	t.Helper()
	var passwords strings.Builder
	for _, variable := range passwordVariable.FindAllStringSubmatch(configuration, -1) {
		fmt.Fprintf(&passwords, "%s_password: %q\n", variable[1], passwordOf(variable[1]))
	}
	witness := fmt.Sprintf("users = [ { user: witness, password: %q }", passwordOf("witness"))
	path := filepath.Join(t.TempDir(), "nats.conf")
	content := passwords.String() + strings.Replace(configuration, "users = [", witness, 1)
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	options, err := server.ProcessConfigFile(path)
	require.NoError(t, err)
	return startServer(t, options)
}

func passwordOf(user string) string { return user + "-secret" }

// startServer starts a broker inside the test. It takes options that a broker in a process
// of its own does not: permissions, and the size of messages.
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

// config is the configuration of a sidecar on the broker.
func (guarded *guarded) config(t *testing.T) storebus.Config {
	t.Helper()
	config := outsideConfig(t, guarded.url)
	config.NATS.User, config.NATS.Password = "storebus_requests", passwordOf("storebus_requests")
	config.NATS.InboxPrefix = "_INBOX_store.storebus_requests"
	config.EventsNATS = storebus.NATSCredentials{User: "storebus_events", Password: passwordOf("storebus_events")}
	config.BackupDirectory, config.ArchiveDirectory = t.TempDir(), t.TempDir()
	config.Logger = slog.New(slog.NewTextHandler(guarded.log, nil))
	return config
}

// connect connects as one of the users, with the inbox prefix of that user.
func (guarded *guarded) connect(t *testing.T, user string) *nats.Conn {
	t.Helper()
	return connect(t, guarded.url, nats.UserInfo(user, passwordOf(user)), nats.CustomInboxPrefix("_INBOX_store."+user), nats.ErrorHandler(unheard))
}

// as connects as one of the users, for work in a namespace.
func (guarded *guarded) as(t *testing.T, user, namespace string) *tenant {
	t.Helper()
	return &tenant{connection: guarded.connect(t, user), namespace: namespace}
}

// witness connects as the user who may do everything, with the default inbox prefix.
func (guarded *guarded) witness(t *testing.T) *nats.Conn {
	t.Helper()
	return connect(t, guarded.url, nats.UserInfo("witness", passwordOf("witness")))
}

// unheard ignores the refusals that the tests provoke. Otherwise the client would print
// them.
func unheard(*nats.Conn, *nats.Subscription, error) {}

// requireRefused asserts that the broker refuses the subject of an action of a client.
func requireRefused(t *testing.T, connection *nats.Conn, subject string, do func() error) {
	t.Helper()
	require.NoError(t, do())
	// The broker refuses before it answers the flush.
	require.NoError(t, connection.Flush())
	require.ErrorIs(t, connection.LastError(), nats.ErrPermissionViolation, subject)
	require.ErrorContains(t, connection.LastError(), `"`+subject+`"`)
}

// requireNoPublish asserts that a client can publish to none of the subjects.
func requireNoPublish(t *testing.T, connection *nats.Conn, subjects ...string) {
	t.Helper()
	for _, subject := range subjects {
		requireRefused(t, connection, subject, func() error {
			return connection.PublishRequest(subject, connection.NewInbox(), []byte(`{"key":"attack","value":"v"}`))
		})
	}
}

// requireNoSubscribe asserts that a client can subscribe to none of the subjects, alone or
// in the queue group of the sidecar.
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

// requestSubjects are the subjects of all verbs in a namespace.
func requestSubjects(namespace string) (subjects []string) {
	for _, row := range tenantRows() {
		subjects = append(subjects, row.subject(namespace))
		if row.raw {
			subjects = append(subjects, row.subject(namespace)+".g.k")
		}
	}
	return subjects
}

// adminSubjects are the subjects of an operator's verbs.
func adminSubjects() (subjects []string) {
	for _, row := range verbRows {
		if row.admin {
			subjects = append(subjects, row.subject("admin"))
		}
	}
	return subjects
}

// Everything that a user is permitted works.
func TestPermissions_Access_Good(t *testing.T) {
	t.Parallel()
	guarded := startGuarded(t, "acme", "other", "ACME")
	t.Run("Tenant", guarded.serveTenant)
	t.Run("Consumer", guarded.serveConsumer)
	t.Run("Operator", guarded.serveOperator)
	t.Run("Sidecar", guarded.serveSidecar)
}

// Everything else is refused to every user.
func TestPermissions_Access_Bad(t *testing.T) {
	guarded := startGuarded(t, "acme", "other", "ACME")
	t.Run("Tenant", guarded.refuseTenant)
	t.Run("Consumer", guarded.refuseConsumer)
	t.Run("Operator", guarded.refuseOperator)
	t.Run("Sidecar", guarded.refuseSidecar)
	t.Run("ReplySubject", guarded.refuseReplySubject)
}

func (guarded *guarded) serveTenant(t *testing.T) {
	t.Helper()
	acme := guarded.as(t, "acme", "acme")
	events := acme.events(t)
	changes := 0
	for _, row := range tenantRows() {
		acme.set(t, "default", "k", "v")
		acme.set(t, "g", "k", "v")
		acme.openWorkspace(t, "w")
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
		requireNoPublish(t, acme.connection, "_INBOX_store.other.x", "_INBOX_store.acme.x", "_INBOX.x", "$SRV.INFO.storebus", "$SYS.REQ.SERVER.PING", "elsewhere")
	})
	t.Run("NothingOfAnotherTenantIsHeard", func(t *testing.T) {
		requireNoSubscribe(t, acme.connection, "store.events.other.>", "store.events.ACME.>", "store.events.>", "store.events.*.config",
			"store.other.>", "_INBOX_store.other.>", "_INBOX_store.acme_consumer.>", "_INBOX_store.>", "_INBOX_store.*.>", "_INBOX.>", ">", "*.>")
	})
	t.Run("NoRequestIsHeard", func(t *testing.T) {
		requireNoSubscribe(t, acme.connection, "store.acme.>", "store.acme.set", "store.>", "store.*.set", "store.*.get.*.*", "store.admin.>", "$SRV.>")
	})
	requireSilence(t, other.connection, heard.Subscription)
	for _, tenant := range []*tenant{other, upper} {
		assert.Equal(t, uint64(1), tenant.revision(t), "nothing was done")
		assert.Equal(t, "dark", tenant.value(t, "config", "theme"))
	}
	assert.Zero(t, acme.revision(t))
}

// The broker lets a client name any reply subject. The sidecar may publish there on the
// client's behalf, and does not.
func (guarded *guarded) refuseReplySubject(t *testing.T) {
	t.Helper()
	acme, other := guarded.as(t, "acme", "acme"), guarded.as(t, "other", "other")
	before, heard := acme.revision(t), other.events(t)
	for _, row := range tenantRows() {
		require.NoError(t, acme.connection.PublishRequest(row.subject("acme"), "store.events.other.x", []byte(row.body)))
		requireFailure(t, acme.call(t, row.verb, `[]`), 400, "bad_request")
	}
	require.NoError(t, acme.connection.PublishRequest("store.acme.get", "store.other.set.config.theme", []byte(`{"key":"k"}`)))
	requireFailure(t, acme.call(t, "get", `[]`), 400, "bad_request")
	requireSilence(t, other.connection, heard.Subscription)
	assert.Equal(t, before, acme.revision(t), "nothing was done")
	assert.Equal(t, heard.after, other.revision(t), "nothing was done")
}

func (guarded *guarded) serveConsumer(t *testing.T) {
	t.Helper()
	acme, consumer := guarded.as(t, "acme", "acme"), guarded.as(t, "acme_consumer", "acme")
	events := &feed{Subscription: subscribe(t, consumer.connection, "store.events.acme.>"), after: acme.revision(t)}
	revision := acme.set(t, "config", "theme", "dark")
	assert.Equal(t, revision, nextEvent(t, events).Revision)
	assert.Contains(t, placesOf(consumer.scan(t)), "config/theme")
	assert.Equal(t, "dark", consumer.value(t, "config", "theme"))
	assert.Equal(t, []uint64{revision}, revisionsOf(t, consumer.changes(t, "after", revision-1, "wait", "1s")))

	t.Run("ManyRepliesToOneInboxLongAfterTheRequests", func(t *testing.T) {
		const readers = 2_000
		inbox := consumer.connection.NewInbox()
		replies := subscribe(t, consumer.connection, inbox)
		for range readers {
			require.NoError(t, consumer.connection.PublishRequest("store.acme.changes", inbox, []byte(object(t, "after", revision, "wait", "30s"))))
		}
		consumer.changes(t, "after", revision) // it is answered after them, so all of them wait
		requireSilence(t, consumer.connection, replies)
		acme.set(t, "config", "theme", "light")
		for range readers {
			reply := decode[changesReply](t, answer{receive(t, replies)})
			require.Equal(t, []uint64{revision + 1}, revisionsOf(t, reply))
		}
	})
	require.NoError(t, consumer.connection.LastError())
}

func (guarded *guarded) refuseConsumer(t *testing.T) {
	t.Helper()
	acme, consumer := guarded.as(t, "acme", "acme"), guarded.as(t, "acme_consumer", "acme")
	standing := acme.set(t, "g", "k", "v")
	granted := []string{"store.acme.changes", "store.acme.scan", "store.acme.get"}
	requireNoPublish(t, consumer.connection, slices.DeleteFunc(requestSubjects("acme"), func(subject string) bool {
		return slices.Contains(granted, subject)
	})...)
	requireNoPublish(t, consumer.connection, requestSubjects("other")...)
	requireNoPublish(t, consumer.connection, adminSubjects()...)
	requireNoPublish(t, consumer.connection, "store.events.acme.config", "_INBOX_store.acme.x", "$SRV.INFO.storebus")
	requireNoSubscribe(t, consumer.connection, "store.events.other.>", "store.events.>", "store.acme.>", "store.>", "_INBOX_store.acme.>", "_INBOX_store.>", "_INBOX.>", ">")
	assert.Equal(t, standing, acme.revision(t), "nothing was done")
}

func (guarded *guarded) serveOperator(t *testing.T) {
	t.Helper()
	acme, operator := guarded.as(t, "acme", "acme"), guarded.as(t, "storebus_operator", "admin")
	acme.set(t, "config", "theme", "dark")
	for _, row := range verbRows {
		if row.admin {
			requireFields(t, operator.call(t, row.verb, row.body), row.reply)
		}
	}
	assert.Equal(t, "storebus", discover[micro.Ping](t, operator.connection, "PING").Name)
	assert.Equal(t, "store", discover[micro.Info](t, operator.connection, "INFO").Metadata["prefix"])
	assert.NotEmpty(t, discover[micro.Stats](t, operator.connection, "STATS").Endpoints)
	require.NoError(t, operator.connection.LastError())
}

func (guarded *guarded) refuseOperator(t *testing.T) {
	t.Helper()
	acme, operator := guarded.as(t, "acme", "acme"), guarded.as(t, "storebus_operator", "admin")
	standing := acme.set(t, "config", "theme", "dark")
	requireNoPublish(t, operator.connection, requestSubjects("acme")...)
	requireNoPublish(t, operator.connection, "store.events.acme.config", "_INBOX_store.acme.x", "$SYS.REQ.SERVER.PING", "$JS.API.INFO", "elsewhere")
	requireNoSubscribe(t, operator.connection, "store.events.acme.>", "store.events.>", "store.acme.>", "store.admin.>", "$SRV.>", "_INBOX_store.acme.>", "_INBOX_store.>", "_INBOX.>", ">")
	assert.Equal(t, standing, acme.revision(t), "nothing was done")
}

// With these permissions the sidecar serves and publishes, and lacks none: no broker has
// refused an action of the sidecar.
func (guarded *guarded) serveSidecar(t *testing.T) {
	t.Helper()
	acme := guarded.as(t, "acme", "acme")
	events := acme.events(t)
	acme.set(t, "config", "theme", "dark")
	revision := acme.set(t, "größe", "*", "light")
	assert.Equal(t, "config", nextEvent(t, events).Group)
	assert.Equal(t, revision, nextEvent(t, events).Revision)
	assert.Empty(t, acme.changes(t, "after", revision, "wait", "10ms").Changes)

	t.Run("EachConnectionHasItsUser", func(t *testing.T) {
		connections, err := guarded.broker.Connz(&server.ConnzOptions{Username: true})
		require.NoError(t, err)
		users := map[string]string{}
		for _, connection := range connections.Conns {
			users[connection.Name] = connection.AuthorizedUser
		}
		assert.Equal(t, "storebus_requests", users["storebus requests "+guarded.sidecar.Instance()])
		assert.Equal(t, "storebus_events", users["storebus events "+guarded.sidecar.Instance()])
	})
	t.Run("FindsAnotherSidecar", func(t *testing.T) {
		requireStartFails(t, guarded.config(t), "another storebus serves this prefix")
	})
	t.Run("IsFoundBySomebodyElse", func(t *testing.T) {
		config := outsideConfig(t, guarded.url)
		config.NATS.User, config.NATS.Password = "witness", passwordOf("witness")
		requireStartFails(t, config, "another storebus serves this prefix")
		assert.Equal(t, "full", readStatus(t, guarded.witness(t)).Durability, "an inbox without a prefix")
	})
	assert.NotContains(t, strings.ToLower(guarded.log.String()), "permission")
}

func (guarded *guarded) refuseSidecar(t *testing.T) {
	t.Helper()
	acme := guarded.as(t, "acme", "acme")
	standing := acme.set(t, "config", "theme", "dark")

	t.Run("RequestsAndRepliesAlone", func(t *testing.T) {
		requests := guarded.connect(t, "storebus_requests")
		requireNoPublish(t, requests, "store.events.acme.config", "store.acme.get", "store.acme.set.g.k", "store.admin.status",
			"$SRV.STATS.storebus", "$SRV.INFO", "$SYS.REQ.SERVER.PING", "$JS.API.INFO", "elsewhere")
		for _, subject := range []string{"store.acme.set", "store.*.*", "store.*.get.*.*", "store.admin.status", "store.events.>", "store.>",
			"_INBOX_store.acme.>", "_INBOX_store.>", "_INBOX.>", ">"} {
			requireRefused(t, requests, subject, func() error {
				_, err := requests.SubscribeSync(subject)
				return err
			})
			requireRefused(t, requests, subject, func() error {
				_, err := requests.QueueSubscribeSync(subject, "another")
				return err
			})
		}
		requireNoSubscribe(t, requests, "store.events.>", "store.events.acme.config", "store.>", "store.*.>")
	})
	t.Run("EventsAlone", func(t *testing.T) {
		events := guarded.connect(t, "storebus_events")
		requireNoPublish(t, events, "_INBOX_store.acme.x", "_INBOX.x", "store.acme.get", "store.acme.set.g.k", "store.admin.status",
			"$SRV.INFO.storebus", "$SYS.REQ.SERVER.PING", "$JS.API.INFO", "elsewhere")
		requireNoSubscribe(t, events, "store.events.>", "store.events.acme.config", "store.*.set", "store.>",
			"_INBOX_store.storebus_events.>", "_INBOX.>", "$SRV.>", ">")
	})
	assert.Equal(t, standing, acme.revision(t), "nothing was done")

	t.Run("NoStartThatCannotLookForOthers", func(t *testing.T) {
		config := guarded.config(t)
		config.NATS.InboxPrefix = ""
		requireStartFails(t, config, "does not let this user look for other instances")
		config.NATS.NATSCredentials = config.EventsNATS
		requireStartFails(t, config, "does not let this user look for other instances")
	})
	t.Run("NoReplyButToAnInbox", func(t *testing.T) {
		witness := guarded.witness(t)
		elsewhere, events := subscribe(t, witness, "elsewhere.*"), subscribe(t, witness, "store.events.>")
		operator := guarded.connect(t, "storebus_operator")
		for index := range 100 {
			body := []byte(`{"group":"config","key":"theme"}`)
			require.NoError(t, acme.connection.PublishRequest("store.acme.get", fmt.Sprintf("elsewhere.%d", index), body))
			require.NoError(t, operator.PublishRequest("$SRV.INFO.storebus", fmt.Sprintf("store.events.acme.%d", index), nil))
		}
		// Each of these is answered after the requests before it.
		acme.value(t, "config", "theme")
		discover[micro.Info](t, operator, "INFO")
		requireSilence(t, witness, elsewhere)
		requireSilence(t, witness, events)
		said := func() int { return strings.Count(guarded.log.String(), "the broker does not permit this") }
		require.Eventually(t, func() bool { return said() > 0 }, patience, time.Millisecond)
		assert.Less(t, said(), 100, "not with every request")
	})
}

// The page shows the output of the program.
func TestPermissions_Page_Good(t *testing.T) {
	_, blocks := readProtocolPage(t)
	blocks = slices.DeleteFunc(blocks, func(block pageBlock) bool { return block.kind != "permissions" })
	require.Len(t, blocks, 2, "in one account, and in accounts of their own")
	for _, block := range blocks {
		assert.Equal(t, printedPermissions(t, strings.Fields(block.subject)...), block.payload+"\n", block.subject)
	}
}

// The program connects with the credentials in its flags and variables, and prints none of
// them.
func TestPermissions_Process_Good(t *testing.T) {
	guarded := &guarded{url: startGuardingBroker(t, printedPermissions(t, "acme", "--prefix", "store")).ClientURL()}
	secrets := []string{"STOREBUS_PASSWORD=" + passwordOf("storebus_requests"), "STOREBUS_EVENTS_PASSWORD=" + passwordOf("storebus_events")}
	sidecar := startProcess(t, storebusBinary(t), secrets, "serve", "--nats", guarded.url, "--user", "storebus_requests",
		"--inbox-prefix", "_INBOX_store.storebus_requests", "--events-user", "storebus_events")
	sidecar.line(t, readyLine)
	acme := guarded.as(t, "acme", "acme")
	events := acme.events(t)
	revision := acme.set(t, "config", "theme", "dark")
	assert.Equal(t, revision, nextEvent(t, events).Revision)

	home := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(home, "nats", "context"), 0o700))
	settings := fmt.Sprintf(`{"url":%q,"user":"acme","password":%q,"inbox_prefix":"_INBOX_store.acme"}`, guarded.url, passwordOf("acme"))
	require.NoError(t, os.WriteFile(filepath.Join(home, "nats", "context", "acme.json"), []byte(settings), 0o600))
	got := runWith(t, []string{"XDG_CONFIG_HOME=" + home}, "", "get", "acme", "config", "theme", "--context", "acme")
	assert.Equal(t, "dark", got.stdout, got.stderr)

	assert.Zero(t, sidecar.terminate(t))
	assert.NotContains(t, sidecar.printed(), "-secret")
}
