// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// rawHeaderBytes is more than the headers of the raw form take.
const rawHeaderBytes = 256

// ErrOtherSidecar says that another instance serves the same prefix. Announce returns it,
// and Superseded gives it.
var ErrOtherSidecar = errors.New("another storebus serves this prefix")

// wireErrors maps the errors of the store to errors on the wire. The first match counts.
// An error without a match is internal. A write that is refused because the outcome of an
// earlier write is unknown wraps both errors: it is unavailable.
var wireErrors = []struct {
	cause error
	wire  func(*request, error) *subjects.Error
}{
	{store.ErrNotFound, notFound},
	{store.ErrDamagedEntry, damagedEntry},
	{store.ErrRevisionConflict, revisionConflict},
	{store.ErrCompacted, compacted},
	{store.ErrTooLarge, tooLarge},
	{store.ErrQuotaExceeded, quotaExceeded},
	{store.ErrDeadlineExceeded, deadlineExceeded},
	{store.ErrRequestMismatch, requestMismatch},
	{store.ErrInvalidTemplate, invalidTemplate},
	{store.ErrInvalidFlux, invalidFlux},
	{store.ErrInvalidQuery, invalidQuery},
	{store.ErrInvalidData, invalidData},
	{store.ErrInvalidName, badRequest},
	{store.ErrInvalidJournalEntry, badRequest},
	{store.ErrInvalidTTL, badRequest},
	{store.ErrInvalidTransaction, badRequest},
	{store.ErrNotANumber, badRequest},
	{store.ErrOverflow, badRequest},
	{store.ErrInvalidCompaction, invalidCompaction},
	{store.ErrClosed, closed},
	{store.ErrBackupUnderway, backupUnderway},
	{store.ErrCompactionUnderway, compactionUnderway},
	{store.ErrUnavailable, unavailable},
	{fs.ErrExist, fileExists},
	{store.ErrOutcomeUnknown, outcomeUnknown},
}

// wireError returns the error for the reply. Details that only an operator should know go
// to the log, in full, and not into the reply.
func (request *request) wireError(failure error) *subjects.Error {
	if wire, ok := errors.AsType[*subjects.Error](failure); ok {
		return wire
	}
	if within, ok := errors.AsType[*store.TransactionError](failure); ok {
		return request.operationError(within)
	}
	for _, row := range wireErrors {
		if errors.Is(failure, row.cause) {
			return row.wire(request, failure)
		}
	}
	request.service.logger.Error("request failed", "subject", request.subject, "error", failure)
	return subjects.ErrInternal.New(request.message("the store failed; nothing was changed, the sidecar's log says why"))
}

// malformed adds the operation to the error of a malformed request.
func (request *request) malformed(failure error) error {
	wire, ok := errors.AsType[*subjects.Error](failure)
	if !ok {
		return failure
	}
	said := *wire
	said.Message = request.method() + ": " + said.Message
	return &said
}

// overload returns the error for a request that the queue has no room for.
func (request *request) overload(what string) *subjects.Error {
	return subjects.ErrUnavailable.New(request.message(what + "; wait for replies and try again"))
}

// operationError returns the error of an operation or a guard, with its place.
func (request *request) operationError(within *store.TransactionError) *subjects.Error {
	request.place = fmt.Sprintf("%s/%d", within.List, within.Index)
	wire := *request.wireError(within.Err)
	wire.Index = &within.Index
	if wire.Field != "" {
		wire.Field = request.place + "/" + wire.Field
	}
	return &wire
}

func notFound(request *request, _ error) *subjects.Error {
	if request.workspace != "" {
		return subjects.ErrNotFound.New(request.message("workspace " + request.workspace + " is not there"))
	}
	return subjects.ErrNotFound.New(request.entryMessage("is not there"))
}

// damagedEntry names the entry, which may be another than that of the request.
func damagedEntry(request *request, failure error) *subjects.Error {
	damaged, ok := errors.AsType[*store.DamagedEntryError](failure)
	if !ok {
		return subjects.ErrInternal.New(request.message("an entry is damaged on disk"))
	}
	return subjects.ErrInternal.New(request.message(fmt.Sprintf("the entry %s/%s is damaged on disk; nothing was changed; try again, or set or delete the entry",
		request.localGroup(damaged.Group), damaged.Key)))
}

func revisionConflict(request *request, failure error) *subjects.Error {
	conflict, ok := errors.AsType[*store.RevisionConflictError](failure)
	if !ok {
		return subjects.ErrRevisionConflict.New(request.entryMessage("stands at another revision"))
	}
	text := fmt.Sprintf("stands at revision %d, not %d", conflict.Current, conflict.Expected)
	if conflict.Current == 0 {
		text = fmt.Sprintf("is not there, revision %d was expected", conflict.Expected)
	}
	wire := subjects.ErrRevisionConflict.New(request.entryMessage(text))
	wire.CurrentRevision = &conflict.Current
	return wire
}

func compacted(request *request, failure error) *subjects.Error {
	outside, ok := errors.AsType[*store.CompactedError](failure)
	if !ok {
		return subjects.ErrCompacted.New(request.message("the log does not reach there"))
	}
	text := fmt.Sprintf("nothing can be read after revision %d: the log holds %d to %d", outside.After, outside.Oldest, outside.Revision)
	return compactedError(request.storeID(), outside, request.message(text))
}

func compactedError(storeID string, outside *store.CompactedError, message string) *subjects.Error {
	wire := subjects.ErrCompacted.New(message)
	wire.Oldest, wire.Revision, wire.Store = &outside.Oldest, &outside.Revision, storeID
	return wire
}

func tooLarge(request *request, failure error) *subjects.Error {
	if large, ok := errors.AsType[*store.TooLargeError](failure); ok {
		switch {
		case large.What == "entry" && request.key != "":
			return limitError(request.entryMessage(fmt.Sprintf("takes %d bytes as it travels, %d are allowed", large.Size, large.Limit)), large.Limit)
		case large.What == "answer":
			return limitError(request.message(fmt.Sprintf("the reply takes %d bytes, %d are allowed with %s; ask for less at once, or without it",
				large.Size, large.Limit, subjects.HeaderMessageID)), large.Limit)
		}
		return limitError(request.message(large.Error()), large.Limit)
	}
	if tooMany, ok := errors.AsType[*store.TooManyGroupsError](failure); ok {
		return limitError(request.message(fmt.Sprintf("more than %d groups begin with %q; delete them by longer prefixes",
			tooMany.Limit, request.localGroup(tooMany.Prefix))), tooMany.Limit)
	}
	if tooMany, ok := errors.AsType[*store.TooManyKindsError](failure); ok {
		return limitError(request.message(tooMany.Error()), tooMany.Limit)
	}
	return limitError(request.message("the reply does not fit a message; ask for less at once"), request.maxReply())
}

func quotaExceeded(request *request, failure error) *subjects.Error {
	wire := subjects.ErrQuotaExceeded.New(request.message(failure.Error()))
	if exceeded, ok := errors.AsType[*store.QuotaExceededError](failure); ok {
		limit, usage := uint64(exceeded.Limit), uint64(exceeded.Usage)
		wire.Quota, wire.Limit, wire.Usage = "max_"+exceeded.Quota, &limit, &usage
	}
	return wire
}

func deadlineExceeded(request *request, failure error) *subjects.Error {
	return subjects.ErrDeadlineExceeded.New(request.message(failure.Error()))
}

func requestMismatch(request *request, _ error) *subjects.Error {
	return subjects.BadField(subjects.HeaderMessageID, request.message(fmt.Sprintf("%s %q was that of another request within the last %s",
		subjects.HeaderMessageID, request.messageID, subjects.RetryWindow)))
}

func invalidQuery(request *request, failure error) *subjects.Error {
	return subjects.BadField("sql", request.message(failure.Error()))
}

func invalidData(request *request, failure error) *subjects.Error {
	return subjects.BadField("data", request.message(failure.Error()))
}

func invalidTemplate(request *request, failure error) *subjects.Error {
	return subjects.BadField("template", request.message(failure.Error()))
}

func invalidFlux(request *request, failure error) *subjects.Error {
	return subjects.BadField("flux", request.message(failure.Error()))
}

// tooLargeToSend returns the error for a reply that the connection does not take.
func (request *request) tooLargeToSend(size, limit int) *subjects.Error {
	return limitError(request.message(fmt.Sprintf("the reply takes %d bytes, the broker takes %d%s", size, limit, request.otherWay(limit))), limit)
}

// otherWay names another way to get a value, if no reply to get can carry it. It is empty
// for other replies.
func (request *request) otherWay(limit int) string {
	switch {
	case request.endpoint.verb.name != subjects.VerbGet:
		return ""
	case request.valueBytes+rawHeaderBytes <= limit && request.endpoint.verb.form == formJSON:
		return fmt.Sprintf("; the value by itself, %d bytes, is the reply on %s", request.valueBytes,
			request.service.space.Raw(request.address.Namespace, subjects.VerbGet, request.group, request.key))
	}
	return "; the value can be read where the broker takes more"
}

func limitError(message string, limit int) *subjects.Error {
	wire, bytes := subjects.ErrTooLarge.New(message), uint64(max(limit, 0))
	wire.Limit = &bytes
	return wire
}

// badRequest passes the store's reason on.
func badRequest(request *request, failure error) *subjects.Error {
	return subjects.ErrBadRequest.New(request.message(failure.Error()))
}

func fileExists(request *request, failure error) *subjects.Error {
	text := "a file of this name is there already; a backup overwrites nothing, so give another name"
	if existing, ok := errors.AsType[*fs.PathError](failure); ok {
		text = fmt.Sprintf("the file %s is there already; a backup overwrites nothing, so give another name", filepath.Base(existing.Path))
	}
	return subjects.BadField("file", request.message(text))
}

func backupUnderway(request *request, _ error) *subjects.Error {
	return subjects.ErrUnavailable.New(request.message("another backup is under way; try again when it has ended"))
}

// invalidCompaction is the error for a time that only the store's clock can judge.
func invalidCompaction(request *request, _ error) *subjects.Error {
	return subjects.BadField("before", request.message("before is in the future: what is archived was committed before now"))
}

func compactionUnderway(request *request, _ error) *subjects.Error {
	return subjects.ErrUnavailable.New(request.message("another compaction is under way; try again when it has ended"))
}

func closed(request *request, _ error) *subjects.Error {
	return subjects.ErrUnavailable.New(request.message("the sidecar is shutting down"))
}

func unavailable(request *request, failure error) *subjects.Error {
	return subjects.ErrUnavailable.New(request.prefix() + failure.Error())
}

func outcomeUnknown(request *request, failure error) *subjects.Error {
	request.service.logger.Error("outcome unknown", "subject", request.subject, "error", failure)
	return subjects.ErrOutcomeUnknown.New(request.message("the change may or may not be on disk; the store takes no further write until it is started again"))
}
