// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// startExample starts a sidecar for an example. A real service uses a running sidecar.
func startExample(ctx context.Context) (store *client.Client, stop func()) {
	sidecar, err := storebus.Start(ctx, storebus.Config{
		DatabasePath: ":memory:", Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler),
	})
	check(err)
	connection, err := nats.Connect(sidecar.NATSURL())
	check(err)
	store, err = client.New(connection, client.Config{})
	check(err)
	return store, func() {
		connection.Close()
		_ = sidecar.Close()
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A value is replaced only if nobody else has replaced it meanwhile.
func ExampleClient_Set() {
	ctx := context.Background()
	store, stop := startExample(ctx)
	defer stop()

	first, err := store.Set(ctx, "acme", "config", "theme", []byte("dark"), client.SetOptions{})
	check(err)
	_, err = store.Set(ctx, "acme", "config", "theme", []byte("light"), client.SetOptions{IfRevision: client.Revision(first.Revision)})
	fmt.Println(err)

	_, err = store.Set(ctx, "acme", "config", "theme", []byte("blue"), client.SetOptions{IfRevision: client.Revision(first.Revision)})
	if conflict, ok := errors.AsType[*subjects.Error](err); ok {
		fmt.Println(conflict.Name, *conflict.CurrentRevision)
	}
	// Output:
	// <nil>
	// revision_conflict 2
}

// A consumer reads the entries, and then watches from the revision of the reading.
func ExampleClient_Watch() {
	ctx := context.Background()
	store, stop := startExample(ctx)
	defer stop()
	set := func(key, value string) {
		_, err := store.Set(ctx, "acme", "config", key, []byte(value), client.SetOptions{})
		check(err)
	}
	set("theme", "dark")

	now, err := store.Position(ctx, "acme")
	check(err)
	for entry, err := range store.ListAll(ctx, "acme", "config", client.ListOptions{}) {
		check(err)
		fmt.Println("read", entry.Key, string(entry.Value))
	}

	set("language", "en-GB")
	for change, err := range store.Watch(ctx, "acme", client.WatchOptions{After: &now.Revision, Store: now.Store}) {
		check(err)
		fmt.Println(change.Revision, change.Type, change.Key, string(change.Value))
		break
	}
	// Output:
	// read theme dark
	// 2 set language en-GB
}
