// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"encoding/json"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

func TestVersion_Version_Good(t *testing.T) {
	isolate(t)
	shell := &shell{}
	assert.Contains(t, shell.mustRun(t, "version"), "version\t"+storebus.Version+"\n")
	assert.Contains(t, shell.mustRun(t, "version", "-o", "table"), "NAME")
	var reply versionReply
	require.NoError(t, json.Unmarshal([]byte(shell.mustRun(t, "version", "-o", "json")), &reply))
	assert.Equal(t, storebus.Version, reply.Version)
	assert.Equal(t, runtime.Version(), reply.Go)
}

func TestVersion_BuildInformation_Good(t *testing.T) {
	reply := newVersionReply(&debug.BuildInfo{
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-11-22T10:00:00Z"}, {Key: "vcs.modified", Value: "true"}},
		Deps:     []*debug.Module{{Path: "modernc.org/sqlite", Version: "v1"}, {Path: "github.com/nats-io/nats.go", Version: "v2"}, {Path: "other", Version: "v3"}},
	})
	assert.Equal(t, versionReply{
		Version: storebus.Version, Commit: "abc", Committed: "2026-11-22T10:00:00Z", Modified: true,
		Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH, SQLite: "v1", NATS: "v2",
	}, reply)
	assert.Contains(t, versionRows(reply), property{"commit", "abc with changes"})
	assert.NotContains(t, versionRows(reply), property{"nats-server", ""})
	assert.Equal(t, storebus.Version, newVersionReply(nil).Version)
}

func TestVersion_Version_Bad(t *testing.T) {
	status, _, errorOutput := runProgram("version", "--prefix", "berlin")
	assert.Equal(t, exitUsage, status, "a flag that would do nothing")
	assert.Contains(t, errorOutput, "--prefix")
}
