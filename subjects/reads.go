// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"time"
)

// EntryName names one entry; Group defaults to DefaultGroup.
type EntryName struct {
	Group *string `json:"group,omitzero"`
	Key   *string `json:"key,omitzero" required:"true"`
}

// GetManyRequest asks for at most MaxElements entries, all read at one point.
type GetManyRequest struct {
	Entries []EntryName `json:"entries,omitzero" required:"true"`
}

// Check implements Request.
func (request GetManyRequest) Check() error {
	if request.Entries == nil {
		return BadField("entries", "entries is required: a list of objects with group and key")
	}
	if err := checkElements("entries", len(request.Entries)); err != nil {
		return err
	}
	for index, name := range request.Entries {
		if err := checkEntry(name.Group, name.Key); err != nil {
			return within("entries", index, err)
		}
	}
	return nil
}

// Lookup is the result for one of several keys: an entry, or only the names and Missing.
type Lookup struct {
	Group string `json:"group"`
	Key   string `json:"key"`
	Content
	Revision     uint64    `json:"revision,omitzero"`
	UpdatedAt    time.Time `json:"updated_at,omitzero"`
	ExpiresAt    time.Time `json:"expires_at,omitzero"`
	Missing      bool      `json:"missing,omitzero"`
	ValueOmitted bool      `json:"value_omitted,omitzero"`
}

// GetManyReply is the reply to a get_many, in the order of the request.
type GetManyReply struct {
	Entries  []Lookup `json:"entries"`
	Revision uint64   `json:"revision"`
}

// ScanRequest asks for a page of a namespace, in byte order of groups and keys. Prefix
// selects groups by their names. The reply is a ListReply.
type ScanRequest struct {
	Prefix   *string `json:"prefix,omitzero"`
	After    *string `json:"after,omitzero"`
	Limit    *int    `json:"limit,omitzero"`
	KeysOnly *bool   `json:"keys_only,omitzero"`
}

// Check implements Request.
func (request ScanRequest) Check() error {
	return cmp.Or(checkOptional(request.Prefix, checkPrefix(MaxGroupBytes)), checkOptional(request.Limit, checkLimit))
}

// CountRequest asks for the number of keys of a group, or of the groups whose names begin
// with Prefix. Without both it counts the keys of the namespace. Group has no default
// here.
type CountRequest struct {
	Group  *string `json:"group,omitzero"`
	Prefix *string `json:"prefix,omitzero"`
}

// Check implements Request.
func (request CountRequest) Check() error {
	if request.Group != nil && request.Prefix != nil {
		return BadField("prefix", "count takes group or prefix, or neither for the namespace; not both")
	}
	return cmp.Or(checkOptional(request.Group, CheckGroup), checkOptional(request.Prefix, checkPrefix(MaxGroupBytes)))
}

// CountReply is the reply to a count.
type CountReply struct {
	Count    uint64 `json:"count"`
	Revision uint64 `json:"revision"`
}

// GroupsRequest asks for a page of the groups that hold keys, in byte order of their
// names.
type GroupsRequest struct {
	Prefix *string `json:"prefix,omitzero"`
	After  *string `json:"after,omitzero"`
	Limit  *int    `json:"limit,omitzero"`
}

// Check implements Request.
func (request GroupsRequest) Check() error {
	return cmp.Or(checkOptional(request.Prefix, checkPrefix(MaxGroupBytes)), checkOptional(request.Limit, checkLimit))
}

// GroupStatus is one group: its number of keys, and the revision of its last change.
type GroupStatus struct {
	Group    string `json:"group"`
	Keys     uint64 `json:"keys"`
	Revision uint64 `json:"revision"`
}

// GroupsReply is one page of groups. Pass Next as After to get the next page. An empty
// Next ends the list.
type GroupsReply struct {
	Groups   []GroupStatus `json:"groups"`
	Next     string        `json:"next,omitzero"`
	Revision uint64        `json:"revision"`
}

// UsageRequest asks for the usage and the quota of a namespace.
type UsageRequest struct{}

// Check implements Request.
func (UsageRequest) Check() error { return nil }

// UsageReply is the reply to a usage. A limit of 0 is no limit. Bytes is the sum of the
// lengths of groups, keys and values, JournalBytes is the size of the journal entries in no archive,
// WorkspaceBytes the size of the workspaces' files, and LogBytes that of the changes in the log.
type UsageReply struct {
	MaxKeys           uint64 `json:"max_keys"`
	MaxGroups         uint64 `json:"max_groups"`
	MaxBytes          uint64 `json:"max_bytes"`
	MaxValueBytes     uint64 `json:"max_value_bytes"`
	MaxJournalBytes   uint64 `json:"max_journal_bytes"`
	MaxWorkspaceBytes uint64 `json:"max_workspace_bytes"`
	MaxLogBytes       uint64 `json:"max_log_bytes"`
	Keys              uint64 `json:"keys"`
	Groups            uint64 `json:"groups"`
	Bytes             uint64 `json:"bytes"`
	JournalBytes      uint64 `json:"journal_bytes"`
	WorkspaceBytes    uint64 `json:"workspace_bytes"`
	LogBytes          uint64 `json:"log_bytes"`
	Revision          uint64 `json:"revision"`
	Store             string `json:"store"`
}
