// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// maxFileBytes is the longest name of a file of a backup.
const maxFileBytes = 128

// StatusRequest asks a sidecar how it is.
type StatusRequest struct{}

// Check is Request's.
func (StatusRequest) Check() error { return nil }

// StatusReply answers store.admin.status.
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
	// ClockAheadSeconds is by how much the store's time is ahead of the wall clock, which
	// was set back; 0 where it is the wall clock's.
	ClockAheadSeconds float64 `json:"clock_ahead_seconds"`
}

// QueueStatus is the work in hand: requests received and not yet answered.
type QueueStatus struct {
	Requests uint64 `json:"requests"`
	Bytes    uint64 `json:"bytes"`
	// ResultBytes is what was read for them and waits to be sent.
	ResultBytes  uint64 `json:"result_bytes"`
	RequestLimit uint64 `json:"request_limit"`
	// ByteLimit bounds Bytes and ResultBytes, each by itself.
	ByteLimit uint64 `json:"byte_limit"`
}

// NamespacesRequest asks for a page of the namespaces, in byte order of their names.
type NamespacesRequest struct {
	Prefix *string `json:"prefix,omitzero"`
	After  *string `json:"after,omitzero"`
	Limit  *int    `json:"limit,omitzero"`
}

// Check is Request's.
func (request NamespacesRequest) Check() error {
	return cmp.Or(checkOptional(request.Prefix, checkPrefix(MaxNamespaceBytes)), checkOptional(request.Limit, checkLimit))
}

// NamespaceStatus is one namespace: where it stands, and what it holds.
type NamespaceStatus struct {
	Namespace string `json:"namespace"`
	Revision  uint64 `json:"revision"`
	Keys      uint64 `json:"keys"`
	Groups    uint64 `json:"groups"`
	Bytes     uint64 `json:"bytes"`
}

// NamespacesReply is one page of namespaces. Next, where there is more, is handed
// back as After.
type NamespacesReply struct {
	Namespaces []NamespaceStatus `json:"namespaces"`
	Next       string            `json:"next,omitzero"`
}

// QuotaRequest changes what is given of a namespace's quota, and leaves the rest as
// it is. 0 is no limit.
type QuotaRequest struct {
	Namespace     *string `json:"namespace,omitzero" required:"true"`
	MaxKeys       *uint64 `json:"max_keys,omitzero"`
	MaxGroups     *uint64 `json:"max_groups,omitzero"`
	MaxBytes      *uint64 `json:"max_bytes,omitzero"`
	MaxValueBytes *uint64 `json:"max_value_bytes,omitzero"`
}

// Check is Request's.
func (request QuotaRequest) Check() error {
	return cmp.Or(
		checkRequired("namespace", request.Namespace, CheckNamespace),
		checkQuota("max_keys", request.MaxKeys),
		checkQuota("max_groups", request.MaxGroups),
		checkQuota("max_bytes", request.MaxBytes),
		checkQuota("max_value_bytes", request.MaxValueBytes))
}

// QuotaReply answers a quota: what stands. 0 is no limit.
type QuotaReply struct {
	Namespace     string `json:"namespace"`
	MaxKeys       uint64 `json:"max_keys"`
	MaxGroups     uint64 `json:"max_groups"`
	MaxBytes      uint64 `json:"max_bytes"`
	MaxValueBytes uint64 `json:"max_value_bytes"`
}

// PurgeRequest expires every key whose time has come.
type PurgeRequest struct{}

// Check is Request's.
func (PurgeRequest) Check() error { return nil }

// PurgeReply answers a purge: how many keys it has expired.
type PurgeReply struct {
	Expired uint64 `json:"expired"`
}

// BackupRequest copies the database into a file of the backup directory.
type BackupRequest struct {
	File *string `json:"file,omitzero" required:"true"`
}

// Check is Request's.
func (request BackupRequest) Check() error {
	return checkRequired("file", request.File, checkFileName)
}

// The formats of an archive.
const (
	ArchiveGzip = "gzip"
	ArchiveZstd = "zstd"
)

// CompactRequest moves journal entries that were committed before a time into an
// archive. Format is ArchiveGzip or ArchiveZstd; without it, the former.
type CompactRequest struct {
	Before *time.Time `json:"before,omitzero" required:"true"`
	Format *string    `json:"format,omitzero"`
}

// Check is Request's. Whether the time has come is the store's to say.
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

// CompactReply answers a compact. Archive is the name of the file in the archive
// directory, nil where there was nothing to archive, and SHA256 its sum in hex. More says
// that the archive ended early and that another compact finds the rest.
type CompactReply struct {
	Archive *string `json:"archive"`
	Entries uint64  `json:"entries"`
	SHA256  string  `json:"sha256,omitzero"`
	More    bool    `json:"more,omitzero"`
}

// checkFileName takes names that are files of a folder, and the same file on every
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

// BackupReply answers a backup.
type BackupReply struct {
	File  string `json:"file"`
	Bytes uint64 `json:"bytes"`
}
