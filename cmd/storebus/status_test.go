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
	assert.Regexp(t, `(?m)^store\t`+shell.sidecar.StoreID()+`$`, output)
	assert.Regexp(t, `(?m)^durability\tfull$`, output)
	assert.Regexp(t, `(?m)^writable\tyes$`, output)
	assert.Regexp(t, `(?m)^entries\t1$`, output)
	for _, name := range []string{"database", "write-ahead log", "room on the disk"} {
		assert.Regexp(t, `(?m)^`+name+`\t[1-9]\d*$`, output)
	}
	assert.Regexp(t, `(?m)^half of the commits wait for the disk at most\t[0-9.e+-]+ ms$`, output)

	var reply subjects.StatusReply
	require.NoError(t, json.Unmarshal([]byte(shell.mustRun(t, "status", "--json")), &reply))
	assert.Equal(t, shell.sidecar.StoreID(), reply.Store)
}

func TestStatus_StatusRows_Good(t *testing.T) {
	rows := statusRows(subjects.StatusReply{
		Reason: "disk full", Backlog: 7, OldestUnpublishedAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	})
	assert.Contains(t, rows, property{"writable", "no: disk full"})
	assert.Contains(t, rows, property{"changes to be announced", uint64(7)})
	assert.Contains(t, rows, property{"oldest change to be announced", age(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))})
	assert.Contains(t, rows, property{"journal", "no endpoint"})
	assert.NotContains(t, rows, property{"database", size(0)}, "it is in memory")
	rows = statusRows(subjects.StatusReply{Journal: &subjects.JournalStatus{
		Endpoint: new("http://influx"), Pending: 1, OldestPendingAt: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), LastError: "away",
	}})
	assert.Contains(t, rows, property{"points pending", uint64(1)})
	assert.Contains(t, rows, property{"oldest point pending", age(time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC))})
	assert.Contains(t, rows, property{"last error of the journal", "away"})
}
