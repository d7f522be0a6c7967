// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

func TestProgress_KeepTelling_Good(t *testing.T) {
	for name, test := range map[string]struct {
		texts []string
		shown string
	}{
		"OneLineAgainAndAgain": {[]string{"", "1 of 2", "2 of 2"}, "\r\x1b[K1 of 2\r\x1b[K2 of 2\r\x1b[K"},
		"NothingToTell":        {[]string{"", ""}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var output strings.Builder
			ticks, told := make(chan time.Time), make(chan struct{})
			left := test.texts
			stop := keepTelling(t.Context(), &output, ticks, func(context.Context) string {
				defer func() { told <- struct{}{} }()
				text := left[0]
				left = left[1:]
				return text
			})
			for range test.texts {
				ticks <- time.Time{}
				<-told
			}
			stop()
			assert.Equal(t, test.shown, output.String())
		})
	}
}

func TestProgress_Status_Good(t *testing.T) {
	stopClock(t)
	began := now().Add(-90 * time.Second)
	observe := func(t *testing.T, reply string) *client.Client {
		t.Helper()
		_, _ = newScriptedShell(t, "store.admin.status", body(reply))
		store, err := client.New(dial(t), client.Config{})
		require.NoError(t, err)
		return store
	}
	for reply, text := range map[string]string{
		`{"database_bytes":8192,"backed_up_bytes":4096}`: "4.0 KiB of 8.0 KiB copied, 1m30s",
		`{"database_bytes":4096,"backed_up_bytes":8192}`: "8.0 KiB of 8.0 KiB copied, 1m30s",
		`{"database_bytes":8192}`:                        "",
		`no JSON`:                                        "",
	} {
		assert.Equal(t, text, backupProgress(t.Context(), observe(t, reply), began), reply)
	}
	for reply, text := range map[string]string{
		`{"journal":{"archiving":5}}`: "5 entries written, 1m30s",
		`{"journal":{}}`:              "",
		`{"journal":null}`:            "",
		`no JSON`:                     "",
	} {
		assert.Equal(t, text, compactProgress(t.Context(), observe(t, reply), began), reply)
	}
}

func TestProgress_Patiently_Good(t *testing.T) {
	isolate(t)
	require.NoError(t, os.Unsetenv("STOREBUS_TIMEOUT"))
	for name, test := range map[string]struct {
		line    []string
		bounded bool
	}{
		"Usually":            {[]string{"backup"}, true},
		"WithATimeOfItsOwn":  {[]string{"backup", "--timeout", "1m"}, false},
		"WithATimeForBackup": {[]string{"backup", "--timeout=48h"}, false},
	} {
		var deadline time.Time
		var bounded bool
		command := &cli.Command{Flags: backupCommand().sharedFlags(), Action: func(ctx context.Context, command *cli.Command) error {
			patient, cancel := (&call{command: command}).patiently(ctx)
			defer cancel()
			deadline, bounded = patient.Deadline()
			return nil
		}}
		require.NoError(t, command.Run(t.Context(), test.line))
		assert.Equal(t, test.bounded, bounded, name)
		assert.True(t, !bounded || time.Until(deadline) > time.Hour, "%s: the usual time of a call is seconds", name)
	}
}
