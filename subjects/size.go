// SPDX-License-Identifier: EUPL-1.2

package subjects

import "encoding/base64"

const (
	// MaxStoreBytes is the longest store id that EnvelopeBytes has room for.
	MaxStoreBytes = 64

	// EnvelopeBytes is room for all of an entry or an event except its group, key and
	// value: member names, numbers, times, namespace and store id.
	EnvelopeBytes = 512

	// PageBytes is room for all of a page except its elements, including the longest
	// cursor. Elements fit one message if their Sizes together are at most the rest of
	// the message. The same holds for the replies to get_many and transaction.
	PageBytes = 256 + MaxCursorBytes

	// entryBytes and eventBytes are room for one element of a page, without namespace and
	// store id, and with the comma before it. groupBytes, namespaceBytes, workspaceBytes
	// and resultBytes are room for the other elements.
	entryBytes     = 192
	eventBytes     = 360
	groupBytes     = 80
	namespaceBytes = 160
	workspaceBytes = 128
	resultBytes    = 128

	// maxEscape is the most bytes that one byte of a string can take, \u0000.
	maxEscape = 6
)

// EntrySize returns an upper bound for the bytes of an entry, as the reply to a get and
// as an event. It holds in any namespace of a store whose id has at most MaxStoreBytes.
// The names and the value count exactly, with their escapes or their base64.
func EntrySize(group, key, value string) int {
	return EnvelopeBytes + nameSize(group) + nameSize(key) + valueSize(value)
}

// EntryFits reports whether EntrySize is within limit. It reads the bytes only if their
// number does not decide it.
func EntryFits(group, key, value string, limit int) bool {
	shortest, length := EntrySize("", "", ""), len(group)+len(key)+len(value)
	if shortest+maxEscape*length <= limit {
		return true
	}
	return shortest+length <= limit && EntrySize(group, key, value) <= limit
}

// Size returns an upper bound for the bytes that AppendEntry appends, and a comma.
func (entry *EntryRecord) Size() int {
	size := entryBytes + nameSize(entry.Group) + nameSize(entry.Key)
	if entry.KeysOnly || entry.Missing || entry.ValueOmitted {
		return size
	}
	return size + valueSize(entry.Value)
}

// OmitBeyond leaves the value out if the entry with its value would be larger than limit.
// It reads the bytes only if their number does not decide it.
func (entry *EntryRecord) OmitBeyond(limit int) {
	longest := entryBytes + maxEscape*(len(entry.Group)+len(entry.Key)+len(entry.Value)+1)
	entry.ValueOmitted = !entry.KeysOnly && !entry.Missing && longest > limit && entry.Size() > limit
}

// Size returns an upper bound for the bytes that AppendEvent appends, and a comma.
func (event *EventRecord) Size() int {
	size := eventBytes + nameSize(event.Store) + nameSize(event.Namespace) + nameSize(event.Group) + nameSize(event.Key)
	if event.Type != EventSet || event.ValueOmitted {
		return size
	}
	return size + valueSize(event.Value)
}

// Size returns an upper bound for the bytes of the group in a page, and a comma.
func (group *GroupStatus) Size() int { return groupBytes + nameSize(group.Group) }

// Size returns an upper bound for the bytes of the namespace in a page, and a comma.
func (namespace *NamespaceStatus) Size() int { return namespaceBytes + nameSize(namespace.Namespace) }

// Size returns an upper bound for the bytes of the workspace in a page, and a comma.
func (workspace *WorkspaceStatus) Size() int { return workspaceBytes + nameSize(workspace.Workspace) }

// Size returns an upper bound for the bytes of the result in the reply to a transaction,
// and a comma.
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

// valueSize returns the size of a value as appendContent writes it.
func valueSize(value string) int {
	size, valid := stringSize(value)
	if valid {
		return size
	}
	return len(`""`) + base64.StdEncoding.EncodedLen(len(value))
}
