// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/internal/await"
	"dappco.re/go/storebus/store"
)

// Summary has the addresses of a sidecar and the size of its contents. It holds no secret.
type Summary struct {
	// NATSURL is the address for clients. OwnBroker says that the sidecar runs that broker
	// itself, and Open that the broker asks nobody for credentials.
	NATSURL   string
	OwnBroker bool
	Open      bool
	// HTTPURL is the address of the page for a browser on this machine, "" if there is no
	// HTTP.
	HTTPURL string

	// DatabasePath is the SQLite file or store.MemoryDatabase. DatabaseBytes is its size
	// with its write-ahead log, 0 in memory.
	DatabasePath  string
	DatabaseBytes int64
	Durability    store.Durability
	// Keys and Namespaces are the numbers of keys and of namespaces in the store.
	Keys       uint64
	Namespaces uint64

	// JournalURL and JournalBucket name the endpoint of the journal. Both are "" if there
	// is none.
	JournalURL    string
	JournalBucket string
}

// Summary counts the keys of the store, and waits for that until ctx ends. If the count
// fails, it returns the error with the rest of the summary.
//
//	summary, err := sidecar.Summary(ctx)
//	fmt.Println(summary.NATSURL, summary.Keys) // nats://127.0.0.1:4222 12
func (sidecar *Sidecar) Summary(ctx context.Context) (Summary, error) {
	if !sidecar.started() {
		return Summary{}, fmt.Errorf("storebus.Summary: %w", ErrNotStarted)
	}
	figures, joined := sidecar.store.Figures(), sidecar.bus.Load()
	summary := Summary{
		NATSURL:   sidecar.NATSURL(),
		OwnBroker: sidecar.broker != nil,
		Open:      joined != nil && !joined.requests.AuthRequired(),
		HTTPURL:   sidecar.HTTPURL(),

		DatabasePath:  sidecar.config.DatabasePath,
		DatabaseBytes: figures.DatabaseBytes + figures.WriteAheadLogBytes,
		Durability:    sidecar.Durability(),
	}
	if sidecar.journal != nil {
		summary.JournalURL, summary.JournalBucket = sidecar.journal.Status().Endpoint, sidecar.config.Journal.Bucket
	}
	status, err := await.Answer(ctx, sidecar.store.SubmitStatus)
	if err != nil {
		return summary, fmt.Errorf("storebus.Summary: %w", err)
	}
	summary.Keys, summary.Namespaces = status.Entries, status.Namespaces
	return summary, nil
}
