// SPDX-License-Identifier: EUPL-1.2

package metrics

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/internal/await"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// collector reads the figures of a sidecar for each scrape.
type collector struct{ Source }

// scrape is one look at the figures.
type scrape struct {
	*collector
	metrics chan<- prometheus.Metric
	now     time.Time
}

// Describe implements prometheus.Collector.
func (*collector) Describe(described chan<- *prometheus.Desc) {
	for _, description := range descriptions {
		described <- description
	}
}

// Collect implements prometheus.Collector. If the store does not answer in time, its
// figures are left out.
func (collector *collector) Collect(metrics chan<- prometheus.Metric) {
	scrape := &scrape{collector: collector, metrics: metrics, now: time.Now()}
	scrape.verbs()
	scrape.queue()
	scrape.committer()
	scrape.publisher()
	scrape.journal()
	scrape.gauge(buildInfo, 1, collector.Version, string(collector.Store.Durability()), collector.Service.Prefix(), collector.Store.ID())
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	for _, part := range []func(context.Context) error{scrape.status, scrape.namespaces} {
		if err := part(ctx); err != nil {
			collector.Logger.Warn("a scrape is without some figures", "error", err)
		}
	}
}

func (scrape *scrape) gauge(description *prometheus.Desc, value float64, labels ...string) {
	scrape.metrics <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, labels...)
}

func (scrape *scrape) counter(description *prometheus.Desc, value uint64, labels ...string) {
	scrape.metrics <- prometheus.MustNewConstMetric(description, prometheus.CounterValue, float64(value), labels...)
}

// age exports how long ago a moment was, 0 if there is none.
func (scrape *scrape) age(description *prometheus.Desc, moment time.Time) {
	age := time.Duration(0)
	if !moment.IsZero() {
		age = max(scrape.now.Sub(moment), 0)
	}
	scrape.gauge(description, age.Seconds())
}

func (scrape *scrape) verbs() {
	for verb, figures := range scrape.Service.Statistics() {
		scrape.counter(requestsTotal, figures.Succeeded, verb, "200")
		for code, count := range countByCode(figures.Errors) {
			scrape.counter(requestsTotal, count, verb, strconv.Itoa(code))
		}
		for reason, count := range map[string]uint64{
			"refused_reply": figures.RefusedReplies, "without_reply": figures.WithoutReply, "unsent": figures.Unsent,
		} {
			if count > 0 {
				scrape.counter(droppedTotal, count, verb, reason)
			}
		}
		scrape.requestDurations(verb, &figures)
	}
}

// countByCode adds up errors of one code.
func countByCode(errors map[subjects.ErrorName]uint64) map[int]uint64 {
	counts := map[int]uint64{}
	for _, failure := range handler.Errors() {
		if count, ok := errors[failure.Name]; ok {
			counts[failure.Code] += count
		}
	}
	return counts
}

func (scrape *scrape) requestDurations(verb string, figures *handler.EndpointStatistics) {
	counts, total, sum := figures.Durations(durationLimits...)
	buckets := make(map[float64]uint64, len(counts))
	for index, limit := range durationLimits {
		buckets[limit.Seconds()] = counts[index]
	}
	scrape.metrics <- prometheus.MustNewConstHistogram(requestDuration, total, sum.Seconds(), buckets, verb)
}

func (scrape *scrape) queue() {
	queue := scrape.Service.Queue()
	scrape.gauge(queueRequests, float64(queue.Requests))
	scrape.gauge(queueRequestLimit, float64(queue.RequestLimit))
	scrape.gauge(queueBytes, float64(queue.Bytes))
	scrape.gauge(queueResultBytes, float64(queue.ResultBytes))
	scrape.gauge(queueByteLimit, float64(queue.ByteLimit))
}

func (scrape *scrape) committer() {
	figures := scrape.Store.Figures()
	scrape.durations(commitDuration, figures.Commits)
	scrape.durations(syncDuration, figures.Syncs)
	buckets := map[float64]uint64{}
	for index, count := range figures.BatchSizes.AtMost(sizeLimits...) {
		buckets[float64(sizeLimits[index])] = count
	}
	scrape.metrics <- prometheus.MustNewConstHistogram(batchSize, figures.BatchSizes.Count, float64(figures.BatchSizes.Sum), buckets)
	scrape.counter(expiredTotal, uint64(figures.Expired))
	scrape.gauge(databaseBytes, float64(figures.DatabaseBytes))
	scrape.gauge(writeAheadBytes, float64(figures.WriteAheadLogBytes))
	if free := figures.DiskFreeBytes; free != nil {
		scrape.gauge(diskFreeBytes, float64(*free))
	}
}

func (scrape *scrape) durations(description *prometheus.Desc, distribution store.Distribution) {
	limits := make([]uint64, len(durationLimits))
	for index, limit := range durationLimits {
		limits[index] = uint64(limit)
	}
	buckets := make(map[float64]uint64, len(limits))
	for index, count := range distribution.AtMost(limits...) {
		buckets[durationLimits[index].Seconds()] = count
	}
	scrape.metrics <- prometheus.MustNewConstHistogram(description, distribution.Count, time.Duration(distribution.Sum).Seconds(), buckets)
}

func (scrape *scrape) publisher() {
	if scrape.Publisher == nil {
		return
	}
	health := scrape.Publisher.Health()
	scrape.counter(publishedTotal, health.Published)
	scrape.counter(omittedTotal, health.ValuesOmitted)
	scrape.counter(skippedTotal, health.Skipped)
	scrape.counter(retriesTotal, health.Retries)
}

func (scrape *scrape) journal() {
	totals := scrape.Store.JournalTotals()
	pending, oldest := totals.Pending, totals.OldestPendingAt
	if !scrape.Service.HasJournal() {
		pending, oldest = 0, time.Time{} // without an endpoint nothing waits for it
	}
	scrape.gauge(journalPending, float64(pending))
	scrape.age(journalAge, oldest)
	scrape.gauge(journalRejected, float64(totals.Rejected))
	scrape.counter(journalDelivered, uint64(totals.Delivered))
}

func (scrape *scrape) status(ctx context.Context) error {
	status, err := await.Answer(ctx, scrape.Store.SubmitStatus)
	if err != nil {
		return fmt.Errorf("status: %w", err)
	}
	isWritable := 0.0
	if status.Writable {
		isWritable = 1
	}
	scrape.gauge(writable, isWritable)
	scrape.gauge(backlog, float64(status.Backlog))
	scrape.age(backlogAge, status.OldestPendingAt)
	scrape.age(logAge, status.OldestChangeAt)
	scrape.age(writeAheadAge, status.LogLeftSince)
	scrape.counter(hinderedTotal, status.CheckpointsHindered)
	scrape.counter(damagedTotal, status.DamagedEntries)
	scrape.counter(repairedTotal, status.RepairedEntries)
	scrape.gauge(pendingRows, float64(status.PendingMaterialisation))
	scrape.gauge(namespaceCount, float64(status.Namespaces))
	return nil
}
