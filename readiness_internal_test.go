// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/web"
)

func TestReadiness_ReasonsOf_Good(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for _, status := range []store.Status{
		{Writable: true},
		{Writable: true, OldestPendingAt: now.Add(-time.Hour)},
		{Writable: true, Backlog: 1_000_000, OldestPendingAt: now.Add(-maxBacklogAge)},
		{Writable: true, Backlog: 1, OldestPendingAt: now.Add(time.Hour)},
	} {
		assert.Empty(t, reasonsOf(&status, now))
	}
}

func TestReadiness_ReasonsOf_Bad(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	status := store.Status{Reason: "the disk is full", Backlog: 3, OldestPendingAt: now.Add(-90 * time.Second)}
	assert.Equal(t, []web.Reason{
		{Name: "disk", Message: "the disk is full"},
		{Name: "backlog", Message: "3 changes are not published, the oldest for 1m30s, which is more than 1m0s"},
	}, reasonsOf(&status, now))
}
