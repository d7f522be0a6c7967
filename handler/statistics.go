// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/micro"

	"dappco.re/go/storebus/subjects"
)

// errorNames are the names that statistics count errors by.
var errorNames = []*subjects.Error{
	subjects.ErrBadRequest, subjects.ErrNotFound, subjects.ErrRevisionConflict, subjects.ErrCompacted,
	subjects.ErrTooLarge, subjects.ErrQuotaExceeded, subjects.ErrInternal, subjects.ErrOutcomeUnknown,
	subjects.ErrUnavailable, subjects.ErrDeadlineExceeded,
}

// statistics are the figures of one endpoint, counted when a reply is sent.
type statistics struct {
	received       atomic.Uint64
	latency        histogram
	answered       atomic.Uint64
	errors         map[subjects.ErrorName]*atomic.Uint64
	refusedReplies atomic.Uint64
	withoutReply   atomic.Uint64
	unsent         atomic.Uint64
}

// EndpointStatistics is the "data" of an endpoint in the service's STATS.
type EndpointStatistics struct {
	// Latency is from receipt to reply, in nanoseconds, since the start. A changes
	// request that may wait is not counted in it.
	Latency LatencyStatistics `json:"latency_ns"`
	// Answered is how many replies were sent, errors included.
	Answered uint64 `json:"answered"`
	// Errors counts the replies that reported an error, by its name.
	Errors map[subjects.ErrorName]uint64 `json:"errors"`
	// RefusedReplies counts the requests that were not executed for where their
	// reply would have gone.
	RefusedReplies uint64 `json:"refused_replies"`
	// WithoutReply counts the reads that were dropped for want of a reply subject.
	WithoutReply uint64 `json:"without_reply"`
	// Unsent counts the replies that the connection did not take.
	Unsent uint64 `json:"unsent"`
	// Queue is the work in hand of the whole service.
	Queue subjects.QueueStatus `json:"queue"`
	// Journal is that of the whole service; its LastError leaves out what others may
	// have sent.
	Journal *subjects.JournalStatus `json:"journal"`
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

// countError counts an error by its name; one that the contract does not know
// counts as internal.
func (statistics *statistics) countError(name subjects.ErrorName) {
	counter, ok := statistics.errors[name]
	if !ok {
		counter = statistics.errors[subjects.ErrInternal.Name]
	}
	counter.Add(1)
}

func (statistics *statistics) snapshot(queue subjects.QueueStatus, journal *subjects.JournalStatus) EndpointStatistics {
	latency := statistics.latency.percentiles(0.5, 0.9, 0.99)
	errors := make(map[subjects.ErrorName]uint64)
	for name, counter := range statistics.errors {
		if count := counter.Load(); count > 0 {
			errors[name] = count
		}
	}
	return EndpointStatistics{
		Latency:        LatencyStatistics{P50: latency[0], P90: latency[1], P99: latency[2]},
		Answered:       statistics.answered.Load(),
		Errors:         errors,
		RefusedReplies: statistics.refusedReplies.Load(),
		WithoutReply:   statistics.withoutReply.Load(),
		Unsent:         statistics.unsent.Load(),
		Queue:          queue,
		Journal:        journal,
	}
}

// endpointStats are the figures as the micro protocol has them. Their "data" says more.
func (statistics *statistics) endpointStats(name, subject string, figures EndpointStatistics) *micro.EndpointStats {
	stats := &micro.EndpointStats{Name: name, Subject: subject, QueueGroup: ServiceName, NumRequests: int(statistics.received.Load())}
	for _, count := range figures.Errors {
		stats.NumErrors += int(count)
	}
	stats.ProcessingTime, stats.AverageProcessingTime = statistics.latency.total()
	stats.Data, _ = json.Marshal(figures) // numbers and names alone cannot fail to marshal
	return stats
}
