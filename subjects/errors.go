// SPDX-License-Identifier: EUPL-1.2

package subjects

import "fmt"

// ErrorName is the stable name of an error on the wire.
type ErrorName string

// Error is the error of a failed request: the "error" object of the reply's body. For
// errors.Is, two errors with the same name are equal.
type Error struct {
	Code    int       `json:"code"`
	Name    ErrorName `json:"name"`
	Message string    `json:"message"`
	// Field is the field at fault in an ErrBadRequest by its path (then/3/key), or the
	// header at fault.
	Field string `json:"field,omitzero"`
	// CurrentRevision is the revision of the entry in an ErrRevisionConflict, 0 if the
	// key does not exist.
	CurrentRevision *uint64 `json:"current_revision,omitzero"`
	// Oldest, Revision and Store describe the log in an ErrCompacted.
	Oldest   *uint64 `json:"oldest,omitzero"`
	Revision *uint64 `json:"revision,omitzero"`
	Store    string  `json:"store,omitzero"`
	// Quota is the limit that an ErrQuotaExceeded has met, such as max_keys. Limit and
	// Usage are its numbers. In an ErrTooLarge, Limit is the most bytes, groups or kinds.
	Quota string  `json:"quota,omitzero"`
	Limit *uint64 `json:"limit,omitzero"`
	Usage *uint64 `json:"usage,omitzero"`
	// RetryAfter is how long to wait after an ErrUnavailable: a duration such as "1s".
	RetryAfter string `json:"retry_after,omitzero"`
	// Index is the place of the failed operation in its list of a transaction, from 0.
	Index *int `json:"index,omitzero"`
}

// ErrorBody is the body of an error reply.
type ErrorBody struct {
	Error *Error `json:"error"`
}

// The errors of the contract. Compare with errors.Is(err, subjects.ErrNotFound).
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

// Error returns the message, or the code and the name if there is no message.
func (failure *Error) Error() string {
	if failure.Message != "" {
		return failure.Message
	}
	return fmt.Sprintf("%d %s", failure.Code, failure.Name)
}

// Is reports whether target is an error with the same name.
func (failure *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Name == failure.Name
}

// New returns an error with the same code and name and another message.
//
//	subjects.ErrNotFound.New("store.Get: config/theme is not there")
func (failure *Error) New(message string) *Error {
	return &Error{Code: failure.Code, Name: failure.Name, Message: message}
}

// BadField returns an ErrBadRequest that names the field at fault.
//
//	subjects.BadField("limit", "limit is 1 to 1,000, not 0")
func BadField(field, message string) *Error {
	failure := ErrBadRequest.New(message)
	failure.Field = field
	return failure
}
