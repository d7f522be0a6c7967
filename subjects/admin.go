// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// maxFileBytes is the longest name of a backup file.
const maxFileBytes = 128

// StatusRequest asks for the state of a sidecar.
type StatusRequest struct{}

// Check implements Request.
func (StatusRequest) Check() error { return nil }

// StatusReply is the reply to store.admin.status.
type StatusReply struct {
	Store                  string         `json:"store"`
	Instance               string         `json:"instance"`
	Version                string         `json:"version"`
	Prefix                 string         `json:"prefix"`
	Durability             string         `json:"durability"`
	Writable               bool           `json:"writable"`
	Reason                 string         `json:"reason,omitzero"`
	Backlog                uint64         `json:"backlog"`
	OldestUnpublishedAt    time.Time      `json:"oldest_unpublished_at,omitzero"`
	PendingMaterialisation uint64         `json:"pending_materialisation"`
	Queue                  QueueStatus    `json:"queue"`
	Namespaces             uint64         `json:"namespaces"`
	Entries                uint64         `json:"entries"`
	UnscopedEntries        uint64         `json:"unscoped_entries"`
	Journal                *JournalStatus `json:"journal"`
	// ClockAheadSeconds is by how much the store's time is ahead of the wall clock. It is
	// 0 unless the wall clock was set back.
	ClockAheadSeconds float64 `json:"clock_ahead_seconds"`
	// Time is that of the sidecar's machine when it replied.
	Time time.Time `json:"time"`
	// DatabaseBytes and WALBytes are the sizes of the database file and of SQLite's
	// write-ahead log; 0 of a database in memory.
	DatabaseBytes uint64 `json:"database_bytes"`
	WALBytes      uint64 `json:"wal_bytes"`
	// WALOldestSeconds is the age of the oldest page in the write-ahead log that no checkpoint
	// could take, because another process uses the file; 0 if there is none. WALHindered counts
	// the checkpoints that left such pages.
	WALOldestSeconds float64 `json:"wal_oldest_seconds"`
	WALHindered      uint64  `json:"wal_hindered"`
	// DamagedEntries counts the entries that the sidecar has found damaged since its start, and
	// RepairedEntries those of them that it took from the log again.
	DamagedEntries  uint64 `json:"damaged_entries,omitzero"`
	RepairedEntries uint64 `json:"repaired_entries,omitzero"`
	// DiskFreeBytes is the free space on the disk of the database. It is nil if the
	// database is in memory, or if the system does not report it.
	DiskFreeBytes *uint64 `json:"disk_free_bytes,omitzero"`
	// BackedUpBytes is how much a backup that is under way has copied.
	BackedUpBytes uint64 `json:"backed_up_bytes,omitzero"`
	// Sync has the times that commits wait for the disk, nil if none has.
	Sync *SyncStatus `json:"sync,omitzero"`
}

// SyncStatus is how long the commits since the start of the sidecar waited for the disk:
// half of them at most P50Seconds, and 99 of 100 at most P99Seconds.
type SyncStatus struct {
	Count      uint64  `json:"count"`
	P50Seconds float64 `json:"p50_seconds"`
	P99Seconds float64 `json:"p99_seconds"`
}

// QueueStatus counts the requests that were received and not answered yet.
type QueueStatus struct {
	Requests uint64 `json:"requests"`
	Bytes    uint64 `json:"bytes"`
	// ResultBytes counts results that were read for these requests and wait to be sent.
	ResultBytes  uint64 `json:"result_bytes"`
	RequestLimit uint64 `json:"request_limit"`
	// ByteLimit bounds Bytes, and separately ResultBytes.
	ByteLimit uint64 `json:"byte_limit"`
}

// NamespacesRequest asks for a page of the namespaces, in byte order of their names.
type NamespacesRequest struct {
	Prefix *string `json:"prefix,omitzero"`
	After  *string `json:"after,omitzero"`
	Limit  *int    `json:"limit,omitzero"`
}

// Check implements Request.
func (request NamespacesRequest) Check() error {
	return cmp.Or(checkOptional(request.Prefix, checkPrefix(MaxNamespaceBytes)), checkOptional(request.Limit, checkLimit))
}

// NamespaceStatus is one namespace: its revision and its contents in numbers. Bytes is
// the sum of the lengths of groups, keys and values.
type NamespaceStatus struct {
	Namespace string `json:"namespace"`
	Revision  uint64 `json:"revision"`
	Keys      uint64 `json:"keys"`
	Groups    uint64 `json:"groups"`
	Bytes     uint64 `json:"bytes"`
}

// NamespacesReply is one page of namespaces. Pass Next as After to get the next page. An
// empty Next ends the list.
type NamespacesReply struct {
	Namespaces []NamespaceStatus `json:"namespaces"`
	Next       string            `json:"next,omitzero"`
}

// QuotaRequest changes the limits that are given, and leaves the other limits unchanged.
// 0 is no limit. The namespace AllNamespaces has the limits of each namespace without a quota of its
// own.
type QuotaRequest struct {
	Namespace         *string `json:"namespace,omitzero" required:"true"`
	MaxKeys           *uint64 `json:"max_keys,omitzero"`
	MaxGroups         *uint64 `json:"max_groups,omitzero"`
	MaxBytes          *uint64 `json:"max_bytes,omitzero"`
	MaxValueBytes     *uint64 `json:"max_value_bytes,omitzero"`
	MaxJournalBytes   *uint64 `json:"max_journal_bytes,omitzero"`
	MaxWorkspaceBytes *uint64 `json:"max_workspace_bytes,omitzero"`
	MaxLogBytes       *uint64 `json:"max_log_bytes,omitzero"`
}

// Check implements Request.
func (request QuotaRequest) Check() error {
	return cmp.Or(
		checkRequired("namespace", request.Namespace, checkQuotaNamespace),
		checkQuota("max_keys", request.MaxKeys),
		checkQuota("max_groups", request.MaxGroups),
		checkQuota("max_bytes", request.MaxBytes),
		checkQuota("max_value_bytes", request.MaxValueBytes),
		checkQuota("max_journal_bytes", request.MaxJournalBytes),
		checkQuota("max_workspace_bytes", request.MaxWorkspaceBytes),
		checkQuota("max_log_bytes", request.MaxLogBytes))
}

// AllNamespaces is the namespace of a quota for all namespaces without a quota of their own.
const AllNamespaces = "*"

func checkQuotaNamespace(namespace string) error {
	if namespace == AllNamespaces {
		return nil
	}
	return CheckNamespace(namespace)
}

// QuotaReply is the reply to a quota: all limits of the namespace. 0 is no limit.
type QuotaReply struct {
	Namespace         string `json:"namespace"`
	MaxKeys           uint64 `json:"max_keys"`
	MaxGroups         uint64 `json:"max_groups"`
	MaxBytes          uint64 `json:"max_bytes"`
	MaxValueBytes     uint64 `json:"max_value_bytes"`
	MaxJournalBytes   uint64 `json:"max_journal_bytes"`
	MaxWorkspaceBytes uint64 `json:"max_workspace_bytes"`
	MaxLogBytes       uint64 `json:"max_log_bytes"`
}

// PurgeRequest expires every key that is past its deadline.
type PurgeRequest struct{}

// Check implements Request.
func (PurgeRequest) Check() error { return nil }

// PurgeReply is the reply to a purge: the number of expired keys.
type PurgeReply struct {
	Expired uint64 `json:"expired"`
}

// BackupRequest copies the database into a file of the backup directory.
type BackupRequest struct {
	File *string `json:"file,omitzero" required:"true"`
}

// Check implements Request.
func (request BackupRequest) Check() error {
	return checkRequired("file", request.File, checkFileName)
}

// The formats of an archive.
const (
	ArchiveGzip = "gzip"
	ArchiveZstd = "zstd"
)

// CompactRequest moves journal entries that were committed before a time into an archive.
// Format is ArchiveGzip or ArchiveZstd; nil is ArchiveGzip.
type CompactRequest struct {
	Before *time.Time `json:"before,omitzero" required:"true"`
	Format *string    `json:"format,omitzero"`
}

// Check implements Request. It does not check whether Before is in the future: only the
// store's clock can tell.
func (request CompactRequest) Check() error {
	switch {
	case request.Before == nil:
		return BadField("before", "before is required: the time before which entries are archived, such as 2026-11-22T10:00:00Z")
	case request.Before.IsZero():
		return BadField("before", "before is a time in the past, not that of year 1")
	}
	return checkOptional(request.Format, checkArchiveFormat)
}

func checkArchiveFormat(format string) error {
	if format != ArchiveGzip && format != ArchiveZstd {
		return BadField("format", fmt.Sprintf("format is %q or %q, not %s", ArchiveGzip, ArchiveZstd, quote(format)))
	}
	return nil
}

// CompactReply is the reply to a compact. Archive is the name of the file in the archive
// directory, nil if there was nothing to archive. SHA256 is the sum of the file in hex.
// More says that the archive ended early and that another compact finds the rest.
type CompactReply struct {
	Archive *string `json:"archive"`
	Entries uint64  `json:"entries"`
	SHA256  string  `json:"sha256,omitzero"`
	More    bool    `json:"more,omitzero"`
}

// checkFileName accepts names that are files of a folder, and the same file on every
// system: letters, digits, - and _, and single dots inside.
func checkFileName(name string) error {
	if name == "" || len(name) > maxFileBytes {
		return BadField("file", fmt.Sprintf("file is 1 to %d characters, not %d", maxFileBytes, len(name)))
	}
	begins, ends := name[0], name[len(name)-1]
	bounded := isNamespaceByte(begins) && begins != '-' && ends != '.'
	if !bounded || strings.Contains(name, "..") || strings.ContainsFunc(name, isNoFileRune) {
		return BadField("file", fmt.Sprintf("file is a name such as monday.db, of letters, digits, - and _, with single dots, beginning with a letter or a digit; not %s", quote(name)))
	}
	return nil
}

func isNoFileRune(char rune) bool {
	return char != '.' && char != '_' && (char >= notASCII || !isNamespaceByte(byte(char)))
}

// BackupReply is the reply to a backup: the name and the size of the file.
type BackupReply struct {
	File  string `json:"file"`
	Bytes uint64 `json:"bytes"`
}
