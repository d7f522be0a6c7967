// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

func TestAdmin_Describe_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	assert.Equal(t, subjects.Describe(), ask[subjects.DescribeReply](bench, "store.admin.describe", ""))
}

func TestAdmin_Describe_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	failure := bench.refuse("store.admin.describe", `{"verb":"set"}`)
	assert.Equal(t, "verb", failure.Field)
	assert.True(t, strings.HasPrefix(failure.Message, "store.Describe: "), failure.Message)
}

func TestAdmin_Namespaces_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	assert.JSONEq(t, `{"namespaces":[]}`, string(bench.request("store.admin.namespaces", "").Data))
	require.NoError(t, bench.store.Set("outside", "k", "v"))
	for _, namespace := range []string{"b", "acme", "acme-1"} {
		ask[subjects.SetReply](bench, "store."+namespace+".set", `{"group":"g","key":"k","value":"v"}`)
	}
	acme := subjects.NamespaceStatus{Namespace: "acme", Revision: 1, Keys: 1, Groups: 1, Bytes: 3}

	t.Run("InTheOrderOfBytes", func(t *testing.T) {
		page := ask[subjects.NamespacesReply](bench, "store.admin.namespaces", "")
		require.Len(t, page.Namespaces, 3)
		assert.Equal(t, acme, page.Namespaces[0])
		assert.Equal(t, "acme-1", page.Namespaces[1].Namespace)
		assert.Equal(t, "b", page.Namespaces[2].Namespace)
		assert.Empty(t, page.Next)
	})
	t.Run("GoesOnWhereThePageEnded", func(t *testing.T) {
		page := ask[subjects.NamespacesReply](bench, "store.admin.namespaces", `{"prefix":"acme","limit":1}`)
		assert.Equal(t, []subjects.NamespaceStatus{acme}, page.Namespaces)
		page = ask[subjects.NamespacesReply](bench, "store.admin.namespaces", fmt.Sprintf(`{"prefix":"acme","limit":1,"after":%q}`, page.Next))
		require.Len(t, page.Namespaces, 1)
		assert.Equal(t, "acme-1", page.Namespaces[0].Namespace)
	})
}

func TestAdmin_Namespaces_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	for field, body := range map[string]string{"limit": `{"limit":0}`, "after": `{"after":"a_b"}`, "prefix": `{"prefix":1}`, "namespace": `{"namespace":"acme"}`} {
		failure := bench.refuse("store.admin.namespaces", body)
		assert.ErrorIs(t, failure, subjects.ErrBadRequest)
		assert.Equal(t, field, failure.Field)
	}
}

func TestAdmin_Purge_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"stays","value":"v","ttl":"1h"}`)
	assert.Zero(t, ask[subjects.PurgeReply](bench, "store.admin.purge", "").Expired)
	release := bench.block()
	set := bench.send("store.acme.set", `{"key":"goes","value":"v","ttl":"1ms"}`)
	bench.awaitRequests(1)
	release()
	set()
	// Whether the timer or the purge was first: the key is gone when the purge is done.
	ask[subjects.PurgeReply](bench, "store.admin.purge", "")
	page := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":2,"wait":"5s"}`)
	assert.Equal(t, subjects.EventExpire, page.Changes[0].Type)
	assert.Equal(t, "purge", bench.refuse("store.admin.purge", `{"purge":true}`).Field)
}

func TestAdmin_Backup_Good(t *testing.T) {
	folder := t.TempDir()
	opened := openStore(t, store.StoreConfig{DatabasePath: filepath.Join(t.TempDir(), "storebus.db")})
	bench := startService(t, handler.Config{Store: opened, BackupDirectory: folder})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
	reply := ask[subjects.BackupReply](bench, "store.admin.backup", `{"file":"monday.db"}`)
	info, err := os.Stat(filepath.Join(folder, "monday.db"))
	require.NoError(t, err)
	assert.Equal(t, subjects.BackupReply{File: "monday.db", Bytes: uint64(info.Size())}, reply)
}

func TestAdmin_Backup_Bad(t *testing.T) {
	t.Run("NoNameOfAFile", func(t *testing.T) {
		bench := startService(t, handler.Config{BackupDirectory: t.TempDir()})
		for _, body := range []string{`{}`, `{"file":""}`, `{"file":"../monday.db"}`, `{"file":"a/b"}`, `{"file":".."}`} {
			failure := bench.refuse("store.admin.backup", body)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, "file", failure.Field)
		}
	})
	t.Run("NoFolder", func(t *testing.T) {
		bench := startService(t, handler.Config{})
		failure := bench.refuse("store.admin.backup", `{"file":"monday.db"}`)
		assert.ErrorIs(t, failure, subjects.ErrUnavailable)
		assert.Equal(t, "store.Backup: this sidecar has no folder for backups; give it one with --backup-directory", failure.Message)
	})
	t.Run("AFileThatIsThere", func(t *testing.T) {
		folder := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(folder, "monday.db"), []byte("kept"), 0o600))
		bench := startService(t, handler.Config{BackupDirectory: folder})
		failure := bench.refuse("store.admin.backup", `{"file":"monday.db"}`)
		assert.ErrorIs(t, failure, subjects.ErrBadRequest)
		assert.Equal(t, "file", failure.Field)
		assert.NotContains(t, failure.Message, folder)
		kept, err := os.ReadFile(filepath.Join(folder, "monday.db"))
		require.NoError(t, err)
		assert.Equal(t, "kept", string(kept))
	})
}

func TestAdmin_Backup_Ugly(t *testing.T) {
	t.Run("AnotherOneIsUnderWay", func(t *testing.T) {
		bench := startService(t, handler.Config{BackupDirectory: t.TempDir()})
		release := bench.block()
		first := bench.send("store.admin.backup", `{"file":"monday.db"}`)
		bench.awaitRequests(1)
		failure := bench.refuse("store.admin.backup", `{"file":"tuesday.db"}`)
		assert.ErrorIs(t, failure, subjects.ErrUnavailable)
		assert.Equal(t, "store.Backup: another backup is under way; try again when it has ended", failure.Message)
		release()
		var reply subjects.BackupReply
		require.NoError(t, json.Unmarshal(first().Data, &reply))
		assert.Equal(t, "monday.db", reply.File)
	})
	t.Run("TheFolderIsGone", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "gone")
		bench := startService(t, handler.Config{BackupDirectory: folder})
		failure := bench.refuse("store.admin.backup", `{"file":"monday.db"}`)
		assert.ErrorIs(t, failure, subjects.ErrInternal)
		assert.NotContains(t, failure.Message, folder, "a path is for the log")
		assert.Contains(t, bench.logs.String(), folder)
	})
}

func TestAdmin_Compact_Good(t *testing.T) {
	folder := t.TempDir()
	bench := startService(t, handler.Config{ArchiveDirectory: folder})
	before := func() string { return time.Now().Format(time.RFC3339Nano) }
	assert.JSONEq(t, `{"archive":null,"entries":0}`, string(bench.request("store.admin.compact", `{"before":"`+before()+`"}`).Data))
	for _, format := range []string{"", `,"format":"gzip"`, `,"format":"zstd"`} {
		ask[subjects.JournalCommitReply](bench, "store.acme.journal_commit", `{"measurement":"m","fields":{"a":1}}`)
		reply := ask[subjects.CompactReply](bench, "store.admin.compact", `{"before":"`+before()+`"`+format+`}`)
		require.NotNil(t, reply.Archive)
		content, err := bench.store.VerifyArchive(filepath.Join(folder, *reply.Archive))
		require.NoError(t, err)
		assert.Equal(t, subjects.CompactReply{Archive: reply.Archive, Entries: 1, SHA256: content.SHA256}, reply)
		assert.Equal(t, format == `,"format":"zstd"`, strings.HasSuffix(*reply.Archive, ".jsonl.zst"))
	}
}

func TestAdmin_Compact_Bad(t *testing.T) {
	t.Run("TheRequest", func(t *testing.T) {
		bench := startService(t, handler.Config{ArchiveDirectory: t.TempDir()})
		for body, field := range map[string]string{
			`{}`: "before", `{"before":"soon"}`: "before", `{"before":"` + time.Now().Add(time.Hour).Format(time.RFC3339) + `"}`: "before",
			`{"before":"2026-11-22T10:00:00Z","format":"lz4"}`: "format", `{"before":"2026-11-22T10:00:00Z","output":"/tmp"}`: "output",
		} {
			failure := bench.refuse("store.admin.compact", body)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, field, failure.Field)
			assert.True(t, strings.HasPrefix(failure.Message, "store.Compact: "), failure.Message)
		}
	})
	t.Run("NoFolder", func(t *testing.T) {
		bench := startService(t, handler.Config{})
		failure := bench.refuse("store.admin.compact", `{"before":"2020-11-22T10:00:00Z"}`)
		assert.ErrorIs(t, failure, subjects.ErrUnavailable)
		assert.Equal(t, "store.Compact: this sidecar has no folder for archives; give it one with --archive-directory", failure.Message)
	})
}

func TestAdmin_Compact_Ugly(t *testing.T) {
	t.Run("AnotherOneIsUnderWay", func(t *testing.T) {
		bench := startService(t, handler.Config{ArchiveDirectory: t.TempDir()})
		release := bench.block()
		first := bench.send("store.admin.compact", `{"before":"2020-11-22T10:00:00Z"}`)
		bench.awaitRequests(1)
		failure := bench.refuse("store.admin.compact", `{"before":"2020-11-22T10:00:00Z"}`)
		assert.ErrorIs(t, failure, subjects.ErrUnavailable)
		assert.Equal(t, "store.Compact: another compaction is under way; try again when it has ended", failure.Message)
		release()
		assert.JSONEq(t, `{"archive":null,"entries":0}`, string(first().Data))
	})
	t.Run("TheFolderIsGone", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "gone")
		bench := startService(t, handler.Config{ArchiveDirectory: folder})
		failure := bench.refuse("store.admin.compact", `{"before":"2020-11-22T10:00:00Z"}`)
		assert.ErrorIs(t, failure, subjects.ErrUnavailable)
		assert.Equal(t, "store.Compact: unavailable: the folder of archives: lstat: no such file or directory", failure.Message)
	})
}
