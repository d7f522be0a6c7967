// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

const (
	setEvent = `{"revision":42,"previous":40,"type":"set","store":"k3F","namespace":"acme","group":"config","key":"theme","value":"dark",` +
		`"created":true,"expires_at":"2026-11-22T10:01:00Z","timestamp":"2026-11-22T10:00:00.5Z","transaction":{"first":41,"last":43}}`
	groupEvent   = `{"revision":43,"previous":42,"type":"delete_group","store":"k3F","namespace":"acme","group":"config","timestamp":"2026-11-22T10:00:00.5Z"}`
	omittedEvent = `{"revision":44,"previous":0,"type":"set","store":"k3F","namespace":"acme","group":"files","key":"big","created":false,` +
		`"timestamp":"2026-11-22T10:00:00.5Z","value_omitted":true}`
)

func TestChanges_Changes_Good(t *testing.T) {
	store, request := scripted(t, "store.acme.changes",
		`{"changes":[`+setEvent+`, `+groupEvent+`,`+omittedEvent+`],"next":44,"oldest":7,"revision":50,"store":"k3F"}`)

	t.Run("GivesTheChangesAsTheyCame", func(t *testing.T) {
		page, err := store.Changes(t.Context(), "acme", client.ChangesOptions{})
		require.NoError(t, err)
		assert.JSONEq(t, `{"after":0}`, request())
		timestamp := time.Date(2026, 11, 22, 10, 0, 0, 500_000_000, time.UTC)
		assert.Equal(t, client.ChangesPage{
			Changes: []client.Change{
				{
					Revision: 42, Previous: 40, Type: subjects.EventSet, Store: "k3F", Namespace: "acme", Group: "config", Key: "theme",
					Value: []byte("dark"), Created: true, ExpiresAt: time.Date(2026, 11, 22, 10, 1, 0, 0, time.UTC), Timestamp: timestamp,
					Transaction: &subjects.TransactionRange{First: 41, Last: 43}, JSON: []byte(setEvent),
				},
				{
					Revision: 43, Previous: 42, Type: subjects.EventDeleteGroup, Store: "k3F", Namespace: "acme", Group: "config",
					Timestamp: timestamp, JSON: []byte(groupEvent),
				},
				{
					Revision: 44, Type: subjects.EventSet, Store: "k3F", Namespace: "acme", Group: "files", Key: "big",
					ValueOmitted: true, Timestamp: timestamp, JSON: []byte(omittedEvent),
				},
			},
			Next: 44, Oldest: 7, Revision: 50, Store: "k3F",
		}, page)
	})
	t.Run("SendsTheOptions", func(t *testing.T) {
		_, err := store.Changes(t.Context(), "acme", client.ChangesOptions{
			After: 41, Group: "config", Limit: 10, Wait: 1500 * time.Millisecond, Store: "k3F",
		})
		require.NoError(t, err)
		assert.JSONEq(t, `{"after":41,"group":"config","limit":10,"wait":1.5,"store":"k3F"}`, request())
	})
	t.Run("OutlastsTheWait", func(t *testing.T) {
		connection := connect(t, startBroker(t, server.Options{}).ClientURL())
		answer(t, connection, "store.acme.changes", func(*nats.Msg) *nats.Msg {
			<-time.After(5 * brief) // a reply that is held for longer than Timeout
			return body(`{"changes":[],"next":41,"oldest":1,"revision":41,"store":"k3F"}`)
		})
		impatient := newClient(t, connection.ConnectedUrl(), client.Config{Timeout: brief})
		_, err := impatient.Changes(t.Context(), "acme", client.ChangesOptions{After: 41, Wait: patience})
		assert.NoError(t, err)
	})
}

func TestChanges_Changes_Bad(t *testing.T) {
	store, _ := scripted(t, "store.acme.changes", `{"changes":[{"revision":"42"}],"next":42}`)

	t.Run("RefusesAChangeThatIsNone", func(t *testing.T) {
		_, err := store.Changes(t.Context(), "acme", client.ChangesOptions{})
		assert.ErrorContains(t, err, "client.Changes: the reply is not one of storebus")
	})
	t.Run("RefusesWhatIsNoText", func(t *testing.T) {
		_, err := store.Changes(t.Context(), "acme", client.ChangesOptions{Store: "\xff"})
		assert.ErrorContains(t, err, "client.Changes: encode the request")
	})
	t.Run("RefusesAWaitThatIsTooLong", func(t *testing.T) {
		_, err := store.Changes(t.Context(), "acme", client.ChangesOptions{Wait: time.Minute})
		assert.ErrorIs(t, err, subjects.ErrBadRequest)
	})
}

func TestChanges_Position_Good(t *testing.T) {
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	answer(t, connection, "store.acme.changes", func(request *nats.Msg) *nats.Msg {
		assert.JSONEq(t, `{"after":9223372036854775807}`, string(request.Data))
		return refusal("410", `{"error":{"code":410,"name":"compacted","message":"too far","oldest":7,"revision":41,"store":"k3F"}}`)
	})
	position, err := newClient(t, connection.ConnectedUrl(), client.Config{}).Position(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, client.Position{Revision: 41, Store: "k3F"}, position)
}

func TestChanges_Position_Bad(t *testing.T) {
	t.Parallel()
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	store := newClient(t, connection.ConnectedUrl(), client.Config{})

	_, err := store.Position(t.Context(), "acme")
	require.ErrorIs(t, err, nats.ErrNoResponders)
	assert.ErrorContains(t, err, "client.Position: ")

	answer(t, connection, "store.acme.changes", func(*nats.Msg) *nats.Msg {
		return refusal("410", `{"error":{"code":410,"name":"compacted","message":"no revision here"}}`)
	})
	_, err = store.Position(t.Context(), "acme")
	assert.ErrorIs(t, err, subjects.ErrCompacted)
}
