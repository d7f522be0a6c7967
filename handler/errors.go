// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"errors"
	"fmt"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// ErrOtherSidecar is returned by Announce, and told by Superseded, when another
// instance serves the same prefix.
var ErrOtherSidecar = errors.New("another storebus serves this prefix")

// wireErrors says what each error of the store is on the wire. The first that
// matches counts; what matches none is internal. A write that is refused because
// the outcome of an earlier one is unknown wraps both errors: it is unavailable.
var wireErrors = []struct {
	cause error
	wire  func(*request, error) *subjects.Error
}{
	{store.ErrNotFound, notFound},
	{store.ErrRevisionConflict, revisionConflict},
	{store.ErrCompacted, compacted},
	{store.ErrTooLarge, tooLarge},
	{store.ErrInvalidName, badRequest},
	{store.ErrInvalidTTL, badRequest},
	{store.ErrClosed, closed},
	{store.ErrUnavailable, unavailable},
	{store.ErrOutcomeUnknown, outcomeUnknown},
}

// wireError gives the error that the reply reports. What only an operator should
// know is logged, in full, and left out of it.
func (request *request) wireError(failure error) *subjects.Error {
	if wire, ok := errors.AsType[*subjects.Error](failure); ok {
		return wire
	}
	for _, row := range wireErrors {
		if errors.Is(failure, row.cause) {
			return row.wire(request, failure)
		}
	}
	request.service.logger.Error("request failed", "subject", request.subject, "error", failure)
	return subjects.ErrInternal.New(request.message("failed; nothing was changed, the sidecar's log says why"))
}

func notFound(request *request, _ error) *subjects.Error {
	return subjects.ErrNotFound.New(request.message("is not there"))
}

func revisionConflict(request *request, failure error) *subjects.Error {
	conflict, ok := errors.AsType[*store.RevisionConflictError](failure)
	if !ok {
		return subjects.ErrRevisionConflict.New(request.message("stands at another revision"))
	}
	text := fmt.Sprintf("stands at revision %d, not %d", conflict.Current, conflict.Expected)
	if conflict.Current == 0 {
		text = fmt.Sprintf("is not there, revision %d was expected", conflict.Expected)
	}
	wire := subjects.ErrRevisionConflict.New(request.message(text))
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
	large, ok := errors.AsType[*store.TooLargeError](failure)
	if !ok {
		return subjects.ErrTooLarge.New(request.message("is too large"))
	}
	return limitError(request.message(fmt.Sprintf("takes %d bytes as it travels, %d are allowed", large.Size, large.Limit)), large.Limit)
}

// tooLargeToSend is the error of a reply that the connection does not take.
func (request *request) tooLargeToSend(size int) *subjects.Error {
	limit := request.maxReply()
	return limitError(request.message(fmt.Sprintf("the reply takes %d bytes, the broker takes %d", size, limit)), limit)
}

func limitError(message string, limit int) *subjects.Error {
	wire, bytes := subjects.ErrTooLarge.New(message), uint64(max(limit, 0))
	wire.Limit = &bytes
	return wire
}

// badRequest passes on what the store has against a name or a time to live: the
// checks before it are the same, so this is the exception.
func badRequest(request *request, failure error) *subjects.Error {
	return subjects.ErrBadRequest.New(request.message(failure.Error()))
}

func closed(request *request, _ error) *subjects.Error {
	return subjects.ErrUnavailable.New(request.message("the sidecar is shutting down"))
}

func unavailable(request *request, failure error) *subjects.Error {
	return subjects.ErrUnavailable.New(request.method() + ": " + failure.Error())
}

func outcomeUnknown(request *request, failure error) *subjects.Error {
	request.service.logger.Error("outcome unknown", "subject", request.subject, "error", failure)
	return subjects.ErrOutcomeUnknown.New(request.message("may or may not be on disk; the store takes no further write until it is started again"))
}
