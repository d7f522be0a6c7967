// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// newSetRequest returns a set of config/theme in acme on a closed connection, and the log
// about it.
func newSetRequest(t *testing.T) (*request, *bytes.Buffer) {
	t.Helper()
	var logged bytes.Buffer
	opened, err := store.New(store.MemoryDatabase)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	return &request{
		service:  &Service{store: opened, connection: &nats.Conn{}, logger: slog.New(slog.NewTextHandler(&logged, nil))},
		endpoint: &endpoint{verb: &verb{name: subjects.VerbSet}},
		subject:  "store.acme.set", group: "config", key: "theme", messageID: "4Xr9",
		address: subjects.Address{Namespace: "acme", Verb: subjects.VerbSet},
	}, &logged
}

// wireCases has one or more of each row of wireErrors.
var wireCases = []struct {
	cause   error
	wire    *subjects.Error
	message string
}{
	{store.ErrNotFound, subjects.ErrNotFound, "store.Set: config/theme is not there"},
	{store.ErrDamagedEntry, subjects.ErrInternal, "store.Set: config/theme: an entry is damaged on disk"},
	{&store.DamagedEntryError{Group: "acme:other", Key: "k"}, subjects.ErrInternal, "store.Set: config/theme: the entry other/k is damaged on disk; nothing was changed; try again, or set or delete the entry"},
	{store.ErrRevisionConflict, subjects.ErrRevisionConflict, "store.Set: config/theme stands at another revision"},
	{&store.RevisionConflictError{Group: "acme:config", Key: "theme", Expected: 4, Current: 7}, subjects.ErrRevisionConflict, "store.Set: config/theme stands at revision 7, not 4"},
	{&store.RevisionConflictError{Expected: 4}, subjects.ErrRevisionConflict, "store.Set: config/theme is not there, revision 4 was expected"},
	{store.ErrCompacted, subjects.ErrCompacted, "store.Set: config/theme: the log does not reach there"},
	{&store.CompactedError{After: 2, Oldest: 5, Revision: 9}, subjects.ErrCompacted, "store.Set: config/theme: nothing can be read after revision 2: the log holds 5 to 9"},
	{store.ErrTooLarge, subjects.ErrTooLarge, "store.Set: config/theme: the reply does not fit a message; ask for less at once"},
	{&store.TooLargeError{What: "entry", Size: 3, Limit: 2}, subjects.ErrTooLarge, "store.Set: config/theme takes 3 bytes as it travels, 2 are allowed"},
	{&store.TooLargeError{What: "answer", Size: 3, Limit: 2}, subjects.ErrTooLarge, "store.Set: config/theme: the reply takes 3 bytes, 2 are allowed with Nats-Msg-Id; ask for less at once, or without it"},
	{&store.TooLargeError{What: "template", Size: 3, Limit: 2}, subjects.ErrTooLarge, "store.Set: config/theme: template takes 3 bytes, 2 are allowed"},
	{&store.TooManyGroupsError{Prefix: "acme:a", Limit: 2}, subjects.ErrTooLarge, `store.Set: config/theme: more than 2 groups begin with "a"; delete them by longer prefixes`},
	{store.ErrQuotaExceeded, subjects.ErrQuotaExceeded, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: quota exceeded"},
	{store.ErrDeadlineExceeded, subjects.ErrDeadlineExceeded, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: time limit exceeded"},
	{store.ErrRequestMismatch, subjects.ErrBadRequest, `store.Set: config/theme: Nats-Msg-Id "4Xr9" was that of another request within the last 2m0s`},
	{store.ErrInvalidTemplate, subjects.ErrBadRequest, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: invalid template"},
	{&store.FluxError{Line: 1, Column: 5, Message: "no"}, subjects.ErrBadRequest, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: invalid Flux at 1:5: no"},
	{&store.TooLargeError{What: "what the query has to sort", Size: 3, Limit: 2}, subjects.ErrTooLarge, "store.Set: config/theme: what the query has to sort takes 3 bytes, 2 are allowed"},
	{store.ErrInvalidQuery, subjects.ErrBadRequest, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: invalid query"},
	{store.ErrInvalidData, subjects.ErrBadRequest, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: invalid data"},
	{&store.TooManyKindsError{Kind: "row", Limit: 2}, subjects.ErrTooLarge, `store.Set: config/theme: there are 2 kinds already, "row" would be another`},
	{store.ErrInvalidName, subjects.ErrBadRequest, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: invalid name"},
	{store.ErrInvalidJournalEntry, subjects.ErrBadRequest, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: invalid journal entry"},
	{store.ErrInvalidTTL, subjects.ErrBadRequest, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: invalid time to live"},
	{store.ErrInvalidTransaction, subjects.ErrBadRequest, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: invalid transaction"},
	{store.ErrNotANumber, subjects.ErrBadRequest, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: value is not a number"},
	{store.ErrOverflow, subjects.ErrBadRequest, "store.Set: config/theme: at /var/lib/store.db: INSERT INTO entries: number overflows"},
	{fs.ErrExist, subjects.ErrBadRequest, "store.Set: config/theme: a file of this name is there already; a backup overwrites nothing, so give another name"},
	{&fs.PathError{Op: "back up into", Path: "/backups/monday.db", Err: fs.ErrExist}, subjects.ErrBadRequest, "store.Set: config/theme: the file monday.db is there already; a backup overwrites nothing, so give another name"},
	{store.ErrClosed, subjects.ErrUnavailable, "store.Set: config/theme: the sidecar is shutting down"},
	{store.ErrBackupUnderway, subjects.ErrUnavailable, "store.Set: config/theme: another backup is under way; try again when it has ended"},
	{store.ErrInvalidCompaction, subjects.ErrBadRequest, "store.Set: config/theme: before is in the future: what is archived was committed before now"},
	{store.ErrCompactionUnderway, subjects.ErrUnavailable, "store.Set: config/theme: another compaction is under way; try again when it has ended"},
	{store.ErrUnavailable, subjects.ErrUnavailable, "store.Set: at /var/lib/store.db: INSERT INTO entries: unavailable"},
	{store.ErrOutcomeUnknown, subjects.ErrOutcomeUnknown, "store.Set: config/theme: the change may or may not be on disk; the store takes no further write until it is started again"},
}

// withinStore stands for the words of the store around an error.
func withinStore(cause error) error {
	return fmt.Errorf("at /var/lib/store.db: INSERT INTO entries: %w", cause)
}

func TestErrors_WireError_Bad(t *testing.T) {
	request, _ := newSetRequest(t)
	covered := map[error]bool{}
	for _, each := range wireCases {
		wire := request.wireError(withinStore(each.cause))
		assert.ErrorIs(t, wire, each.wire, each.message)
		assert.Equal(t, each.wire.Code, wire.Code)
		assert.Equal(t, each.message, wire.Message)
		for _, row := range wireErrors {
			if errors.Is(each.cause, row.cause) {
				covered[row.cause] = true
			}
		}
	}
	for _, row := range wireErrors {
		assert.True(t, covered[row.cause], "%v has no case", row.cause)
	}
}

func TestErrors_WireError_Bad_Fields(t *testing.T) {
	request, _ := newSetRequest(t)
	number := func(value uint64) *uint64 { return &value }
	for cause, expected := range map[error]subjects.Error{
		&store.RevisionConflictError{Expected: 4, Current: 7}:                 {CurrentRevision: number(7)},
		&store.RevisionConflictError{Expected: 4}:                             {CurrentRevision: number(0)},
		&store.CompactedError{After: 2, Oldest: 5, Revision: 9}:               {Oldest: number(5), Revision: number(9), Store: request.storeID()},
		&store.TooLargeError{What: "entry", Size: 3, Limit: 2}:                {Limit: number(2)},
		&store.TooManyGroupsError{Prefix: "acme:", Limit: 6}:                  {Limit: number(6)},
		&store.QuotaExceededError{Quota: "value_bytes", Limit: 10, Usage: 11}: {Quota: "max_value_bytes", Limit: number(10), Usage: number(11)},
		&store.TemplateError{Line: 1, Column: 2, Message: "no such field"}:    {Field: "template"},
		store.ErrRequestMismatch:                                              {Field: subjects.HeaderMessageID},
		fs.ErrExist:                                                           {Field: "file"},
		&store.TransactionError{List: "then", Index: 3, Err: fs.ErrNotExist}:  {Index: new(3)},
	} {
		wire := *request.wireError(withinStore(cause))
		wire.Code, wire.Name, wire.Message = 0, "", ""
		assert.Equal(t, expected, wire, "%v", cause)
	}
}

func TestErrors_WireError_Bad_WithinATransaction(t *testing.T) {
	request, _ := newSetRequest(t)
	wire := request.wireError(withinStore(&store.TransactionError{List: "then", Index: 3, Err: withinStore(store.ErrNotFound)}))
	assert.ErrorIs(t, wire, subjects.ErrNotFound)
	assert.Equal(t, "store.Set: then/3: config/theme is not there", wire.Message)
	assert.Equal(t, 3, *wire.Index)

	wire = request.wireError(&store.TransactionError{List: "else", Index: 0, Err: &store.TemplateError{Message: "none"}})
	assert.Equal(t, "else/0/template", wire.Field)
	assert.Equal(t, "store.Set: else/0: config/theme: invalid template: none", wire.Message)
}

func TestErrors_WireError_Ugly(t *testing.T) {
	t.Run("WhatNobodyExpectsIsLoggedAndNotTold", func(t *testing.T) {
		request, logged := newSetRequest(t)
		wire := request.wireError(withinStore(errors.New("disk I/O error")))
		assert.ErrorIs(t, wire, subjects.ErrInternal)
		assert.Equal(t, "store.Set: config/theme: the store failed; nothing was changed, the sidecar's log says why", wire.Message)
		assert.Contains(t, logged.String(), "/var/lib/store.db: INSERT INTO entries: disk I/O error")
	})
	t.Run("AnUnknownOutcomeIsLogged", func(t *testing.T) {
		request, logged := newSetRequest(t)
		assert.ErrorIs(t, request.wireError(withinStore(store.ErrOutcomeUnknown)), subjects.ErrOutcomeUnknown)
		assert.Contains(t, logged.String(), "/var/lib/store.db: INSERT INTO entries: outcome unknown")
	})
	t.Run("AWriteAfterAnUnknownOutcomeIsUnavailable", func(t *testing.T) {
		request, _ := newSetRequest(t)
		refused := fmt.Errorf("%w: writes have stopped: %w", store.ErrUnavailable, store.ErrOutcomeUnknown)
		assert.ErrorIs(t, request.wireError(refused), subjects.ErrUnavailable)
		assert.Equal(t, "store.Set: unavailable: disk is full", request.wireError(fmt.Errorf("%w: disk is full", store.ErrUnavailable)).Message)
	})
	t.Run("AnErrorOfTheContractIsPassedOn", func(t *testing.T) {
		request, _ := newSetRequest(t)
		given := subjects.BadField("key", "key is required")
		assert.Same(t, given, request.wireError(withinStore(given)))
	})
}

func TestErrors_Malformed_Bad(t *testing.T) {
	request, _ := newSetRequest(t)
	given := subjects.BadField("key", "key is required")
	failure := request.malformed(given)
	assert.EqualError(t, failure, "store.Set: key is required")
	assert.Equal(t, "key", failure.(*subjects.Error).Field) //nolint:errorlint,errcheck // it is that itself
	assert.Equal(t, "key is required", given.Message, "the error itself stays")
	other := errors.New("no error of the contract")
	assert.Same(t, other, request.malformed(other))
}

func TestRequest_Message_Good(t *testing.T) {
	request, _ := newSetRequest(t)
	assert.Equal(t, "store.Set: config/theme: text", request.message("text"))
	assert.Equal(t, "store.Set: config/theme text", request.entryMessage("text"))
	request.key, request.endpoint.verb.name = "", subjects.VerbGetMany
	assert.Equal(t, "store.GetMany: text", request.message("text"))
	assert.Equal(t, "store.GetMany: too many replies wait to be sent; wait for replies and try again", request.overload(tooManyReplies).Message)
}
