// SPDX-License-Identifier: EUPL-1.2

package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// description describes one metric. Labels never have keys, groups or any other text that
// grows with the stored data.
func description(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("storebus_"+name, help, labels, nil)
}

var (
	requestsTotal   = description("requests_total", "Requests by verb and code: 200 for a success, otherwise the code of the error.", "verb", "code")
	requestDuration = description("request_duration_seconds", "Time from the receipt of a request to its reply. Requests for changes that may wait are left out.", "verb")
	droppedTotal    = description("dropped_total", "Requests without a reply, by verb and reason: refused_reply, without_reply or unsent.", "verb", "reason")

	queueRequests     = description("queue_requests", "Requests in hand.")
	queueRequestLimit = description("queue_requests_limit", "The most requests that may be in hand.")
	queueBytes        = description("queue_bytes", "Bytes of the requests in hand.")
	queueResultBytes  = description("queue_result_bytes", "Bytes of results that wait to be sent.")
	queueByteLimit    = description("queue_bytes_limit", "The most bytes of requests in hand, and separately of results that wait.")

	commitDuration = description("commit_duration_seconds", "Time of a batch of writes, from applying the first until all are committed.")
	syncDuration   = description("fsync_duration_seconds", "Time of a COMMIT that waits for the disk. Counted only with durability full.")
	batchSize      = description("commit_batch_size", "Writes of one commit.")
	expiredTotal   = description("expired_total", "Keys that have expired.")

	namespaceCount = description("namespaces", "Namespaces that were ever written.")
	revision       = description("revision", "Revision of a namespace. Only the 100 largest namespaces have one.", "namespace")
	keys           = description("keys", "Keys of a namespace. The label other has the sum of all but the 100 largest.", "namespace")
	groups         = description("groups", "Groups of a namespace. The label other has the sum of all but the 100 largest.", "namespace")
	bytes          = description("bytes", "Bytes of groups, keys and values of a namespace. The label other has the sum of all but the 100 largest.", "namespace")
	quotaRatio     = description("quota_ratio", "Used part of a quota: 1 is all of it. Only the 100 largest namespaces have one.", "namespace", "quota")

	writable        = description("writable", "1 while writes are accepted, 0 while they are refused.")
	backlog         = description("events_backlog", "Changes whose events are not published.")
	backlogAge      = description("events_oldest_seconds", "Age of the oldest change whose event is not published.")
	publishedTotal  = description("events_published_total", "Events that the broker has confirmed.")
	omittedTotal    = description("events_values_omitted_total", "Events published without their value, because it was too large for the broker.")
	skippedTotal    = description("events_skipped_total", "Changes whose names the broker cannot carry.")
	retriesTotal    = description("events_retries_total", "Batches of events that were started again.")
	pendingRows     = description("materialisation_pending_rows", "Rows of the tables that are behind the log.")
	logAge          = description("log_oldest_seconds", "Age of the oldest change that can be replayed.")
	databaseBytes   = description("database_bytes", "Size of the database file.")
	writeAheadBytes = description("wal_bytes", "Size of the write-ahead log of SQLite.")
	writeAheadAge   = description("wal_oldest_seconds", "Age of the oldest page in the write-ahead log that no checkpoint could take.")
	hinderedTotal   = description("wal_hindered_total", "Checkpoints that another process has kept from taking all of the write-ahead log.")
	damagedTotal    = description("damaged_entries_total", "Entries that were found damaged on disk.")
	repairedTotal   = description("repaired_entries_total", "Damaged entries that were taken from the log again.")
	diskFreeBytes   = description("disk_free_bytes", "Room that is left on the disk of the database.")

	journalPending   = description("journal_pending", "Points of the journal that wait for delivery.")
	journalAge       = description("journal_oldest_seconds", "Age of the oldest point that waits for delivery.")
	journalRejected  = description("journal_rejected", "Points that the endpoint has refused and that are kept aside.")
	journalDelivered = description("journal_delivered_total", "Points that the endpoint has taken.")

	buildInfo = description("build_info", "1, with the version, the durability, the prefix and the id of the store.", "version", "durability", "prefix", "store")
)

// descriptions has all descriptions, for Describe.
var descriptions = []*prometheus.Desc{
	requestsTotal, requestDuration, droppedTotal,
	queueRequests, queueRequestLimit, queueBytes, queueResultBytes, queueByteLimit,
	commitDuration, syncDuration, batchSize, expiredTotal,
	namespaceCount, revision, keys, groups, bytes, quotaRatio,
	writable, backlog, backlogAge, publishedTotal, omittedTotal, skippedTotal, retriesTotal, pendingRows, logAge, databaseBytes, writeAheadBytes, writeAheadAge, hinderedTotal, damagedTotal, repairedTotal, diskFreeBytes,
	journalPending, journalAge, journalRejected, journalDelivered,
	buildInfo,
}

// durationLimits are the upper limits of the buckets of durations.
var durationLimits = []time.Duration{
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// sizeLimits are the upper limits of the buckets of batch sizes. The largest batch has
// 4,096 writes.
var sizeLimits = []uint64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096}
