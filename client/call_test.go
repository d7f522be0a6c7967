// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// brief is a timeout for replies that never come.
const brief = 30 * time.Millisecond

func TestCall_ReplyFunc_Good(t *testing.T) {
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	answer(t, connection, "store.acme.exists", func(*nats.Msg) *nats.Msg { return body(`{"exists":true,"revision":41}`) })
	answer(t, connection, "store.acme.get", func(*nats.Msg) *nats.Msg {
		return refusal("404", `{"error":{"code":404,"name":"not_found","message":"no"}}`)
	})
	heard := make(chan string, 2)
	store := newClient(t, connection.ConnectedUrl(), client.Config{ReplyFunc: func(subject string, body []byte) {
		heard <- subject + " " + string(body)
	}})

	_, err := store.Exists(t.Context(), "acme", "config", "theme")
	require.NoError(t, err)
	_, err = store.Get(t.Context(), "acme", "config", "theme")
	require.ErrorIs(t, err, subjects.ErrNotFound)
	assert.Equal(t, `store.acme.exists {"exists":true,"revision":41}`, <-heard)
	assert.Empty(t, heard, "a refusal is no success reply")
}

func TestCall_Error_Bad(t *testing.T) {
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	store := newClient(t, connection.ConnectedUrl(), client.Config{})

	t.Run("CarriesTheFieldsOfTheRefusal", func(t *testing.T) {
		answer(t, connection, "store.acme.set", func(*nats.Msg) *nats.Msg {
			return refusal("409", `{"error":{"code":409,"name":"revision_conflict","message":"store.Set: config/theme stands at revision 41, not 40","current_revision":41,"unheard_of":true}}`)
		})
		_, err := store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{IfRevision: client.Revision(40)})
		require.ErrorIs(t, err, subjects.ErrRevisionConflict)
		require.NotErrorIs(t, err, subjects.ErrOutcomeUnknown)
		var failure *subjects.Error
		require.ErrorAs(t, err, &failure)
		require.NotNil(t, failure.CurrentRevision)
		assert.Equal(t, uint64(41), *failure.CurrentRevision)
		assert.EqualError(t, err, "client.Set: store.Set: config/theme stands at revision 41, not 40")
	})
	t.Run("NamesAnErrorWithoutABody", func(t *testing.T) {
		answer(t, connection, "store.acme.get", func(*nats.Msg) *nats.Msg { return refusal("500", "") })
		_, err := store.Get(t.Context(), "acme", "config", "theme")
		assert.ErrorContains(t, err, "client.Get: the reply is not one of storebus: error 500, refused")
	})
	t.Run("ReadsHeadersInAnyCase", func(t *testing.T) {
		for _, name := range []string{"nats-service-error-code", "NATS-SERVICE-ERROR-CODE"} {
			answer(t, connection, "store.acme.delete", func(*nats.Msg) *nats.Msg {
				return &nats.Msg{
					Data:   []byte(`{"error":{"code":409,"name":"revision_conflict","message":"no","current_revision":41}}`),
					Header: nats.Header{name: {"409"}},
				}
			})
			_, err := store.Delete(t.Context(), "acme", "config", "theme", client.DeleteOptions{})
			require.ErrorIs(t, err, subjects.ErrRevisionConflict, name)
		}
	})
	t.Run("RefusesAReplyThatIsNoJSON", func(t *testing.T) {
		answer(t, connection, "store.acme.exists", func(*nats.Msg) *nats.Msg { return body("pong") })
		_, err := store.Exists(t.Context(), "acme", "config", "theme")
		assert.ErrorContains(t, err, "client.Exists: the reply is not one of storebus")
	})
	t.Run("ChecksNamesBeforeSending", func(t *testing.T) {
		_, err := store.Get(t.Context(), "events", "config", "theme")
		require.ErrorIs(t, err, subjects.ErrBadRequest)
		_, err = store.Set(t.Context(), "acme", "", "theme", nil, client.SetOptions{})
		require.ErrorIs(t, err, subjects.ErrBadRequest)
		_, err = store.Delete(t.Context(), "acme", "config", "\xff", client.DeleteOptions{})
		require.ErrorIs(t, err, subjects.ErrBadRequest)
		_, err = store.List(t.Context(), "acme", strings.Repeat("g", 513), client.ListOptions{})
		require.ErrorIs(t, err, subjects.ErrBadRequest)
		_, err = store.Exists(t.Context(), "acme", "config", "")
		require.ErrorIs(t, err, subjects.ErrBadRequest)
		_, err = store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{TTL: subjects.After(time.Nanosecond)})
		require.ErrorIs(t, err, subjects.ErrBadRequest)
		assert.ErrorContains(t, err, "client.Set: ttl ")
	})
}

// If the headers of a reply are lost, it may be an error, and is never taken for a success.
func TestCall_Headers_Ugly(t *testing.T) {
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	wire, err := net.Dial("tcp", connection.ConnectedAddr())
	require.NoError(t, err)
	t.Cleanup(func() { _ = wire.Close() })
	_, err = wire.Write([]byte("CONNECT {\"verbose\":false,\"headers\":true}\r\n"))
	require.NoError(t, err)
	attempts := make(chan struct{}, 10)
	reply := func(request *nats.Msg) *nats.Msg {
		const block, body = "NATS/1.0\r\nNats-Service-Error-Code 409\r\n\r\n", `{"revision":1,"created":true}`
		_, _ = fmt.Fprintf(wire, "HPUB %s %d %d\r\n%s%s\r\n", request.Reply, len(block), len(block)+len(body), block, body)
		attempts <- struct{}{}
		return nil
	}
	answer(t, connection, "store.acme.set", reply)
	answer(t, connection, "store.acme.exists", reply)
	store := newClient(t, connection.ConnectedUrl(), client.Config{})

	_, err = store.Exists(t.Context(), "acme", "config", "theme")
	require.ErrorContains(t, err, "client.Exists: the reply is not one of storebus: its header block could not be decoded")
	assert.NotErrorIs(t, err, subjects.ErrOutcomeUnknown)
	<-attempts

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		<-attempts
		<-attempts // it is sent again: the sidecar may know the outcome
		cancel()
	}()
	_, err = store.Set(ctx, "acme", "config", "theme", nil, client.SetOptions{})
	assert.ErrorIs(t, err, subjects.ErrOutcomeUnknown)
}

func TestCall_Silence_Ugly(t *testing.T) {
	broker := startBroker(t, server.Options{})
	connection := connect(t, broker.ClientURL())
	store := newClient(t, broker.ClientURL(), client.Config{Timeout: brief})

	t.Run("NamesTheSubjectThatNobodyServes", func(t *testing.T) {
		_, err := store.Set(t.Context(), "nobody", "config", "theme", nil, client.SetOptions{})
		require.ErrorIs(t, err, nats.ErrNoResponders)
		require.NotErrorIs(t, err, subjects.ErrOutcomeUnknown)
		assert.ErrorContains(t, err, "client.Set: no storebus answers on store.nobody.set at "+broker.ClientURL())
	})

	mute := func(*nats.Msg) *nats.Msg { return nil }
	answer(t, connection, "store.acme.set", mute)
	answer(t, connection, "store.acme.get", mute)
	t.Run("LeavesTheOutcomeOfAWriteUnknown", func(t *testing.T) {
		_, err := store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{})
		require.ErrorIs(t, err, subjects.ErrOutcomeUnknown)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "no reply on store.acme.set")
		assert.ErrorContains(t, err, "the write may have happened")
	})
	t.Run("IsNoUnknownOutcomeForARead", func(t *testing.T) {
		_, err := store.Get(t.Context(), "acme", "config", "theme")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, subjects.ErrOutcomeUnknown)
	})
	t.Run("EndsWithTheContextsDeadline", func(t *testing.T) {
		patient := newClient(t, broker.ClientURL(), client.Config{Timeout: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), brief)
		defer cancel()
		_, err := patient.Get(ctx, "acme", "config", "theme")
		assert.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("IsKnownWhereNothingWasSent", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := store.Set(ctx, "acme", "config", "theme", nil, client.SetOptions{})
		require.ErrorIs(t, err, context.Canceled)
		require.NotErrorIs(t, err, subjects.ErrOutcomeUnknown)
		assert.ErrorContains(t, err, "client.Set: store.acme.set was not sent")
	})
}

func TestCall_Connection_Ugly(t *testing.T) {
	t.Run("ClosedBeforeSendsNothing", func(t *testing.T) {
		connection := connect(t, startBroker(t, server.Options{}).ClientURL())
		store, err := client.New(connection, client.Config{})
		require.NoError(t, err)
		connection.Close()
		_, err = store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{})
		require.ErrorIs(t, err, nats.ErrConnectionClosed)
		assert.NotErrorIs(t, err, subjects.ErrOutcomeUnknown)
	})
	t.Run("ClosedMeanwhileLeavesTheOutcomeUnknown", func(t *testing.T) {
		broker := startBroker(t, server.Options{})
		connection := connect(t, broker.ClientURL())
		answer(t, connect(t, broker.ClientURL()), "store.acme.set", func(*nats.Msg) *nats.Msg {
			go connection.Close()
			return nil
		})
		store, err := client.New(connection, client.Config{})
		require.NoError(t, err)
		_, err = store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{})
		assert.ErrorIs(t, err, subjects.ErrOutcomeUnknown)
	})
	t.Run("TooLargeForTheBrokerSendsNothing", func(t *testing.T) {
		broker := startBroker(t, server.Options{MaxPayload: 1024})
		store := newClient(t, broker.ClientURL(), client.Config{})
		_, err := store.Set(t.Context(), "acme", "config", "theme", make([]byte, 2048), client.SetOptions{})
		require.ErrorIs(t, err, nats.ErrMaxPayload)
		assert.NotErrorIs(t, err, subjects.ErrOutcomeUnknown)
	})
	t.Run("WithTheInboxesOfAnotherTenantSaysWhichAreItsOwn", func(t *testing.T) {
		broker := startBroker(t, server.Options{})
		store, err := client.New(connect(t, broker.ClientURL(), nats.CustomInboxPrefix("_INBOX_store.other")), client.Config{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		answer(t, connect(t, broker.ClientURL()), "store.acme.set", func(*nats.Msg) *nats.Msg {
			cancel()
			return nil
		})
		_, err = store.Set(ctx, "acme", "config", "theme", nil, client.SetOptions{})
		require.ErrorIs(t, err, context.Canceled)
		assert.ErrorContains(t, err, "begin with _INBOX_store.acme or _INBOX_store.acme_")
	})
	t.Run("WithoutPermissionSaysWhatTheBrokerSaid", func(t *testing.T) {
		store, ctx := newRefused(t, "store.acme.get")
		_, err := store.Set(ctx, "acme", "config", "theme", nil, client.SetOptions{})
		require.ErrorIs(t, err, subjects.ErrOutcomeUnknown)
		assert.ErrorContains(t, err, `the broker's last complaint`)
		assert.ErrorContains(t, err, `Publish to "store.acme.set"`)
		assert.ErrorIs(t, err, nats.ErrPermissionViolation)
	})
	for name, option := range map[string]nats.Option{"ItsPublishIsRefused": nats.CustomInboxPrefix("_INBOX"), "ItsInboxIsRefused": nats.CustomInboxPrefix("_INBOX_store.acme")} {
		t.Run("AnOperatorsCallByATenantSaysSo/"+name, func(t *testing.T) {
			store, ctx := newRefused(t, "store.acme.>", option)
			_, err := store.Namespaces(ctx, client.NamespacesOptions{})
			require.ErrorIs(t, err, nats.ErrPermissionViolation)
			assert.ErrorContains(t, err, "this call needs an operator's user, with an inbox prefix of _INBOX_store.storebus_operator")
		})
	}
}

// newRefused gives a client of a user who may publish one subject only. The context ends once
// the broker has refused another.
func newRefused(t *testing.T, allowed string, options ...nats.Option) (*client.Client, context.Context) {
	t.Helper()
	broker := startBroker(t, server.Options{Users: []*server.User{{
		Username: "consumer", Password: "secret", Permissions: &server.Permissions{Publish: &server.SubjectPermission{Allow: []string{allowed}}},
	}}})
	ctx, cancel := context.WithCancel(t.Context())
	connection := connect(t, broker.ClientURL(), append(options, nats.UserInfo("consumer", "secret"),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) { cancel() }))...)
	store, err := client.New(connection, client.Config{})
	require.NoError(t, err)
	return store, ctx
}
