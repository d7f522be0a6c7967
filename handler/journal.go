// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"context"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// Journal delivers journal entries to an endpoint.
type Journal interface {
	// Endpoint returns the address of the endpoint, without any secret.
	Endpoint() string
	// LastError returns why the last attempt failed, or empty texts. brief is the reason
	// without text from the endpoint.
	LastError() (whole, brief string)
	// Flush delivers pending entries until ctx ends, and returns the number of entries
	// that the endpoint has taken. LastError tells what failed.
	Flush(ctx context.Context) (delivered int)
}

// The verbs of the journal.
var (
	journalCommitJSON = commandOperation(decodeJournalCommit, encodeJournalCommit)
	journalQueryJSON  = &operation[store.JournalQuery, store.JournalRows]{
		decode: decodeJournalQuery, submit: submitJournalQuery, encode: encodeJournalQuery, weigh: weighJournalRows,
	}
	journalStatusJSON = &operation[subjects.JournalStatusRequest, store.JournalStatus]{
		decode: decodeBody[subjects.JournalStatusRequest], submit: submitJournalStatus, encode: encodeJournalStatus,
	}
	journalRejectedJSON = &operation[store.JournalRejectedQuery, store.JournalRejectedPage]{
		decode: decodeJournalRejected, submit: submitJournalRejected, encode: encodeJournalRejected,
	}
	journalRequeueJSON = commandOperation(decodeJournalRequeue, encodeJournalRequeue)
	flushJSON          = &operation[subjects.FlushRequest, subjects.FlushReply]{decode: decodeBody[subjects.FlushRequest], submit: submitFlush, encode: encodeFlush}
)

func decodeJournalCommit(request *request) (command store.JournalCommand, err error) {
	body, err := decodeBody[subjects.JournalCommitRequest](request)
	if err != nil {
		return command, err
	}
	fields, err := body.Fields.Values()
	if err != nil {
		return command, err
	}
	return store.NewJournalCommand(request.address.Namespace, *body.Measurement, fields, body.Tags)
}

func encodeJournalCommit(answer *answer, _ *request, _ *store.JournalCommand, outcome *store.Outcome) error {
	return answer.marshal(subjects.JournalCommitReply{EntryID: uint64(outcome.EntryID), CommittedAt: outcome.CommittedAt})
}

func decodeJournalQuery(request *request) (query store.JournalQuery, err error) {
	body, err := decodeBody[subjects.JournalQueryRequest](request)
	if err != nil {
		return query, err
	}
	budget := request.newPageBudget()
	return store.JournalQuery{
		Namespace: request.address.Namespace, Flux: *body.Flux, Limit: limitOf(body.Limit),
		Fits: func(entry *store.JournalEntry) bool {
			return request.fitsPoint(budget, entry.EntryID, func() (any, error) { return request.journalRow(entry) })
		},
	}, nil
}

// fitsPoint reports whether a point still fits a page. A point that fits no page comes
// without its fields and its tags.
func (request *request) fitsPoint(budget *pageBudget, entryID int64, show func() (any, error)) bool {
	size, err := elementSize(show())
	if err == nil && size > request.pageBytes {
		if request.omitted == nil {
			request.omitted = map[int64]bool{}
		}
		request.omitted[entryID] = true
		size, err = elementSize(show())
	}
	return err != nil || budget.take(size) // encoding the reply fails too, and says why
}

// elementSize returns the size of an element in a reply, with a comma.
func elementSize(element any, err error) (int, error) {
	if err != nil {
		return 0, err
	}
	encoded, err := appendJSON(nil, element)
	return len(encoded) + len(","), err
}

func submitJournalQuery(request *request, query store.JournalQuery, done func(store.JournalRows, error)) {
	request.service.store.SubmitJournalQuery(query, done)
}

func encodeJournalQuery(answer *answer, request *request, _ *store.JournalQuery, rows *store.JournalRows) (err error) {
	reply := subjects.JournalQueryReply{Rows: make([]subjects.JournalRow, len(rows.Entries)), Truncated: rows.Truncated}
	for index := range rows.Entries {
		if reply.Rows[index], err = request.journalRow(&rows.Entries[index]); err != nil {
			return err
		}
	}
	return answer.marshal(reply)
}

// journalRow converts a point for the wire.
func (request *request) journalRow(entry *store.JournalEntry) (subjects.JournalRow, error) {
	fields, err := subjects.NewJournalFields(entry.Fields)
	row := subjects.JournalRow{
		EntryID: uint64(entry.EntryID), Measurement: entry.Measurement, Fields: fields, Tags: entry.Tags, CommittedAt: entry.CommittedAt,
	}
	if request.omitted[entry.EntryID] {
		row.Fields, row.Tags, row.ValueOmitted = nil, nil, true
	}
	return row, err
}

// weighJournalRows counts the texts of points, and their names.
func weighJournalRows(rows *store.JournalRows) (bytes int64) {
	const perValue = 16
	for index := range rows.Entries {
		entry := &rows.Entries[index]
		bytes += int64(len(entry.Measurement))
		for name, value := range entry.Fields {
			text, _ := value.(string)
			bytes += int64(perValue + len(name) + len(text))
		}
		for name, value := range entry.Tags {
			bytes += int64(len(name) + len(value))
		}
	}
	return bytes
}

func submitJournalStatus(request *request, _ subjects.JournalStatusRequest, done func(store.JournalStatus, error)) {
	request.service.store.SubmitJournalStatus(request.address.Namespace, done)
}

func encodeJournalStatus(answer *answer, request *request, _ *subjects.JournalStatusRequest, status *store.JournalStatus) error {
	reply := subjects.JournalStatusReply{Delivered: uint64(status.Delivered), Rejected: uint64(status.Rejected)}
	if journal := request.service.journal; journal != nil {
		reply.Pending, reply.OldestPendingAt = uint64(status.Pending), status.OldestPendingAt
		reply.Endpoint = new(journal.Endpoint())
		_, reply.LastError = journal.LastError()
	}
	return answer.marshal(reply)
}

func decodeJournalRejected(request *request) (query store.JournalRejectedQuery, err error) {
	body, err := decodeBody[subjects.JournalRejectedRequest](request)
	if err != nil {
		return query, err
	}
	query = store.JournalRejectedQuery{Namespace: request.address.Namespace, Limit: limitOf(body.Limit)}
	if body.After != nil {
		query.After, err = subjects.DecodeTimeCursor(*body.After)
	}
	budget := request.newPageBudget()
	query.Fits = func(rejection *store.JournalRejection) bool {
		return request.fitsPoint(budget, rejection.EntryID, func() (any, error) { return request.rejectedEntry(rejection) })
	}
	return query, err
}

func submitJournalRejected(request *request, query store.JournalRejectedQuery, done func(store.JournalRejectedPage, error)) {
	request.service.store.SubmitJournalRejected(query, done)
}

func encodeJournalRejected(answer *answer, request *request, _ *store.JournalRejectedQuery, page *store.JournalRejectedPage) (err error) {
	reply := subjects.JournalRejectedReply{Entries: make([]subjects.RejectedEntry, len(page.Entries))}
	for index := range page.Entries {
		if reply.Entries[index], err = request.rejectedEntry(&page.Entries[index]); err != nil {
			return err
		}
	}
	if !page.Next.IsZero() {
		reply.Next = subjects.EncodeTimeCursor(page.Next)
	}
	return answer.marshal(reply)
}

func (request *request) rejectedEntry(rejection *store.JournalRejection) (subjects.RejectedEntry, error) {
	row, err := request.journalRow(&rejection.JournalEntry)
	return subjects.RejectedEntry{
		EntryID: row.EntryID, Measurement: row.Measurement, Fields: row.Fields, Tags: row.Tags, ValueOmitted: row.ValueOmitted,
		CommittedAt: row.CommittedAt, RejectedAt: rejection.RejectedAt, Status: rejection.Status, Reason: rejection.Reason,
	}, err
}

func decodeJournalRequeue(request *request) (command store.RequeueJournalCommand, err error) {
	body, err := decodeBody[subjects.JournalRequeueRequest](request)
	if err != nil {
		return command, err
	}
	command.Namespace = request.address.Namespace
	if body.EntryIDs != nil {
		command.EntryIDs = make([]int64, len(body.EntryIDs))
		for index, entryID := range body.EntryIDs {
			command.EntryIDs[index] = int64(entryID)
		}
	}
	return command, nil
}

func encodeJournalRequeue(answer *answer, _ *request, _ *store.RequeueJournalCommand, outcome *store.Outcome) error {
	return answer.marshal(subjects.JournalRequeueReply{Requeued: uint64(outcome.Requeued)})
}

// submitFlush flushes in a goroutine. The goroutine ends with the service at the latest.
func submitFlush(request *request, _ subjects.FlushRequest, done func(subjects.FlushReply, error)) {
	service := request.service
	if service.journal == nil {
		done(subjects.FlushReply{}, nil)
		return
	}
	go func() {
		reply := subjects.FlushReply{Delivered: uint64(service.journal.Flush(service.serving))}
		reply.LastError, _ = service.journal.LastError()
		service.store.SubmitStatus(func(status store.Status, err error) {
			reply.Pending = uint64(status.Journal.Pending)
			done(reply, err)
		})
	}()
}

func encodeFlush(answer *answer, _ *request, _ *subjects.FlushRequest, reply *subjects.FlushReply) error {
	return answer.marshal(reply)
}

// journalStatus returns the state of the journal of all namespaces. whole is the whole
// reason from Journal.LastError.
func (service *Service) journalStatus() (status *subjects.JournalStatus, whole string) {
	totals := service.store.JournalTotals()
	status = &subjects.JournalStatus{Delivered: uint64(totals.Delivered), Rejected: uint64(totals.Rejected)}
	if service.journal != nil {
		status.Pending, status.OldestPendingAt = uint64(totals.Pending), totals.OldestPendingAt
		status.Endpoint = new(service.journal.Endpoint())
		whole, status.LastError = service.journal.LastError()
	}
	return status, whole
}
