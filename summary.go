// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/internal/await"
	"dappco.re/go/storebus/store"
)

// Summary says where a sidecar is reached and what it holds. No secret is in it.
type Summary struct {
	// NATSURL is where clients connect, OwnBroker says that the sidecar runs that broker
	// itself, and Open that the broker asks nobody for credentials.
	NATSURL   string
	OwnBroker bool
	Open      bool
	// HTTPURL is where a browser on this machine finds the page; "" if there is no HTTP.
	HTTPURL string

	// DatabasePath is the SQLite file or store.MemoryDatabase. DatabaseBytes is its size
	// with its write-ahead log, 0 in memory.
	DatabasePath  string
	DatabaseBytes int64
	Durability    store.Durability
	// Keys and Namespaces count what the store holds.
	Keys       uint64
	Namespaces uint64

	// JournalURL and JournalBucket are where points are delivered; "" if nowhere.
	JournalURL    string
	JournalBucket string
}

// Summary waits for the store to count what it holds, until ctx ends. With an error the
// rest of the summary is there.
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
