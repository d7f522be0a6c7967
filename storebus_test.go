// SPDX-License-Identifier: EUPL-1.2

package storebus_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
)

func TestStorebus_Start_Good(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "folder", "storebus.db")
	sidecar := start(t, storebus.Config{DatabasePath: path, Instance: "one"})
	connection := connect(t, sidecar.NATSURL())
	events, err := connection.SubscribeSync("store.events.acme.>")
	require.NoError(t, err)
	require.NoError(t, connection.Flush())

	t.Run("AnswersAndPublishes", func(t *testing.T) {
		assert.Equal(t, `{"revision":1,"created":true}`, request(t, connection, "store.acme.set.config.theme", "dark"))
		assert.Equal(t, "dark", request(t, connection, "store.acme.get.config.theme", ""))
		event, err := events.NextMsg(patience)
		require.NoError(t, err)
		assert.Equal(t, "store.events.acme.config", event.Subject)
	})
	t.Run("SaysWhatItIs", func(t *testing.T) {
		assert.Equal(t, "store", sidecar.Prefix())
		assert.Equal(t, "one", sidecar.Instance())
		assert.NotEmpty(t, sidecar.StoreID())
		assert.Equal(t, store.DurabilityFull, sidecar.Durability())
		assert.Contains(t, request(t, connection, "store.admin.status", ""), `"instance":"one","version":"`+storebus.Version+`","prefix":"store","durability":"full"`)
		assert.NoError(t, sidecar.Err())
	})
	t.Run("KeepsItsFoldersToItsOwner", func(t *testing.T) {
		info, err := os.Stat(filepath.Dir(path))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	})
	t.Run("KeepsWhatWasStored", func(t *testing.T) {
		id := sidecar.StoreID()
		require.NoError(t, sidecar.Close())
		again := start(t, storebus.Config{DatabasePath: path})
		assert.Equal(t, id, again.StoreID())
		assert.Equal(t, "dark", request(t, connect(t, again.NATSURL()), "store.acme.get.config.theme", ""))
	})
}

func TestStorebus_Start_Good_OnAnotherBroker(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	sidecar := start(t, storebus.Config{NATS: storebus.NATSConfig{URL: broker.ClientURL()}, Prefix: "berlin.store"})
	assert.Equal(t, broker.ClientURL(), sidecar.NATSURL())
	connection := connect(t, broker.ClientURL())
	assert.Equal(t, `{"exists":false}`, request(t, connection, "berlin.store.acme.exists", `{"key":"k"}`))
	_, err := connection.Request("store.acme.exists", []byte(`{"key":"k"}`), patience)
	assert.ErrorIs(t, err, nats.ErrNoResponders)
}

func TestStorebus_Start_Good_WhatIsStoredFitsTheBroker(t *testing.T) {
	broker := startBroker(t, &server.Options{MaxPayload: 128 << 10})
	path := filepath.Join(t.TempDir(), "storebus.db")
	start(t, storebus.Config{DatabasePath: path, NATS: storebus.NATSConfig{URL: broker.ClientURL()}})
	connection := connect(t, broker.ClientURL())
	assert.Contains(t, request(t, connection, "store.acme.set.g.large", strings.Repeat("v", 100<<10)), `"code":413,"name":"too_large"`)
	assert.Contains(t, request(t, connection, "store.acme.set.g.large", strings.Repeat("v", 90<<10)), `"created":true`)
	assert.Len(t, request(t, connection, "store.acme.get.g.large", ""), 90<<10)
}

func TestStorebus_Start_Bad(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "storebus.db")
	running := start(t, storebus.Config{DatabasePath: path, Instance: "running"})
	address, err := url.Parse(running.NATSURL())
	require.NoError(t, err)
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, []byte("no database, and no folder"), 0o600))
	refusals := []struct {
		name   string
		config storebus.Config
		err    error
		text   string
	}{
		{"TheDatabaseIsInUse", storebus.Config{DatabasePath: path}, store.ErrDatabaseInUse, path},
		{"TheAddressIsInUse", storebus.Config{Listen: address.Host}, storebus.ErrAddressInUse, address.Host},
		{"AnotherSidecarIsThere", storebus.Config{NATS: storebus.NATSConfig{URL: running.NATSURL()}, Instance: "late"},
			storebus.ErrOtherSidecar, "instance running with store " + running.StoreID() + "; this is instance late with store "},
		{"TheFileIsNoDatabase", storebus.Config{DatabasePath: file}, store.ErrNotAStore, file},
		{"TheFolderIsAFile", storebus.Config{DatabasePath: filepath.Join(file, "storebus.db")}, nil, file},
		{"TheConfigurationIsWrong", storebus.Config{QueueLimit: -1}, storebus.ErrConfig, "QueueLimit"},
	}
	for _, refusal := range refusals {
		t.Run(refusal.name, func(t *testing.T) {
			_, err := storebus.Start(t.Context(), withTestDefaults(refusal.config))
			require.Error(t, err)
			if refusal.err != nil {
				assert.ErrorIs(t, err, refusal.err)
			}
			assert.ErrorContains(t, err, refusal.text)
		})
	}
	t.Run("NothingIsCreatedIfAnAddressIsInUse", func(t *testing.T) {
		for _, config := range []storebus.Config{{Listen: address.Host}, {HTTPAddress: address.Host}} {
			folder := t.TempDir()
			config.DatabasePath, config.BackupDirectory = filepath.Join(folder, "data", "new.db"), filepath.Join(folder, "backup")
			_, err := storebus.Start(t.Context(), withTestDefaults(config))
			require.ErrorContains(t, err, "address is in use: "+address.Host)
			entries, err := os.ReadDir(folder)
			require.NoError(t, err)
			assert.Empty(t, entries)
		}
	})
	t.Run("TheOneThatRunsGoesOn", func(t *testing.T) {
		assert.Equal(t, `{"exists":false}`, request(t, connect(t, running.NATSURL()), "store.acme.exists.g.k", ""))
	})
	t.Run("TheBrokerTakesTooLittle", func(t *testing.T) {
		broker := startBroker(t, &server.Options{MaxPayload: 32 << 10})
		_, err := storebus.Start(t.Context(), withTestDefaults(storebus.Config{NATS: storebus.NATSConfig{URL: broker.ClientURL()}}))
		assert.ErrorIs(t, err, storebus.ErrPayloadTooSmall)
	})
}

func TestStorebus_Close_Good(t *testing.T) {
	t.Run("AnswersAndPublishesWhatIsCommitted", func(t *testing.T) {
		broker := startBroker(t, &server.Options{})
		sidecar := start(t, storebus.Config{NATS: storebus.NATSConfig{URL: broker.ClientURL()}})
		connection := connect(t, broker.ClientURL())
		events, err := connection.SubscribeSync("store.events.>")
		require.NoError(t, err)
		inbox := connection.NewInbox()
		replies, err := connection.SubscribeSync(inbox)
		require.NoError(t, err)
		const writes = 1_000
		for range writes {
			require.NoError(t, connection.PublishRequest("store.acme.set.g.k", inbox, []byte("v")))
		}
		require.NoError(t, connection.Flush())
		require.NoError(t, sidecar.Close())
		for range writes {
			_, err := replies.NextMsg(patience)
			require.NoError(t, err)
			_, err = events.NextMsg(patience)
			require.NoError(t, err)
		}
	})
	t.Run("MayBeCalledFromManyAtOnce", func(t *testing.T) {
		sidecar := start(t, storebus.Config{})
		closed := make(chan error)
		for range 8 {
			go func() { closed <- sidecar.Close() }()
		}
		for range 8 {
			assert.NoError(t, <-closed)
		}
		assert.NoError(t, sidecar.Err())
	})
}

func TestStorebus_Start_Ugly_ToldToEndWhileItWaits(t *testing.T) {
	logs := newLogs()
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan error, 1)
	go func() {
		_, err := storebus.Start(ctx, storebus.Config{
			DatabasePath: store.MemoryDatabase, NATS: storebus.NATSConfig{URL: "nats://user:secret@127.0.0.1:1"}, Logger: logs.logger(),
		})
		started <- err
	}()
	logs.waitFor(t, "the broker is away: waiting for it")
	cancel()
	assert.ErrorIs(t, <-started, context.Canceled)
	assert.NotContains(t, logs.String(), "secret")
}

func TestStorebus_Unstarted_Bad(t *testing.T) {
	_, err := storebus.Start(nil, storebus.Config{}) //nolint:staticcheck // that is the mistake
	require.EqualError(t, err, "storebus.Start: the context is nil; use context.Background()")
	for _, sidecar := range []*storebus.Sidecar{nil, {}} {
		require.NotPanics(t, func() {
			assert.ErrorIs(t, sidecar.Close(), storebus.ErrNotStarted)
			assert.ErrorIs(t, sidecar.Err(), storebus.ErrNotStarted)
			<-sidecar.Done()
			assert.Empty(t, sidecar.NATSURL()+sidecar.HTTPURL()+sidecar.Prefix()+sidecar.Instance()+sidecar.StoreID()+string(sidecar.Durability()))
		})
	}
}
