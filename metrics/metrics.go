// SPDX-License-Identifier: EUPL-1.2

// Package metrics shows what a sidecar counts to Prometheus. It counts nothing itself:
// every figure is read when it is asked for.
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

// scrapeTimeout is how long a scrape waits for the store.
const scrapeTimeout = 5 * time.Second

// Source is whose figures are shown. Store and Service are required.
type Source struct {
	Store   *store.Store
	Service *handler.Service
	// Publisher is nil for a service whose events nobody publishes.
	Publisher *handler.Publisher
	// Version is that of the program.
	Version string
	// Logger gets what went wrong in a scrape; nil discards it.
	Logger *slog.Logger
}

// NewHandler answers GET /metrics in the formats of Prometheus, with the figures of the
// sidecar, of the Go runtime and of the process.
//
//	mux.Handle("/metrics", metrics.NewHandler(metrics.Source{Store: store, Service: service}))
func NewHandler(source Source) http.Handler {
	return promhttp.HandlerFor(NewRegistry(source), promhttp.HandlerOpts{
		// Two scrapes at a time share one look at the store.
		CoalesceGather: true,
		ErrorHandling:  promhttp.ContinueOnError,
	})
}

// NewRegistry gives the registry behind NewHandler.
func NewRegistry(source Source) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		NewCollector(source),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return registry
}

// NewCollector gives the figures of the sidecar alone, for a program that has a registry.
//
//	prometheus.MustRegister(metrics.NewCollector(metrics.Source{Store: store, Service: service}))
func NewCollector(source Source) prometheus.Collector {
	if source.Logger == nil {
		source.Logger = slog.New(slog.DiscardHandler)
	}
	return &collector{Source: source}
}
