// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// failures are errors, each with its exit status and its text.
var failures = map[string]struct {
	err        error
	status     int
	text, wire string
}{
	"Other": {
		errors.New("disk is full"), exitFailed, "storebus: disk is full",
		`{"error":{"code":500,"name":"internal","message":"disk is full"}}`,
	},
	"Internal": {
		fmt.Errorf("client.Set: %w", subjects.ErrInternal.New("store.Set: the disk is full")), exitFailed, "storebus: the disk is full",
		`{"error":{"code":500,"name":"internal","message":"the disk is full"}}`,
	},
	"Usage": {
		fmt.Errorf("%w: what", errUsage), exitUsage, "storebus: usage: what",
		`{"error":{"code":400,"name":"bad_request","message":"usage: what"}}`,
	},
	"BadRequest": {
		subjects.BadField("namespace", "store.Set: bad"), exitUsage, "storebus: bad",
		`{"error":{"code":400,"name":"bad_request","message":"bad","field":"namespace"}}`,
	},
	"NotFound": {
		fmt.Errorf("client.Get: %w", subjects.ErrNotFound.New("store.Get: config/theme is not there")), exitNotFound, "storebus: not found: config/theme is not there",
		`{"error":{"code":404,"name":"not_found","message":"config/theme is not there"}}`,
	},
	"Conflict": {
		&subjects.Error{Code: 409, Name: "revision_conflict", Message: "store.Set: a/b stands at revision 7, not 5", CurrentRevision: new(uint64(7))}, exitConflict,
		"storebus: a/b stands at revision 7, not 5; read it again, then repeat the command with --if-revision 7",
		`{"error":{"code":409,"name":"revision_conflict","message":"a/b stands at revision 7, not 5","current_revision":7}}`,
	},
	"Guards": {
		errGuards, exitConflict, "storebus: the guards did not hold: else was carried out",
		`{"error":{"code":409,"name":"revision_conflict","message":"the guards did not hold: else was carried out"}}`,
	},
	"GuardsWithoutAnElse": {
		errNothing, exitConflict, "storebus: the guards did not hold: nothing was changed",
		`{"error":{"code":409,"name":"revision_conflict","message":"the guards did not hold: nothing was changed"}}`,
	},
	"Compacted": {
		&subjects.Error{Code: 410, Name: "compacted", Message: "gone", Oldest: new(uint64(7)), Revision: new(uint64(9))}, exitConflict,
		"storebus: gone; read everything again, then go on with --after 9",
		`{"error":{"code":410,"name":"compacted","message":"gone","oldest":7,"revision":9}}`,
	},
	"CompactedWithoutARevision": {
		subjects.ErrCompacted.New("gone"), exitConflict, "storebus: gone; read everything again",
		`{"error":{"code":410,"name":"compacted","message":"gone"}}`,
	},
	"Unavailable": {
		&subjects.Error{Code: 503, Name: "unavailable", Message: "busy", RetryAfter: "1s"}, exitUnavailable, "storebus: busy; try again in 1s",
		`{"error":{"code":503,"name":"unavailable","message":"busy","retry_after":"1s"}}`,
	},
	"UnavailableForAnUnknownTime": {
		subjects.ErrUnavailable.New("busy"), exitUnavailable, "storebus: busy; try again",
		`{"error":{"code":503,"name":"unavailable","message":"busy"}}`,
	},
	"NoBroker": {
		fmt.Errorf("connect to x: %w", brokerError{nats.ErrNoServers}), exitUnavailable, "storebus: connect to x: nats: no servers available for connection",
		`{"error":{"code":503,"name":"unavailable","message":"connect to x: nats: no servers available for connection"}}`,
	},
	"NoSidecar": {
		fmt.Errorf("client.Get: no storebus answers on x: %w", nats.ErrNoResponders), exitUnavailable,
		"storebus: no storebus answers on x: nats: no responders available for request; start storebus serve on this broker, or give the sidecar's --prefix",
		`{"error":{"code":503,"name":"unavailable","message":"no storebus answers on x: nats: no responders available for request"}}`,
	},
	"TimeOut": {
		fmt.Errorf("client.Get: no reply: %w", context.DeadlineExceeded), exitUnavailable, "storebus: no reply; find the cause with storebus doctor, or allow more time with --timeout",
		`{"error":{"code":504,"name":"deadline_exceeded","message":"no reply"}}`,
	},
	"TimeOutAlone": {
		context.DeadlineExceeded, exitUnavailable, "storebus: there was no reply in time; find the cause with storebus doctor, or allow more time with --timeout",
		`{"error":{"code":504,"name":"deadline_exceeded","message":"there was no reply in time"}}`,
	},
	"NotPermitted": {
		fmt.Errorf("client.Get: no reply (%w): %w", nats.ErrPermissionViolation, context.DeadlineExceeded), exitUnavailable,
		"storebus: no reply (nats: permissions violation); storebus doctor says what this user may do, and what to change",
		`{"error":{"code":504,"name":"deadline_exceeded","message":"no reply (nats: permissions violation)"}}`,
	},
	"UnknownUser": {
		fmt.Errorf("connect to x: %w", brokerError{nats.ErrAuthorization}), exitUnavailable,
		"storebus: connect to x: nats: authorization violation; give a user that the broker knows: --user, --creds, --nkey or --context",
		`{"error":{"code":503,"name":"unavailable","message":"connect to x: nats: authorization violation"}}`,
	},
	"OutcomeUnknown": {
		fmt.Errorf("client.Set: no reply: %w: %w", subjects.ErrOutcomeUnknown.New("the write may have happened"), context.DeadlineExceeded), exitUnavailable,
		"storebus: no reply: the write may have happened; read what stands there before you repeat the command; storebus doctor says what hinders replies",
		`{"error":{"code":500,"name":"outcome_unknown","message":"no reply: the write may have happened"}}`,
	},
	"Quota": {
		&subjects.Error{Code: 429, Name: "quota_exceeded", Message: "full", Quota: "max_keys", Limit: new(uint64(1)), Usage: new(uint64(1))}, exitTooMuch,
		"storebus: full; remove keys, or have an operator raise the limit with storebus quota",
		`{"error":{"code":429,"name":"quota_exceeded","message":"full","quota":"max_keys","limit":1,"usage":1}}`,
	},
	"TooLarge": {
		subjects.ErrTooLarge.New("client.Set: store.Set: 2 bytes"), exitTooMuch, "storebus: 2 bytes", `{"error":{"code":413,"name":"too_large","message":"2 bytes"}}`,
	},
	"TooLargeForTheBroker": {
		nats.ErrMaxPayload, exitTooMuch, "storebus: nats: maximum payload exceeded; the broker's max_payload is the limit",
		`{"error":{"code":413,"name":"too_large","message":"nats: maximum payload exceeded"}}`,
	},
}

func TestFailure_Report_Good(t *testing.T) {
	for name, test := range failures {
		t.Run(name, func(t *testing.T) {
			var text, wire bytes.Buffer
			assert.Equal(t, test.status, report(&text, test.err, false))
			assert.Equal(t, test.text+"\n", text.String())
			assert.Equal(t, test.status, report(&wire, test.err, true))
			assert.Equal(t, test.wire+"\n", wire.String())
		})
	}
	t.Run("NoError", func(t *testing.T) {
		var output bytes.Buffer
		assert.Equal(t, exitDone, report(&output, nil, true))
		assert.Empty(t, output.String())
	})
	t.Run("EveryStatusIsReached", func(t *testing.T) {
		reached := map[int]bool{exitDone: true}
		for _, test := range failures {
			reached[test.status] = true
		}
		for _, each := range exitStatuses {
			assert.True(t, reached[each.status], each.meaning)
		}
		assert.Len(t, reached, len(exitStatuses))
	})
}

func TestFailure_Report_Ugly(t *testing.T) {
	var text bytes.Buffer
	report(&text, subjects.ErrNotFound.New("store.Get: g/\x1b]0;title\a is not there"), false)
	assert.Equal(t, "storebus: not found: "+`g/\x1b]0;title\a is not there`+"\n", text.String(), "a terminal obeys nothing of it")
}

func TestFailure_Plain_Good(t *testing.T) {
	for text, plainText := range map[string]string{
		"client.Set: store.Set: no":        "no",
		"line 3: client.JournalCommit: x":  "line 3: x",
		"the key store.Set is not there":   "the key store.Set is not there",
		"a: storebus.Start: b: store.X: c": "a: b: c",
	} {
		assert.Equal(t, plainText, plain(errors.New(text)))
	}
}

func TestFailure_WantsJSON_Good(t *testing.T) {
	for _, line := range [][]string{{"get", "--json"}, {"get", "-o", "json", "a"}, {"get", "--output=json"}, {"-o=json"}} {
		assert.True(t, wantsJSON(line), line)
	}
	for _, line := range [][]string{{"get"}, {"set", "a", "--", "--json"}, {"get", "-o", "text"}, {"get", "-o"}, {"get", "json"}} {
		assert.False(t, wantsJSON(line), line)
	}
}

func TestFailure_Status_Good(t *testing.T) {
	newShell(t)
	line := func(arguments ...string) (int, string) {
		status, _, errorOutput := runProgram(arguments...)
		return status, errorOutput
	}
	status, errorOutput := line("set", "acme", "config", "theme", "dark", "--json")
	require.Equal(t, exitDone, status, errorOutput)
	for _, test := range []struct {
		line   []string
		status int
		name   string
	}{
		{[]string{"get", "acme", "config"}, exitUsage, "bad_request"},
		{[]string{"set", "acme", "config", "theme", "dark", "--if-revision", "7"}, exitConflict, "revision_conflict"},
		{[]string{"get", "acme", "config", "none"}, exitNotFound, "not_found"},
		{[]string{"exists", "acme", "config", "none"}, exitNotFound, "not_found"},
		{[]string{"get", "acme", "config", "theme", "--prefix", "elsewhere"}, exitUnavailable, "unavailable"},
		{[]string{"get", "acme", "config", "theme", "--nats", nowhere}, exitUnavailable, "unavailable"},
	} {
		status, errorOutput := line(append(test.line, "--json")...)
		assert.Equal(t, test.status, status, test.line)
		assert.Regexp(t, `^\{"error":\{"code":\d+,"name":"`+test.name+`",.*\}\}\n$`, errorOutput)
		status, errorOutput = line(test.line...)
		assert.Equal(t, test.status, status, test.line)
		assert.Regexp(t, `^storebus: [^{]+\n$`, errorOutput)
	}
	t.Run("QuotaIsUsedUp", func(t *testing.T) {
		status, errorOutput := line("quota", "acme", "--max-keys", "1")
		require.Equal(t, exitDone, status, errorOutput)
		status, errorOutput = line("set", "acme", "config", "other", "dark")
		assert.Equal(t, exitTooMuch, status)
		assert.Contains(t, errorOutput, "storebus quota")
	})
}

func TestFailure_Help_Good(t *testing.T) {
	for _, line := range [][]string{{"--help"}, {"get", "--help"}, {"workspace", "query", "--help"}} {
		_, output, _ := runProgram(line...)
		for _, each := range exitStatuses {
			assert.Contains(t, output, fmt.Sprintf("   %d  %s\n", each.status, each.meaning), line)
		}
	}
}
