// SPDX-License-Identifier: EUPL-1.2

package subjects

import "fmt"

// ErrorName is the stable name of an error on the wire.
type ErrorName string

// Error is what a reply reports when a request failed; it is the "error" object
// of the reply's body. Two errors are the same for errors.Is when their names are.
type Error struct {
	Code    int       `json:"code"`
	Name    ErrorName `json:"name"`
	Message string    `json:"message"`
	// Field names what is wrong in an ErrBadRequest: a field by its path (then/3/key),
	// or a header.
	Field string `json:"field,omitzero"`
	// CurrentRevision is that of the entry in an ErrRevisionConflict, 0 where there is none.
	CurrentRevision *uint64 `json:"current_revision,omitzero"`
	// Oldest, Revision and Store say in an ErrCompacted what the log holds.
	Oldest   *uint64 `json:"oldest,omitzero"`
	Revision *uint64 `json:"revision,omitzero"`
	Store    string  `json:"store,omitzero"`
	// Quota is the limit that an ErrQuotaExceeded has met, max_keys for one; Limit and
	// Usage are its numbers. In an ErrTooLarge Limit is the largest number of bytes.
	Quota string  `json:"quota,omitzero"`
	Limit *uint64 `json:"limit,omitzero"`
	Usage *uint64 `json:"usage,omitzero"`
	// RetryAfter is when an ErrUnavailable may be over: a duration such as "1s".
	RetryAfter string `json:"retry_after,omitzero"`
	// Index is the place of the operation at fault in the list of a transaction.
	Index *int `json:"index,omitzero"`
}

// ErrorBody is the body of a reply that reports an error.
type ErrorBody struct {
	Error *Error `json:"error"`
}

// The errors of the contract, to compare with: errors.Is(err, subjects.ErrNotFound).
var (
	ErrBadRequest       = &Error{Code: 400, Name: "bad_request"}
	ErrNotFound         = &Error{Code: 404, Name: "not_found"}
	ErrRevisionConflict = &Error{Code: 409, Name: "revision_conflict"}
	ErrCompacted        = &Error{Code: 410, Name: "compacted"}
	ErrTooLarge         = &Error{Code: 413, Name: "too_large"}
	ErrQuotaExceeded    = &Error{Code: 429, Name: "quota_exceeded"}
	ErrInternal         = &Error{Code: 500, Name: "internal"}
	ErrOutcomeUnknown   = &Error{Code: 500, Name: "outcome_unknown"}
	ErrUnavailable      = &Error{Code: 503, Name: "unavailable"}
	ErrDeadlineExceeded = &Error{Code: 504, Name: "deadline_exceeded"}
)

// Error gives the message, or code and name where there is none.
func (failure *Error) Error() string {
	if failure.Message != "" {
		return failure.Message
	}
	return fmt.Sprintf("%d %s", failure.Code, failure.Name)
}

// Is reports whether target is an error of the same name.
func (failure *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Name == failure.Name
}

// New returns an error of the same code and name with a message of its own.
//
//	subjects.ErrNotFound.New("store.Get: config/theme is not there")
func (failure *Error) New(message string) *Error {
	return &Error{Code: failure.Code, Name: failure.Name, Message: message}
}

// BadField returns a 400 that names the field at fault.
//
//	subjects.BadField("limit", "limit is 1 to 1,000, not 0")
func BadField(field, message string) *Error {
	failure := ErrBadRequest.New(message)
	failure.Field = field
	return failure
}
