// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

func TestCompact_Archive_Good(t *testing.T) {
	isolate(t)
	folder := filepath.Join(t.TempDir(), "archive")
	sidecar := startSidecar(t, storebus.Config{Listen: "127.0.0.1:0", ArchiveDirectory: folder})
	t.Setenv("STOREBUS_NATS", sidecar.NATSURL())
	shell, now := &shell{sidecar: sidecar}, func() string { return time.Now().Format(time.RFC3339Nano) }
	assert.Empty(t, shell.mustRun(t, "compact", "--before", now(), "--force"))
	var printed []string
	for _, format := range []string{"gzip", "zstd"} {
		for range 3 {
			commitPoint(t, sidecar)
		}
		printed = append(printed, shell.mustRun(t, "compact", "--before", now(), "--format", format, "--force"))
		assert.Regexp(t, `^journal-\S+\.jsonl\.\S+\t3\t[0-9a-f]{64}\n$`, printed[len(printed)-1])
	}
	names, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	require.Len(t, names, 2)
	verified := shell.mustRun(t, append([]string{"archive", "verify"}, names...)...)
	for _, line := range printed {
		assert.Contains(t, verified, folder+string(filepath.Separator)+line, "as compact has printed it")
	}
}

func TestCompact_Archive_Bad(t *testing.T) {
	shell, _ := newScriptedShell(t, "store.admin.compact", refusal("503", `{"error":{"code":503,"name":"unavailable","message":"no"}}`))
	output, err := shell.run(t, "compact", "--before", "2026-11-22T10:01:00Z", "--force")
	require.ErrorContains(t, err, "no")
	assert.Empty(t, output)
}

func TestCompact_ManyArchives_Good(t *testing.T) {
	shell, requests := newScriptedShell(t, "store.admin.compact",
		body(`{"archive":"a.jsonl.gz","entries":7,"sha256":"e3","more":true}`), body(`{"archive":"b.jsonl.gz","entries":1,"sha256":"e4"}`))
	assert.Equal(t, "a.jsonl.gz\t7\te3\nb.jsonl.gz\t1\te4\n", shell.mustRun(t, "compact", "--before", "2026-11-22T10:01:00Z", "--force"))
	assert.Len(t, requests, 2)
}
