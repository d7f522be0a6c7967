// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// startStorebus starts a real sidecar. If the configuration names no broker, it has its
// own.
func startStorebus(t *testing.T, config storebus.Config) *storebus.Sidecar {
	t.Helper()
	if config.NATS.URL == "" && config.Listen == "" {
		config.Listen = "127.0.0.1:0"
	}
	if config.DatabasePath == "" {
		config.DatabasePath = filepath.Join(t.TempDir(), "storebus.db")
	}
	config.Logger = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	sidecar, err := storebus.Start(ctx, config)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sidecar.Close()) })
	return sidecar
}

func TestSidecar_Entries_Good(t *testing.T) {
	sidecar := startStorebus(t, storebus.Config{})
	store := newClient(t, sidecar.NATSURL(), client.Config{})
	ctx := t.Context()

	t.Run("SetAndGet", func(t *testing.T) {
		first, err := store.Set(ctx, "acme", "config", "theme", []byte("dark"), client.SetOptions{})
		require.NoError(t, err)
		assert.True(t, first.Created)
		second, err := store.Set(ctx, "acme", "config", "theme", []byte("light"), client.SetOptions{
			TTL: subjects.After(time.Hour), IfRevision: &first.Revision,
		})
		require.NoError(t, err)
		assert.False(t, second.Created)
		assert.Equal(t, first.Revision+1, second.Revision)
		entry, err := store.Get(ctx, "acme", "config", "theme")
		require.NoError(t, err)
		assert.Equal(t, []byte("light"), entry.Value)
		assert.Equal(t, second.Revision, entry.Revision)
		assert.Equal(t, second.ExpiresAt, entry.ExpiresAt)
		assert.WithinDuration(t, time.Now().Add(time.Hour), entry.ExpiresAt, time.Minute)
	})
	t.Run("EveryByteComesBack", func(t *testing.T) {
		value := make([]byte, 256)
		for index := range value {
			value[index] = byte(index)
		}
		_, err := store.Set(ctx, "acme", "a.b *>", "<key>\x01", value, client.SetOptions{})
		require.NoError(t, err)
		entry, err := store.Get(ctx, "acme", "a.b *>", "<key>\x01")
		require.NoError(t, err)
		assert.Equal(t, value, entry.Value)
	})
	t.Run("AnEmptyValueIsAValue", func(t *testing.T) {
		_, err := store.Set(ctx, "acme", "config", "empty", nil, client.SetOptions{})
		require.NoError(t, err)
		entry, err := store.Get(ctx, "acme", "config", "empty")
		require.NoError(t, err)
		assert.NotNil(t, entry.Value)
		assert.Empty(t, entry.Value)
	})
	t.Run("ExistsAndDelete", func(t *testing.T) {
		set, err := store.Set(ctx, "acme", "config", "gone", []byte("x"), client.SetOptions{})
		require.NoError(t, err)
		exists, err := store.Exists(ctx, "acme", "config", "gone")
		require.NoError(t, err)
		assert.Equal(t, subjects.ExistsReply{Exists: true, Revision: set.Revision}, exists)
		deleted, err := store.Delete(ctx, "acme", "config", "gone", client.DeleteOptions{IfRevision: &set.Revision})
		require.NoError(t, err)
		assert.Equal(t, subjects.DeleteReply{Deleted: true, Revision: set.Revision + 1}, deleted)
		deleted, err = store.Delete(ctx, "acme", "config", "gone", client.DeleteOptions{})
		require.NoError(t, err)
		assert.Equal(t, subjects.DeleteReply{Revision: set.Revision + 1}, deleted)
		exists, err = store.Exists(ctx, "acme", "config", "gone")
		require.NoError(t, err)
		assert.False(t, exists.Exists)
	})
	t.Run("ListsEveryPage", func(t *testing.T) {
		var expected []string
		for index := range 25 {
			key := fmt.Sprintf("key%02d", index)
			expected = append(expected, key)
			_, err := store.Set(ctx, "acme", "pages", key, []byte(key), client.SetOptions{})
			require.NoError(t, err)
		}
		var keys []string
		for entry, err := range store.ListAll(ctx, "acme", "pages", client.ListOptions{Limit: 7}) {
			require.NoError(t, err)
			assert.Equal(t, entry.Key, string(entry.Value))
			keys = append(keys, entry.Key)
		}
		assert.Equal(t, expected, keys)
	})
	t.Run("ListsAsAsked", func(t *testing.T) {
		page, err := store.List(ctx, "acme", "pages", client.ListOptions{Prefix: "key1", Limit: 3, KeysOnly: true, Descending: true})
		require.NoError(t, err)
		require.Len(t, page.Entries, 3)
		assert.Equal(t, "key19", page.Entries[0].Key)
		assert.Nil(t, page.Entries[0].Value)
		assert.NotEmpty(t, page.Next)
		assert.Equal(t, sidecar.StoreID(), page.Store)
	})
	t.Run("Status", func(t *testing.T) {
		status, err := store.Status(ctx)
		require.NoError(t, err)
		assert.Equal(t, sidecar.StoreID(), status.Store)
		assert.Equal(t, "full", status.Durability)
		assert.True(t, status.Writable)
		assert.Equal(t, uint64(1), status.Namespaces)
	})
}

func TestSidecar_Entries_Bad(t *testing.T) {
	store := newClient(t, startStorebus(t, storebus.Config{}).NATSURL(), client.Config{})
	ctx := t.Context()

	_, err := store.Get(ctx, "acme", "config", "missing")
	require.ErrorIs(t, err, subjects.ErrNotFound)

	set, err := store.Set(ctx, "acme", "config", "theme", []byte("dark"), client.SetOptions{})
	require.NoError(t, err)
	_, err = store.Set(ctx, "acme", "config", "theme", []byte("light"), client.SetOptions{IfRevision: client.Revision(0)})
	require.ErrorIs(t, err, subjects.ErrRevisionConflict)
	var conflict *subjects.Error
	require.ErrorAs(t, err, &conflict)
	assert.Equal(t, set.Revision, *conflict.CurrentRevision)

	_, err = store.Set(ctx, "acme", "config", "theme", make([]byte, 1<<20-100), client.SetOptions{})
	require.Error(t, err)
	assert.NotErrorIs(t, err, subjects.ErrOutcomeUnknown)
	_, err = store.List(ctx, "acme", "config", client.ListOptions{Limit: 1001})
	assert.ErrorIs(t, err, subjects.ErrBadRequest)
}

func TestSidecar_Changes_Good(t *testing.T) {
	sidecar := startStorebus(t, storebus.Config{})
	store := newClient(t, sidecar.NATSURL(), client.Config{})
	ctx := t.Context()

	position, err := store.Position(ctx, "acme")
	require.NoError(t, err)
	assert.Equal(t, client.Position{Revision: 0, Store: sidecar.StoreID()}, position)
	for _, group := range []string{"config", "other", "config"} {
		_, err := store.Set(ctx, "acme", group, "key", []byte("value"), client.SetOptions{})
		require.NoError(t, err)
	}
	position, err = store.Position(ctx, "acme")
	require.NoError(t, err)
	assert.Equal(t, uint64(3), position.Revision)

	page, err := store.Changes(ctx, "acme", client.ChangesOptions{Group: "config", Store: position.Store})
	require.NoError(t, err)
	require.Len(t, page.Changes, 2)
	assert.Equal(t, uint64(3), page.Next)
	assert.Equal(t, uint64(1), page.Changes[1].Previous)
	assert.Equal(t, []byte("value"), page.Changes[1].Value)

	_, err = store.Changes(ctx, "acme", client.ChangesOptions{Store: "another"})
	assert.ErrorIs(t, err, subjects.ErrCompacted)
}

// setMany writes count changes, turn and turn about in two groups.
func setMany(t *testing.T, store *client.Client, count int) {
	t.Helper()
	for index := range count {
		group := []string{"config", "other"}[index%2]
		_, err := store.Set(t.Context(), "acme", group, "key"+strconv.Itoa(index), []byte("value"), client.SetOptions{})
		require.NoError(t, err)
	}
}

func TestSidecar_Watch_Good(t *testing.T) {
	sidecar := startStorebus(t, storebus.Config{})
	store := newClient(t, sidecar.NATSURL(), client.Config{})
	setMany(t, store, 10)

	everything := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
		return store.Watch(ctx, "acme", client.WatchOptions{After: client.Revision(0), Store: sidecar.StoreID(), QuietInterval: never})
	})
	assert.Equal(t, upTo(1, 10), everything.revisions(t, 10))
	oneGroup := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
		return store.Watch(ctx, "acme", client.WatchOptions{Group: "config", After: client.Revision(8), QuietInterval: never})
	})
	assert.Equal(t, uint64(9), oneGroup.next(t).Revision)
	setMany(t, store, 4)
	assert.Equal(t, upTo(11, 14), everything.revisions(t, 4))
	assert.Equal(t, []uint64{11, 13}, oneGroup.revisions(t, 2))

	_, err := store.Set(t.Context(), "acme", "config", "brief", nil, client.SetOptions{TTL: subjects.After(time.Millisecond)})
	require.NoError(t, err)
	types := []subjects.EventType{everything.next(t).Type, everything.next(t).Type}
	assert.Equal(t, []subjects.EventType{subjects.EventSet, subjects.EventExpire}, types)
}

func TestSidecar_Watch_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("ARestartOfTheSidecarLosesNothing", func(t *testing.T) {
		broker := startBroker(t, server.Options{})
		config := storebus.Config{DatabasePath: filepath.Join(t.TempDir(), "storebus.db"), NATS: storebus.NATSConfig{URL: broker.ClientURL()}}
		sidecar := startStorebus(t, config)
		store := newClient(t, broker.ClientURL(), client.Config{})
		follower := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
			return store.Watch(ctx, "acme", client.WatchOptions{After: client.Revision(0), QuietInterval: soon})
		})
		setMany(t, store, 10)
		assert.Equal(t, upTo(1, 10), follower.revisions(t, 10))
		require.NoError(t, sidecar.Close())
		startStorebus(t, config)
		setMany(t, store, 10)
		assert.Equal(t, upTo(11, 20), follower.revisions(t, 10))
	})
	t.Run("ARestartOfTheBrokerLosesNothing", func(t *testing.T) {
		broker := startBroker(t, server.Options{})
		startStorebus(t, storebus.Config{NATS: storebus.NATSConfig{URL: broker.ClientURL()}})
		connection := connect(t, broker.ClientURL())
		store, err := client.New(connection, client.Config{Timeout: time.Second})
		require.NoError(t, err)
		follower := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
			return store.Watch(ctx, "acme", client.WatchOptions{After: client.Revision(0), QuietInterval: soon})
		})
		setMany(t, store, 5)
		assert.Equal(t, upTo(1, 5), follower.revisions(t, 5))
		address := broker.Addr().String()
		stopBroker(broker)
		startBroker(t, server.Options{Port: portOf(t, address)})
		require.Eventually(t, func() bool {
			_, err := store.Set(t.Context(), "acme", "config", "back", nil, client.SetOptions{})
			return err == nil
		}, patience, brief)
		assert.Equal(t, upTo(6, 6), follower.revisions(t, 1))
	})
	t.Run("ALostConnectionLosesNothing", func(t *testing.T) {
		sidecar := startStorebus(t, storebus.Config{})
		writer := newClient(t, sidecar.NATSURL(), client.Config{})
		connection := connect(t, sidecar.NATSURL())
		store, err := client.New(connection, client.Config{})
		require.NoError(t, err)
		follower := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
			return store.Watch(ctx, "acme", client.WatchOptions{After: client.Revision(0), QuietInterval: never, BufferMessages: 5})
		})
		for round := range uint64(5) {
			require.NoError(t, connection.ForceReconnect())
			setMany(t, writer, 20)
			assert.Equal(t, upTo(20*round+1, 20*round+20), follower.revisions(t, 20))
		}
	})
	t.Run("AnotherDatabaseEndsIt", func(t *testing.T) {
		broker := startBroker(t, server.Options{})
		nats := storebus.NATSConfig{URL: broker.ClientURL()}
		first := startStorebus(t, storebus.Config{NATS: nats})
		store := newClient(t, broker.ClientURL(), client.Config{})
		follower := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
			return store.Watch(ctx, "acme", client.WatchOptions{After: client.Revision(0), QuietInterval: soon})
		})
		setMany(t, store, 1)
		assert.Equal(t, uint64(1), follower.next(t).Revision)
		require.NoError(t, first.Close())
		startStorebus(t, storebus.Config{NATS: nats})
		assert.ErrorIs(t, follower.end(t), subjects.ErrCompacted)
	})
}

// A consumer may subscribe to the events of its namespace, and request the changes that
// mend a gap.
func TestSidecar_Permissions_Good(t *testing.T) {
	broker := startBroker(t, server.Options{Users: []*server.User{
		{Username: "operator", Password: "o"},
		{Username: "consumer", Password: "c", Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{"store.acme.changes", "store.acme.scan", "store.acme.get"}},
			Subscribe: &server.SubjectPermission{Allow: []string{"store.events.acme.>", "_INBOX.>"}},
		}},
	}})
	url := "nats://operator:o@" + broker.Addr().String()
	startStorebus(t, storebus.Config{NATS: storebus.NATSConfig{URL: url}})
	writer := newClient(t, url, client.Config{})
	setMany(t, writer, 3)

	consumer, err := client.New(connect(t, broker.ClientURL(), nats.UserInfo("consumer", "c")), client.Config{})
	require.NoError(t, err)
	position, err := consumer.Position(t.Context(), "acme")
	require.NoError(t, err)
	follower := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
		return consumer.Watch(ctx, "acme", client.WatchOptions{After: &position.Revision, Store: position.Store, QuietInterval: never})
	})
	setMany(t, writer, 3)
	assert.Equal(t, upTo(4, 6), follower.revisions(t, 3))
}
