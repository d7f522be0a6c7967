// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// The fates of a request.
var (
	silence = func() *nats.Msg { return nil }
	done    = func() *nats.Msg { return body(`{"revision":42}`) }
	unknown = func() *nats.Msg {
		return refusal("500", `{"error":{"code":500,"name":"outcome_unknown","message":"fsync failed"}}`)
	}
	unavailable = func() *nats.Msg {
		return refusal("503", `{"error":{"code":503,"name":"unavailable","message":"the queue is full"}}`)
	}
	conflict = func() *nats.Msg {
		return refusal("409", `{"error":{"code":409,"name":"revision_conflict","message":"no","current_revision":7}}`)
	}
	// nobody is the broker's reply if there is no responder.
	nobody = func() *nats.Msg { return &nats.Msg{Header: nats.Header{"Status": {"503"}}} }
)

// endpoint answers the requests of one subject. Each gets the next of the fates, and later
// ones the last. It keeps their message ids.
type endpoint struct {
	store *client.Client
	ids   chan string
}

func serveFates(t *testing.T, subject string, config client.Config, fates ...func() *nats.Msg) *endpoint {
	t.Helper()
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	endpoint := &endpoint{ids: make(chan string, 100)}
	answer(t, connection, subject, func(request *nats.Msg) *nats.Msg {
		endpoint.ids <- request.Header.Get(subjects.HeaderMessageID)
		fate := fates[0]
		if len(fates) > 1 {
			fates = fates[1:]
		}
		return fate()
	})
	endpoint.store = newClient(t, connection.ConnectedUrl(), config)
	return endpoint
}

// received gives the message ids of the requests so far.
func (endpoint *endpoint) received() (ids []string) {
	for {
		select {
		case id := <-endpoint.ids:
			ids = append(ids, id)
		default:
			return ids
		}
	}
}

// patient is a time for several attempts, the first of them of 100 ms.
const patient = 400 * time.Millisecond

func TestDelivery_MessageID_Good(t *testing.T) {
	t.Run("EveryWriteHasItsOwn", func(t *testing.T) {
		connection := connect(t, startBroker(t, server.Options{}).ClientURL())
		ids := make(chan string, 100)
		for _, verb := range subjects.TenantVerbs() {
			answer(t, connection, "store.acme."+string(verb), func(request *nats.Msg) *nats.Msg {
				ids <- request.Header.Get(subjects.HeaderMessageID)
				return body(`{"succeeded":true,"results":[]}`)
			})
		}
		store, ctx := newClient(t, connection.ConnectedUrl(), client.Config{}), t.Context()
		given := map[string]bool{}
		for name, write := range map[string]func() error{
			"Set":    func() error { _, err := store.Set(ctx, "acme", "g", "k", nil, client.SetOptions{}); return err },
			"Delete": func() error { _, err := store.Delete(ctx, "acme", "g", "k", client.DeleteOptions{}); return err },
			"Touch": func() error {
				_, err := store.Touch(ctx, "acme", "g", "k", subjects.NeverExpires, client.TouchOptions{})
				return err
			},
			"Increment": func() error {
				_, err := store.Increment(ctx, "acme", "g", "k", 1, client.IncrementOptions{})
				return err
			},
			"DeleteGroup":  func() error { _, err := store.DeleteGroup(ctx, "acme", "g", client.DeleteGroupOptions{}); return err },
			"DeletePrefix": func() error { _, err := store.DeletePrefix(ctx, "acme", "g", client.DeletePrefixOptions{}); return err },
			"Transaction":  func() error { _, err := store.Transaction(ctx, "acme", client.Transaction{}); return err },
		} {
			require.NoError(t, write(), name)
			id := <-ids
			require.NoError(t, subjects.CheckMessageID(id), name)
			assert.False(t, given[id], name)
			given[id] = true
		}
		for name, read := range map[string]func() error{
			"Get":         func() error { _, err := store.Get(ctx, "acme", "g", "k"); return err },
			"List":        func() error { _, err := store.List(ctx, "acme", "g", client.ListOptions{}); return err },
			"Count":       func() error { _, err := store.Count(ctx, "acme", client.CountOptions{}); return err },
			"GetAndTouch": func() error { _, err := store.GetAndTouch(ctx, "acme", "g", "k", subjects.NeverExpires); return err },
		} {
			require.NoError(t, read(), name)
			assert.Empty(t, <-ids, name)
		}
	})
	t.Run("TheCallersIsTaken", func(t *testing.T) {
		endpoint := serveFates(t, "store.acme.*", client.Config{}, func() *nats.Msg { return body(`{"succeeded":true,"results":[{"missing":true}]}`) })
		_, err := endpoint.store.Set(t.Context(), "acme", "g", "k", nil, client.SetOptions{MessageID: "order-1"})
		require.NoError(t, err)
		_, err = endpoint.store.Transaction(t.Context(), "acme", client.Transaction{
			Then: []client.Operation{client.GetOperation("g", "k")}, MessageID: "order-2",
		})
		require.NoError(t, err)
		assert.Equal(t, []string{"order-1", "order-2"}, endpoint.received())
	})
	t.Run("ATransactionThatGetsHasNone", func(t *testing.T) {
		endpoint := serveFates(t, "store.acme.transaction", client.Config{}, func() *nats.Msg { return body(`{"succeeded":true,"results":[{},{}]}`) })
		_, err := endpoint.store.Transaction(t.Context(), "acme", client.Transaction{
			Then: []client.Operation{client.GetOperation("g", "k"), client.DeleteGroupOperation("g")},
		})
		require.NoError(t, err)
		assert.Equal(t, []string{""}, endpoint.received())
	})
}

func TestDelivery_MessageID_Bad(t *testing.T) {
	endpoint := serveFates(t, "store.acme.*", client.Config{}, done)
	_, err := endpoint.store.Increment(t.Context(), "acme", "g", "k", 1, client.IncrementOptions{MessageID: "a\nb"})
	require.ErrorIs(t, err, subjects.ErrBadRequest)
	assert.ErrorContains(t, err, "client.Increment: Nats-Msg-Id is printable ASCII")
	assert.Empty(t, endpoint.received())
}

func TestDelivery_Repeat_Good(t *testing.T) {
	for name, fates := range map[string][]func() *nats.Msg{
		"AfterSilence":                  {silence, done},
		"AfterMoreSilence":              {silence, silence, done},
		"AfterAnUnknownOutcome":         {unknown, done},
		"ThroughARestartAfterSilence":   {silence, nobody, nobody, done},
		"ThroughAnUnavailableTime":      {unknown, unavailable, nobody, unavailable, done},
		"ThroughARestartBeforeAnything": {nobody, nobody, silence, done},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // silence takes its time
			heard := 0
			endpoint := serveFates(t, "store.acme.set", client.Config{Timeout: patience, ReplyFunc: func(string, []byte) { heard++ }}, fates...)
			reply, err := endpoint.store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{})
			require.NoError(t, err)
			assert.Equal(t, uint64(42), reply.Revision)
			ids := endpoint.received()
			assert.Len(t, ids, len(fates))
			assert.Len(t, slices.Compact(ids), 1, "every attempt has the same id")
			assert.Equal(t, 1, heard)
		})
	}
	t.Run("AReadWaitsForASidecar", func(t *testing.T) {
		endpoint := serveFates(t, "store.acme.count", client.Config{}, nobody, nobody, done)
		reply, err := endpoint.store.Count(t.Context(), "acme", client.CountOptions{})
		require.NoError(t, err)
		assert.Equal(t, uint64(42), reply.Revision)
	})
}

func TestDelivery_Repeat_Bad(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fates    []func() *nats.Msg
		failures []error
		not      error
		requests int
	}{
		"NotWhatIsRefused":            {[]func() *nats.Msg{conflict}, []error{subjects.ErrRevisionConflict}, subjects.ErrOutcomeUnknown, 1},
		"NotWhatIsUnavailable":        {[]func() *nats.Msg{unavailable}, []error{subjects.ErrUnavailable}, subjects.ErrOutcomeUnknown, 1},
		"NotWhatIsRefusedInTheEnd":    {[]func() *nats.Msg{silence, conflict}, []error{subjects.ErrRevisionConflict}, subjects.ErrOutcomeUnknown, 2},
		"SilenceToTheEnd":             {[]func() *nats.Msg{silence}, []error{subjects.ErrOutcomeUnknown, context.DeadlineExceeded}, nats.ErrNoResponders, -1},
		"AnUnknownOutcomeThatIsQuiet": {[]func() *nats.Msg{unknown, silence}, []error{subjects.ErrOutcomeUnknown, context.DeadlineExceeded}, nats.ErrNoResponders, -1},
		"ASidecarThatDoesNotComeBack": {[]func() *nats.Msg{silence, nobody}, []error{subjects.ErrOutcomeUnknown, context.DeadlineExceeded}, subjects.ErrUnavailable, -1},
		"AnUnknownOutcomeForGood":     {[]func() *nats.Msg{unknown}, []error{subjects.ErrOutcomeUnknown, context.DeadlineExceeded}, subjects.ErrUnavailable, -1},
	} {
		t.Run(name, func(t *testing.T) {
			endpoint := serveFates(t, "store.acme.set", client.Config{Timeout: patient}, test.fates...)
			_, err := endpoint.store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{})
			for _, failure := range test.failures {
				require.ErrorIs(t, err, failure)
			}
			require.NotErrorIs(t, err, test.not)
			assert.ErrorContains(t, err, "client.Set: ")
			ids := endpoint.received()
			if test.requests > 0 {
				assert.Len(t, ids, test.requests)
			} else {
				assert.Greater(t, len(ids), 1)
			}
		})
	}
	t.Run("WhatAnswersWithAValueIsSentOnce", func(t *testing.T) {
		endpoint := serveFates(t, "store.acme.*", client.Config{Timeout: patient}, silence)
		_, err := endpoint.store.GetAndTouch(t.Context(), "acme", "g", "k", subjects.NeverExpires)
		require.ErrorIs(t, err, subjects.ErrOutcomeUnknown)
		_, err = endpoint.store.Transaction(t.Context(), "acme", client.Transaction{
			Then: []client.Operation{client.GetOperation("g", "k"), client.DeleteGroupOperation("g")},
		})
		require.ErrorIs(t, err, subjects.ErrOutcomeUnknown)
		_, err = endpoint.store.Transaction(t.Context(), "acme", client.Transaction{Then: []client.Operation{client.GetOperation("g", "k")}})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, subjects.ErrOutcomeUnknown, "it changes nothing")
		assert.Len(t, endpoint.received(), 3)
	})
	t.Run("PatienceHasAnEnd", func(t *testing.T) {
		endpoint := serveFates(t, "store.acme.get", client.Config{Timeout: patience, Patience: 2 * brief}, nobody)
		_, err := endpoint.store.Get(t.Context(), "acme", "g", "k")
		require.ErrorIs(t, err, nats.ErrNoResponders)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.Greater(t, len(endpoint.received()), 1)
	})
	t.Run("ImpatienceAsksOnce", func(t *testing.T) {
		endpoint := serveFates(t, "store.acme.get", client.Config{Patience: -1}, nobody)
		_, err := endpoint.store.Get(t.Context(), "acme", "g", "k")
		require.ErrorIs(t, err, nats.ErrNoResponders)
		assert.Len(t, endpoint.received(), 1)
	})
}

func TestDelivery_Repeat_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("NotBeforeTheSidecarAsksForIt", func(t *testing.T) {
		later := func() *nats.Msg {
			return refusal("503", `{"error":{"code":503,"name":"unavailable","message":"later","retry_after":"30s"}}`)
		}
		endpoint := serveFates(t, "store.acme.set", client.Config{Timeout: patient}, unknown, later, done)
		_, err := endpoint.store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{})
		require.ErrorIs(t, err, subjects.ErrUnavailable)
		require.ErrorIs(t, err, subjects.ErrOutcomeUnknown)
		assert.ErrorContains(t, err, "fsync failed; sent again: later")
		assert.Len(t, endpoint.received(), 2)
	})
	t.Run("TheCallerEndsIt", func(t *testing.T) {
		endpoint := serveFates(t, "store.acme.set", client.Config{Timeout: patience, Patience: patience}, nobody)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-endpoint.ids
			cancel()
		}()
		_, err := endpoint.store.Set(ctx, "acme", "config", "theme", nil, client.SetOptions{})
		assert.ErrorIs(t, err, context.Canceled)
	})
	t.Run("AClosedConnectionEndsIt", func(t *testing.T) {
		broker := startBroker(t, server.Options{})
		connection := connect(t, broker.ClientURL())
		answer(t, connect(t, broker.ClientURL()), "store.acme.set", func(*nats.Msg) *nats.Msg {
			connection.Close()
			return nil
		})
		store, err := client.New(connection, client.Config{Timeout: patience})
		require.NoError(t, err)
		_, err = store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{})
		require.ErrorIs(t, err, subjects.ErrOutcomeUnknown)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("ARestartOfTheBrokerIsWaitedFor", func(t *testing.T) {
		broker := startBroker(t, server.Options{})
		address, lost, ids := broker.Addr().String(), make(chan struct{}), make(chan string, 10)
		responder := connect(t, broker.ClientURL())
		answer(t, responder, "store.acme.set", func(request *nats.Msg) *nats.Msg {
			ids <- request.Header.Get(subjects.HeaderMessageID)
			if len(ids) == 1 {
				close(lost)
				return nil
			}
			return done()
		})
		store := newClient(t, broker.ClientURL(), client.Config{Timeout: patience})
		outcome := make(chan error, 1)
		go func() {
			_, err := store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{})
			outcome <- err
		}()
		<-lost
		stopBroker(broker)
		startBroker(t, server.Options{Port: portOf(t, address)})
		require.NoError(t, <-outcome)
		first, second := <-ids, <-ids
		assert.Equal(t, first, second)
	})
}
