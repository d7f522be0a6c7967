// SPDX-License-Identifier: EUPL-1.2

package handler

import (
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
	})
}
