// SPDX-License-Identifier: EUPL-1.2

// Package metrics exports the figures of a sidecar to Prometheus. It counts nothing
// itself: it reads every figure at the time of a scrape.
package metrics

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
)

// scrapeTimeout is the longest wait of a scrape for the store.
const scrapeTimeout = 5 * time.Second

// Source has the parts whose figures are exported. Store and Service are required.
type Source struct {
	Store   *store.Store
	Service *handler.Service
	// Publisher is nil if the service has no publisher.
	Publisher *handler.Publisher
	// Version is the version of the program.
	Version string
	// Logger gets the errors of a scrape. If it is nil, they are discarded.
	Logger *slog.Logger
}

// NewHandler returns a handler for GET /metrics in the formats of Prometheus. It exports
// the figures of the sidecar, of the Go runtime and of the process.
//
//	mux.Handle("/metrics", metrics.NewHandler(metrics.Source{Store: store, Service: service}))
func NewHandler(source Source) http.Handler {
	return promhttp.HandlerFor(NewRegistry(source), promhttp.HandlerOpts{
		// Concurrent scrapes share one reading of the store.
		CoalesceGather: true,
		ErrorHandling:  promhttp.ContinueOnError,
	})
}

// NewRegistry returns the registry behind NewHandler, for a program that serves it
// itself.
//
//	families, err := metrics.NewRegistry(metrics.Source{Store: store, Service: service}).Gather()
func NewRegistry(source Source) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		NewCollector(source),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return registry
}

// NewCollector returns a collector of the sidecar's figures alone, for a program with a
// registry of its own.
//
//	prometheus.MustRegister(metrics.NewCollector(metrics.Source{Store: store, Service: service}))
func NewCollector(source Source) prometheus.Collector {
	if source.Logger == nil {
		source.Logger = slog.New(slog.DiscardHandler)
	}
	return &collector{Source: source}
}
