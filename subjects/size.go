// SPDX-License-Identifier: EUPL-1.2

package subjects

import "encoding/base64"

const (
	// MaxStoreBytes is the longest store id that EnvelopeBytes has room for.
	MaxStoreBytes = 64

	// EnvelopeBytes is room for everything of an entry or an event but its group,
	// key and value: member names, numbers, times, namespace and store id.
	EnvelopeBytes = 512

	// PageBytes is room for everything of a page but its elements, the longest
	// cursor included: elements whose Sizes make up no more than the rest of a
	// message fit it together. So it is for the replies to get_many and transaction.
	PageBytes = 256 + MaxCursorBytes

	// entryBytes and eventBytes are the same for an element by itself, without
	// namespace and store id, and with the comma before it; groupBytes,
	// namespaceBytes, workspaceBytes and resultBytes for the other elements.
	entryBytes     = 192
	eventBytes     = 360
	groupBytes     = 80
	namespaceBytes = 160
	workspaceBytes = 128
	resultBytes    = 128

	// maxEscape is the most that one byte of a string can grow to, \u0000.
	maxEscape = 6
)

// EntrySize is an upper bound of the bytes that an entry takes as the reply to a
// get and as an event, in any namespace of a store whose id is at most
// MaxStoreBytes long. The names and the value count with their escapes or their
// base64 exactly.
func EntrySize(group, key, value string) int {
	return EnvelopeBytes + nameSize(group) + nameSize(key) + valueSize(value)
}

// EntryFits reports whether EntrySize is within limit. It looks at the bytes only
// where their number leaves it open.
func EntryFits(group, key, value string, limit int) bool {
	shortest, length := EntrySize("", "", ""), len(group)+len(key)+len(value)
	if shortest+maxEscape*length <= limit {
		return true
	}
	return shortest+length <= limit && EntrySize(group, key, value) <= limit
}

// Size is an upper bound of the bytes that AppendEntry appends, and a comma.
func (entry *EntryRecord) Size() int {
	size := entryBytes + nameSize(entry.Group) + nameSize(entry.Key)
	if entry.KeysOnly || entry.Missing || entry.ValueOmitted {
		return size
	}
	return size + valueSize(entry.Value)
}

// OmitBeyond leaves the value out where the entry would be larger than limit with it. It
// looks at the bytes only where their number leaves it open.
func (entry *EntryRecord) OmitBeyond(limit int) {
	longest := entryBytes + maxEscape*(len(entry.Group)+len(entry.Key)+len(entry.Value)+1)
	entry.ValueOmitted = !entry.KeysOnly && !entry.Missing && longest > limit && entry.Size() > limit
}

// Size is an upper bound of the bytes that AppendEvent appends, and a comma.
func (event *EventRecord) Size() int {
	size := eventBytes + nameSize(event.Store) + nameSize(event.Namespace) + nameSize(event.Group) + nameSize(event.Key)
	if event.Type != EventSet || event.ValueOmitted {
		return size
	}
	return size + valueSize(event.Value)
}

// Size is an upper bound of the bytes that the group takes in a page, and a comma.
func (group *GroupStatus) Size() int { return groupBytes + nameSize(group.Group) }

// Size is an upper bound of the bytes that the namespace takes in a page, and a comma.
func (namespace *NamespaceStatus) Size() int { return namespaceBytes + nameSize(namespace.Namespace) }

// Size is an upper bound of the bytes that the workspace takes in a page, and a comma.
func (workspace *WorkspaceStatus) Size() int { return workspaceBytes + nameSize(workspace.Workspace) }

// Size is an upper bound of the bytes that the result takes among those of a
// transaction, and a comma.
func (result *ResultRecord) Size() int {
	if result.Op == VerbGet {
		return result.Entry.Size()
	}
	return resultBytes
}

func nameSize(name string) int {
	size, _ := stringSize(name)
	return size
}

// valueSize is the size of a value as appendContent writes it.
func valueSize(value string) int {
	size, valid := stringSize(value)
	if valid {
		return size
	}
	return len(`""`) + base64.StdEncoding.EncodedLen(len(value))
}
