// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"encoding/json"
	"slices"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/micro"

	"dappco.re/go/storebus/internal/histogram"
	"dappco.re/go/storebus/subjects"
)

// errorNames are the names that statistics count errors by.
var errorNames = []*subjects.Error{
	subjects.ErrBadRequest, subjects.ErrNotFound, subjects.ErrRevisionConflict, subjects.ErrCompacted,
	subjects.ErrTooLarge, subjects.ErrQuotaExceeded, subjects.ErrInternal, subjects.ErrOutcomeUnknown,
	subjects.ErrUnavailable, subjects.ErrDeadlineExceeded,
}

// Errors returns every error that a reply can report, with its code. The caller owns the
// slice.
func Errors() []*subjects.Error { return slices.Clone(errorNames) }

// statistics are the figures of one endpoint, counted when a reply is sent.
type statistics struct {
	received       atomic.Uint64
	latency        histogram.Histogram
	answered       atomic.Uint64
	succeeded      atomic.Uint64
	errors         map[subjects.ErrorName]*atomic.Uint64
	refusedReplies atomic.Uint64
	withoutReply   atomic.Uint64
	unsent         atomic.Uint64
}

// EndpointStatistics is the "data" of an endpoint in the service's STATS.
type EndpointStatistics struct {
	// Received counts the requests, answered or not, from the bus and by Call.
	Received uint64 `json:"received"`
	// Latency has percentiles of the time from receipt to reply since the start, in
	// nanoseconds. A changes request that may wait is not counted.
	Latency LatencyStatistics `json:"latency_ns"`
	// Answered counts the replies that were sent, including errors.
	Answered uint64 `json:"answered"`
	// Succeeded counts the requests that were carried out, even if their replies were not
	// sent.
	Succeeded uint64 `json:"succeeded"`
	// Errors counts the replies that reported an error, by its name.
	Errors map[subjects.ErrorName]uint64 `json:"errors"`
	// RefusedReplies counts the requests that were not executed because of their reply
	// subject.
	RefusedReplies uint64 `json:"refused_replies"`
	// WithoutReply counts the reads that were dropped because they had no reply subject.
	WithoutReply uint64 `json:"without_reply"`
	// Unsent counts the replies that the connection did not take.
	Unsent uint64 `json:"unsent"`
	// Queue is the queue of the whole service.
	Queue subjects.QueueStatus `json:"queue"`
	// Journal is the journal of the whole service. Its LastError has no text from the
	// endpoint.
	Journal *subjects.JournalStatus `json:"journal"`

	// durations is the distribution behind Latency.
	durations *histogram.Snapshot
}

// Durations returns, for each limit in rising order, how many replies took at most that
// long. It also returns the number of all replies and the sum of their times. A reply
// that took up to a sixteenth less than a limit may count as longer.
//
//	counts, total, sum := figures.Durations(time.Millisecond, 10*time.Millisecond)
func (figures *EndpointStatistics) Durations(limits ...time.Duration) (counts []uint64, total uint64, sum time.Duration) {
	nanoseconds := make([]uint64, len(limits))
	for index, limit := range limits {
		nanoseconds[index] = uint64(limit)
	}
	return figures.durations.AtMost(nanoseconds...), figures.durations.Count, time.Duration(figures.durations.Sum)
}

// LatencyStatistics are percentiles of the time from receipt to reply.
type LatencyStatistics struct {
	P50 time.Duration `json:"p50"`
	P90 time.Duration `json:"p90"`
	P99 time.Duration `json:"p99"`
}

func newStatistics() *statistics {
	statistics := &statistics{errors: make(map[subjects.ErrorName]*atomic.Uint64, len(errorNames))}
	for _, failure := range errorNames {
		statistics.errors[failure.Name] = new(atomic.Uint64)
	}
	return statistics
}

// countError counts an error by its name. An unknown name counts as internal.
func (statistics *statistics) countError(name subjects.ErrorName) {
	counter, ok := statistics.errors[name]
	if !ok {
		counter = statistics.errors[subjects.ErrInternal.Name]
	}
	counter.Add(1)
}

func (statistics *statistics) snapshot(queue subjects.QueueStatus, journal *subjects.JournalStatus) EndpointStatistics {
	durations := statistics.latency.Snapshot()
	latency := durations.Percentiles(0.5, 0.9, 0.99)
	errors := make(map[subjects.ErrorName]uint64)
	for name, counter := range statistics.errors {
		if count := counter.Load(); count > 0 {
			errors[name] = count
		}
	}
	return EndpointStatistics{
		Received:       statistics.received.Load(),
		Latency:        LatencyStatistics{P50: time.Duration(latency[0]), P90: time.Duration(latency[1]), P99: time.Duration(latency[2])},
		Answered:       statistics.answered.Load(),
		Succeeded:      statistics.succeeded.Load(),
		Errors:         errors,
		RefusedReplies: statistics.refusedReplies.Load(),
		WithoutReply:   statistics.withoutReply.Load(),
		Unsent:         statistics.unsent.Load(),
		Queue:          queue,
		Journal:        journal,
		durations:      durations,
	}
}

// endpointStats converts the figures to the form of the micro protocol. Their "data" has
// more.
func (statistics *statistics) endpointStats(name, subject string, figures EndpointStatistics) *micro.EndpointStats {
	stats := &micro.EndpointStats{Name: name, Subject: subject, QueueGroup: ServiceName, NumRequests: int(statistics.received.Load())}
	for _, count := range figures.Errors {
		stats.NumErrors += int(count)
	}
	stats.ProcessingTime, stats.AverageProcessingTime = time.Duration(figures.durations.Sum), time.Duration(figures.durations.Mean())
	stats.Data, _ = json.Marshal(figures) // numbers and names alone cannot fail to marshal
	return stats
}
