// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"time"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

var statusJSON = &operation[subjects.StatusRequest, store.Status]{
	decode: decodeBody[subjects.StatusRequest], submit: submitStatus, encode: encodeStatus,
}

func submitStatus(request *request, _ subjects.StatusRequest, done func(store.Status, error)) {
	request.service.store.SubmitStatus(done)
}

func encodeStatus(answer *answer, request *request, _ *subjects.StatusRequest, status *store.Status) error {
	service := request.service
	journal, lastError := service.journalStatus()
	journal.LastError, journal.Archiving = lastError, uint64(status.Archiving)
	figures := service.store.Figures()
	return answer.marshal(subjects.StatusReply{
		Store:                  request.storeID(),
		Instance:               service.instance,
		Version:                service.version,
		Prefix:                 service.space.Prefix(),
		Durability:             string(service.store.Durability()),
		Writable:               status.Writable,
		Reason:                 status.Reason,
		Backlog:                status.Backlog,
		OldestUnpublishedAt:    status.OldestPendingAt,
		PendingMaterialisation: status.PendingMaterialisation,
		Queue:                  service.queue.status(),
		Namespaces:             status.Namespaces,
		Entries:                status.Entries,
		UnscopedEntries:        status.UnscopedEntries,
		Journal:                journal,
		ClockAheadSeconds:      status.ClockAhead.Seconds(),
		Time:                   time.Now().UTC(),
		DatabaseBytes:          uint64(figures.DatabaseBytes),
		WALBytes:               uint64(figures.WriteAheadLogBytes),
		WALOldestSeconds:       secondsSince(status.LogLeftSince),
		WALHindered:            status.CheckpointsHindered,
		DamagedEntries:         status.DamagedEntries,
		RepairedEntries:        status.RepairedEntries,
		DiskFreeBytes:          figures.DiskFreeBytes,
		BackedUpBytes:          uint64(status.BackedUpBytes),
		Sync:                   syncStatus(figures.Syncs),
	})
}

// syncStatus is nil if no commit has waited for the disk.
func syncStatus(syncs store.Distribution) *subjects.SyncStatus {
	if syncs.Count == 0 {
		return nil
	}
	percentiles := syncs.Percentiles(0.5, 0.99)
	return &subjects.SyncStatus{
		Count:      syncs.Count,
		P50Seconds: time.Duration(percentiles[0]).Seconds(),
		P99Seconds: time.Duration(percentiles[1]).Seconds(),
	}
}

// secondsSince is the age of a moment, 0 of none.
func secondsSince(moment time.Time) float64 {
	if moment.IsZero() {
		return 0
	}
	return time.Since(moment).Seconds()
}
