// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestStatus_Status_Good(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")

	output := shell.mustRun(t, "status")
	assert.Regexp(t, `(?m)^store +`+shell.sidecar.StoreID()+`$`, output)
	assert.Regexp(t, `(?m)^durability +full$`, output)
	assert.Regexp(t, `(?m)^writable +yes$`, output)
	assert.Regexp(t, `(?m)^entries +1$`, output)

	var reply subjects.StatusReply
	require.NoError(t, json.Unmarshal([]byte(shell.mustRun(t, "status", "--json")), &reply))
	assert.Equal(t, shell.sidecar.StoreID(), reply.Store)
}

func TestStatus_StatusRows_Good(t *testing.T) {
	rows := statusRows(subjects.StatusReply{
		Reason: "disk full", Backlog: 7, OldestUnpublishedAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	})
	assert.Contains(t, rows, row{"writable", "no: disk full"})
	assert.Contains(t, rows, row{"backlog", "7 changes to be announced, the oldest of 2026-11-22T10:00:00Z"})
}
