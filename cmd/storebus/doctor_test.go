// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

// trustMachine keeps the speed and the disk of the machine out of the findings.
func trustMachine(t *testing.T) {
	t.Helper()
	trip, sync, room := slowRoundTrip, slowSync, littleRoom
	slowRoundTrip, slowSync, littleRoom = time.Hour, time.Hour, 0
	t.Cleanup(func() { slowRoundTrip, slowSync, littleRoom = trip, sync, room })
}

// examine runs doctor and returns its findings by their checks.
func examine(t *testing.T, line ...string) (status int, findings map[string]finding, errorOutput string) {
	t.Helper()
	status, output, errorOutput := runProgram(append([]string{"doctor", "-o", "json"}, line...)...)
	findings = map[string]finding{}
	for line := range strings.Lines(output) {
		var found finding
		require.NoError(t, json.Unmarshal([]byte(line), &found), line)
		assert.Equal(t, found.State == stateOK, found.Remedy == "", "%s: a remedy for what is wrong, and for nothing else", line)
		assert.NotEmpty(t, found.Finding, line)
		findings[found.Check] = found
	}
	return status, findings, errorOutput
}

func states(findings map[string]finding) map[string]string {
	states := map[string]string{}
	for check, found := range findings {
		if found.State != stateOK {
			states[check] = found.State
		}
	}
	return states
}

func TestDoctor_Doctor_Good(t *testing.T) {
	trustMachine(t)
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	status, findings, errorOutput := examine(t, "acme")
	assert.Equal(t, exitDone, status, errorOutput)
	assert.Empty(t, states(findings))
	for _, check := range []string{
		"context", "broker", "round trip", "max_payload", "sidecar", "operator", "version", "writes", "durability", "clock", "store clock",
		"disk", "fsync", "write-ahead log", "load", "events", "journal", "reads", "sets", "watching", "quota",
	} {
		assert.Contains(t, findings, check)
	}
	assert.Equal(t, "1\tset\tconfig\ttheme\tdark\n", shell.mustRun(t, "changes", "acme"), "nothing was changed")
	_, findings, _ = examine(t)
	assert.NotContains(t, findings, "reads", "it is about a namespace")
}

func TestDoctor_Doctor_Bad(t *testing.T) {
	trustMachine(t)
	t.Run("NoBroker", func(t *testing.T) {
		isolate(t)
		status, findings, errorOutput := examine(t, "--nats", nowhere)
		assert.Equal(t, exitUnavailable, status)
		assert.Equal(t, map[string]string{"broker": stateFail}, states(findings))
		assert.Contains(t, errorOutput, `"name":"unavailable"`)
	})
	t.Run("NoSidecar", func(t *testing.T) {
		newShell(t)
		status, findings, _ := examine(t, "--prefix", "berlin")
		assert.Equal(t, exitUnavailable, status)
		assert.Equal(t, map[string]string{"sidecar": stateFail}, states(findings))
		assert.Contains(t, findings["sidecar"].Remedy, "store", "the prefix that is there")
	})
	t.Run("NoSidecarAtAll", func(t *testing.T) {
		isolate(t)
		status, findings, _ := examine(t, "--nats", startBroker(t, server.Options{}))
		assert.Equal(t, exitUnavailable, status)
		assert.Contains(t, findings["sidecar"].Remedy, "start storebus serve")
	})
	t.Run("SecondSidecar", func(t *testing.T) {
		newShell(t)
		_, err := micro.AddService(dial(t), micro.Config{
			Name: handler.ServiceName, Version: "9.9.9", Metadata: map[string]string{handler.MetadataPrefix: "store", handler.MetadataInstance: "the other"},
		})
		require.NoError(t, err)
		status, findings, errorOutput := examine(t)
		assert.Equal(t, exitFailed, status)
		assert.Equal(t, map[string]string{"sidecar": stateFail}, states(findings))
		assert.Contains(t, findings["sidecar"].Finding, "2 instances")
		assert.Contains(t, findings["sidecar"].Finding, "the other, version 9.9.9")
		assert.Contains(t, errorOutput, "1 failed check: sidecar")
	})
	t.Run("NameThatIsNone", func(t *testing.T) {
		newShell(t)
		for _, line := range [][]string{{"ac.me"}, {"--prefix", "a..b"}, {"--timeout", "0s"}} {
			status, _, _ := examine(t, line...)
			assert.Equal(t, exitUsage, status, line)
		}
	})
}

// newGuarded starts a broker with users, and a sidecar on it.
func newGuarded(t *testing.T) (url string) {
	t.Helper()
	isolate(t)
	inboxes := []string{"_INBOX.>"}
	url = startBroker(t, server.Options{Users: []*server.User{
		{Username: "sidecar", Password: "s"},
		{Username: "acme", Password: "s", Permissions: &server.Permissions{
			Publish: &server.SubjectPermission{Allow: []string{"store.acme.usage", "berlin.acme.usage"}}, Subscribe: &server.SubjectPermission{Allow: inboxes},
		}},
		{Username: "deaf", Password: "s", Permissions: &server.Permissions{Subscribe: &server.SubjectPermission{Allow: []string{"elsewhere.>"}}}},
	}})
	startSidecar(t, storebus.Config{NATS: storebus.NATSConfig{URL: url, NATSCredentials: storebus.NATSCredentials{User: "sidecar", Password: "s"}}})
	return url
}

func TestDoctor_Permissions_Bad(t *testing.T) {
	trustMachine(t)
	url := newGuarded(t)
	as := func(user string) []string { return []string{"acme", "--nats", url, "--user", user, "--password", "s"} }
	t.Run("OfATenant", func(t *testing.T) {
		status, findings, errorOutput := examine(t, as("acme")...)
		assert.Equal(t, exitDone, status, errorOutput)
		assert.Equal(t, map[string]string{"sidecar": stateWarn, "operator": stateWarn, "sets": stateWarn, "watching": stateWarn, "quota": stateWarn}, states(findings))
		assert.Equal(t, stateOK, findings["reads"].State)
	})
	t.Run("WithoutAnInbox", func(t *testing.T) {
		status, findings, _ := examine(t, as("deaf")...)
		assert.Equal(t, exitFailed, status)
		assert.Equal(t, map[string]string{"inbox": stateFail}, states(findings))
	})
	t.Run("OfNobody", func(t *testing.T) {
		status, findings, _ := examine(t, as("nobody")...)
		assert.Equal(t, exitUnavailable, status)
		assert.Contains(t, findings["broker"].Remedy, "--user")
	})
	t.Run("OfATenantWithoutASidecar", func(t *testing.T) {
		status, findings, _ := examine(t, append(as("acme"), "--prefix", "berlin")...)
		assert.Equal(t, exitUnavailable, status)
		assert.Equal(t, stateFail, findings["reads"].State)
	})
}

func TestDoctor_StatusFindings_Bad(t *testing.T) {
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	healthy := func() *subjects.StatusReply {
		return &subjects.StatusReply{
			Version: storebus.Version, Durability: "full", Writable: true, Time: now, DatabaseBytes: 1 << 20, WALBytes: 1 << 20, DiskFreeBytes: new(uint64(1 << 40)),
			Sync: &subjects.SyncStatus{Count: 7, P50Seconds: 0.001, P99Seconds: 0.01}, Queue: subjects.QueueStatus{RequestLimit: 100},
			Journal: &subjects.JournalStatus{Endpoint: new("http://h")},
		}
	}
	judge := func(status *subjects.StatusReply) map[string]string {
		findings := map[string]finding{}
		for _, found := range statusFindings(status, now) {
			findings[found.Check] = found
		}
		return states(findings)
	}
	assert.Empty(t, judge(healthy()))
	for name, test := range map[string]struct {
		spoil        func(*subjects.StatusReply)
		check, state string
	}{
		"OtherVersion":     {func(status *subjects.StatusReply) { status.Version = "9.9.9" }, "version", stateWarn},
		"NotWritable":      {func(status *subjects.StatusReply) { status.Writable, status.Reason = false, "the disk is full" }, "writes", stateFail},
		"InMemory":         {func(status *subjects.StatusReply) { status.Durability = "memory" }, "durability", stateWarn},
		"ClocksApart":      {func(status *subjects.StatusReply) { status.Time = now.Add(-time.Minute) }, "clock", stateWarn},
		"ClockSetBack":     {func(status *subjects.StatusReply) { status.ClockAheadSeconds = 7 }, "store clock", stateWarn},
		"LittleRoom":       {func(status *subjects.StatusReply) { status.DiskFreeBytes = new(uint64(512 << 20)) }, "disk", stateWarn},
		"NoRoomForABackup": {func(status *subjects.StatusReply) { status.DatabaseBytes = 2 << 40 }, "disk", stateWarn},
		"NoRoom":           {func(status *subjects.StatusReply) { status.DiskFreeBytes = new(uint64) }, "disk", stateFail},
		"SlowDisk":         {func(status *subjects.StatusReply) { status.Sync.P50Seconds = 0.2 }, "fsync", stateWarn},
		"DiskThatStops":    {func(status *subjects.StatusReply) { status.Sync.P99Seconds = 2 }, "fsync", stateWarn},
		"LargeLog":         {func(status *subjects.StatusReply) { status.WALBytes = 1 << 30 }, "write-ahead log", stateWarn},
		"Busy":             {func(status *subjects.StatusReply) { status.Queue.Requests = 95 }, "load", stateWarn},
		"LateEvents": {func(status *subjects.StatusReply) {
			status.Backlog, status.OldestUnpublishedAt = 7, now.Add(-time.Hour)
		}, "events", stateWarn},
		"LatePoints": {func(status *subjects.StatusReply) {
			status.Journal.Pending, status.Journal.OldestPendingAt = 7, now.Add(-time.Hour)
		}, "journal", stateWarn},
		"RejectedPoints": {func(status *subjects.StatusReply) { status.Journal.Rejected = 1 }, "journal", stateWarn},
		"NoEndpoint":     {func(status *subjects.StatusReply) { status.Journal.LastError = "away" }, "journal", stateWarn},
	} {
		status := healthy()
		test.spoil(status)
		assert.Equal(t, map[string]string{test.check: test.state}, judge(status), name)
	}
	t.Run("ASidecarThatTellsLess", func(t *testing.T) {
		assert.Empty(t, judge(&subjects.StatusReply{Version: storebus.Version, Durability: "full", Writable: true}))
	})
	t.Run("EventsThatAreOnTheirWay", func(t *testing.T) {
		status := healthy()
		status.Backlog, status.OldestUnpublishedAt = 7, now
		assert.Empty(t, judge(status))
	})
}

func TestDoctor_Quota_Bad(t *testing.T) {
	trustMachine(t)
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	shell.mustRun(t, "quota", "acme", "--max-keys", "1")
	status, findings, _ := examine(t, "acme")
	assert.Equal(t, exitDone, status)
	assert.Equal(t, map[string]string{"quota": stateWarn}, states(findings))
	assert.Contains(t, findings["quota"].Finding, "1 of 1 keys")
}

func TestDoctor_Findings_Bad(t *testing.T) {
	assert.Equal(t, stateWarn, tripFinding(time.Second).State)
	assert.Equal(t, stateWarn, payloadFinding(64<<10).State)
}

func TestDoctor_Namespace_Bad_Unknown(t *testing.T) {
	newShell(t)
	quota := quotaFinding("nope", &subjects.UsageReply{})
	assert.Equal(t, stateWarn, quota.State)
	assert.Contains(t, quota.Finding, "nope is empty")
	assert.Equal(t, stateOK, quotaFinding("acme", &subjects.UsageReply{Revision: 2}).State, "its keys were removed")
	status, output, errorOutput := runProgram("doctor", "nope", "-o", "text")
	assert.Equal(t, exitDone, status, errorOutput)
	assert.Contains(t, output, "quota\twarn\tnope is empty, and nothing was ever stored there")
}
