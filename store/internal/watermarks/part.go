// SPDX-License-Identifier: EUPL-1.2

package watermarks

import (
	"encoding/binary"
	"maps"
	"slices"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
)

// part has the watermarks that a batch saves, by the names of the consumers. The watermark of a
// consumer that goes is nil.
type part struct {
	watermarks map[string]*changelog.Position
	// lasting tells that a consumer comes or goes. Then the log is held, or let go.
	lasting bool
}

func (part *part) set(name string, watermark *changelog.Position) {
	if part.watermarks == nil {
		part.watermarks = map[string]*changelog.Position{}
	}
	part.watermarks[name] = watermark
}

// MergeInto adds the watermarks to those of the batch below.
func (part *part) MergeInto(below *batch.Batch) {
	for name, watermark := range part.watermarks {
		slot.In(below).set(name, watermark)
	}
	slot.In(below).lasting = part.lasting || slot.Of(below).lasting
}

// Empty reports whether no watermark changes.
func (part *part) Empty() bool { return len(part.watermarks) == 0 }

// Waits is short for a watermark that moves: after a crash commits come again.
func (part *part) Waits() batch.Waiting {
	if part.lasting {
		return batch.WaitsAsUsual
	}
	return batch.WaitsNot
}

// AppendTo appends the names with their watermarks, in the order of the names.
func (part *part) AppendTo(section []byte) []byte {
	for _, name := range slices.Sorted(maps.Keys(part.watermarks)) {
		section = changelog.AppendText(section, name)
		watermark := part.watermarks[name]
		if watermark == nil {
			section = append(section, 0)
			continue
		}
		section = append(section, 1)
		section = binary.AppendUvarint(section, watermark.CommitID)
		section = binary.AppendUvarint(section, watermark.End.Changes)
		section = binary.AppendUvarint(section, watermark.End.Bytes)
	}
	return section
}
