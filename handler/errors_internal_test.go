// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

func TestErrors_WireError_Bad(t *testing.T) {
	var logged bytes.Buffer
	request := &request{
		service:  &Service{logger: slog.New(slog.NewTextHandler(&logged, nil))},
		endpoint: &endpoint{verb: &verb{name: subjects.VerbSet}},
		subject:  "store.acme.set", group: "config", key: "theme",
	}
	wrapped := func(cause error) error { return fmt.Errorf("at /var/lib/store.db: INSERT INTO entries: %w", cause) }
	cases := []struct {
		cause   error
		wire    *subjects.Error
		message string
	}{
		{store.ErrNotFound, subjects.ErrNotFound, "store.Set: config/theme is not there"},
		{store.ErrRevisionConflict, subjects.ErrRevisionConflict, "store.Set: config/theme stands at another revision"},
		{store.ErrCompacted, subjects.ErrCompacted, "store.Set: config/theme the log does not reach there"},
		{&store.TooLargeError{What: "entry", Size: 3, Limit: 2}, subjects.ErrTooLarge, "store.Set: config/theme takes 3 bytes as it travels, 2 are allowed"},
		{&store.TooManyGroupsError{Prefix: "a", Limit: 2}, subjects.ErrTooLarge, `store.Set: config/theme more than 2 groups begin with "a": delete them by longer prefixes`},
		{store.ErrClosed, subjects.ErrUnavailable, "store.Set: config/theme the sidecar is shutting down"},
		{store.ErrOutcomeUnknown, subjects.ErrOutcomeUnknown, "store.Set: config/theme may or may not be on disk; the store takes no further write until it is started again"},
		{errors.New("disk I/O error"), subjects.ErrInternal, "store.Set: config/theme failed; nothing was changed, the sidecar's log says why"},
	}
	for _, each := range cases {
		wire := request.wireError(wrapped(each.cause))
		assert.ErrorIs(t, wire, each.wire)
		assert.Equal(t, each.wire.Code, wire.Code)
		assert.Equal(t, each.message, wire.Message)
	}
	assert.Contains(t, logged.String(), "/var/lib/store.db: INSERT INTO entries: disk I/O error")
	assert.Equal(t, "store.Set: unavailable: disk is full", request.wireError(fmt.Errorf("%w: disk is full", store.ErrUnavailable)).Message)
	refused := fmt.Errorf("%w: writes have stopped: %w", store.ErrUnavailable, store.ErrOutcomeUnknown)
	assert.ErrorIs(t, request.wireError(refused), subjects.ErrUnavailable)
	assert.ErrorIs(t, request.wireError(store.ErrInvalidTTL), subjects.ErrBadRequest)
}
