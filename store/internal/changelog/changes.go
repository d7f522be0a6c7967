// SPDX-License-Identifier: EUPL-1.2

package changelog

import (
	"encoding/binary"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
)

// The log keeps the changes of a commit as one sealed blob. It has a section for each namespace
// that the commit touches:
//
//	namespace, first revision, number of changes, bytes of the changes, changes
//
// A reader of one namespace skips the others. Numbers are varints. A text is a length and bytes.

// The flags of a change share a byte with its type.
const (
	flagTypeMask    = 0b0000_0111
	flagCreated     = 0b0000_1000
	flagExpires     = 0b0001_0000
	flagTransaction = 0b0010_0000
	flagTraceParent = 0b0100_0000
	flagFromCaller  = 0b1000_0000
)

// changeOverhead is the size of a change without its texts, in most cases.
const changeOverhead = 24

// NamespaceChanges gathers the encoded changes of one namespace, or tells of them.
type NamespaceChanges struct {
	Namespace     string
	FirstRevision uint64
	Count         uint64
	// Bytes is the size of the section in the blob, once it is there.
	Bytes uint64
	// BytesLogged is for the log that keeps the section: the size of all sections that the
	// namespace ever had, with this one.
	BytesLogged uint64

	// changes are the encoded changes without long values. values are these, in order, and valueBytes is
	// their size together.
	changes    []byte
	values     []longValue
	valueBytes int
}

// longValue is a value that is copied only once, into the blob. Its place is among the encoded changes.
type longValue struct {
	place int
	value string
}

// longValueBytes is the length from which a value is kept apart until the blob is made.
const longValueBytes = 512

// Behind returns the revision behind the changes.
func (section *NamespaceChanges) Behind() uint64 { return section.FirstRevision + section.Count }

// Add appends a change, which must carry the next revision of the namespace.
func (section *NamespaceChanges) Add(event *Event) {
	section.Count++
	buffer := section.changes
	if buffer == nil {
		buffer = make([]byte, 0, len(event.Group)+len(event.Key)+min(len(event.Value), longValueBytes)+changeOverhead)
	}
	buffer = append(buffer, eventFlags(event))
	buffer = binary.AppendUvarint(buffer, event.Previous)
	buffer = AppendText(buffer, event.LocalGroup())
	if event.Type != EventDeleteGroup {
		buffer = AppendText(buffer, event.Key)
	}
	if event.Type == EventSet {
		buffer = section.appendValue(buffer, event.Value)
	}
	// The groups' change is -1, 0 or 1.
	buffer = binary.AppendUvarint(buffer, uint64(event.replaced)<<2|uint64(event.groups+1))
	if event.Type == EventDeleteGroup {
		buffer = binary.AppendUvarint(buffer, uint64(event.removed))
	}
	if !event.ExpiresAt.IsZero() {
		buffer = binary.AppendVarint(buffer, event.ExpiresAt.UnixMilli())
	}
	if event.TransactionFirst != 0 {
		buffer = binary.AppendUvarint(buffer, event.TransactionFirst)
		buffer = binary.AppendUvarint(buffer, event.TransactionLast)
	}
	if event.TraceParent != "" {
		buffer = AppendText(buffer, event.TraceParent)
	}
	section.changes = buffer
}

// appendValue appends a value, or only the length of a long one.
func (section *NamespaceChanges) appendValue(buffer []byte, value string) []byte {
	if len(value) < longValueBytes {
		return AppendText(buffer, value)
	}
	buffer = binary.AppendUvarint(buffer, uint64(len(value)))
	section.values = append(section.values, longValue{len(buffer), value})
	section.valueBytes += len(value)
	return buffer
}

// appendChanges appends all changes with their values.
func (section *NamespaceChanges) appendChanges(blob []byte) []byte {
	from := 0
	for _, long := range section.values {
		blob = append(append(blob, section.changes[from:long.place]...), long.value...)
		from = long.place
	}
	return append(blob, section.changes[from:]...)
}

func eventFlags(event *Event) byte {
	flags := byte(event.Type)
	for _, flag := range [...]struct {
		set bool
		bit byte
	}{
		{event.Created, flagCreated},
		{!event.ExpiresAt.IsZero(), flagExpires},
		{event.TransactionFirst != 0, flagTransaction},
		{event.TraceParent != "", flagTraceParent},
		{event.fromCaller, flagFromCaller},
	} {
		if flag.set {
			flags |= flag.bit
		}
	}
	return flags
}

// Changes are the changes of one commit as they are in the log. The zero value is a commit that
// changes no entry.
type Changes struct {
	// Blob is the blob of Record.Changes.
	Blob []byte
	// Count is the number of changes.
	Count int
	// Namespaces tells of the changed namespaces.
	Namespaces []*NamespaceChanges
}

// EncodeChanges puts the changes of a commit together.
func EncodeChanges(namespaces []*NamespaceChanges) *Changes {
	commit := &Changes{Namespaces: namespaces}
	size := headerBytes
	for _, section := range namespaces {
		size += len(section.changes) + section.valueBytes + len(section.Namespace) + 4*binary.MaxVarintLen32
	}
	commit.Blob = make([]byte, headerBytes, size)
	for _, section := range namespaces {
		begin := len(commit.Blob)
		commit.Count += int(section.Count)
		commit.Blob = AppendText(commit.Blob, section.Namespace)
		commit.Blob = binary.AppendUvarint(commit.Blob, section.FirstRevision)
		commit.Blob = binary.AppendUvarint(commit.Blob, section.Count)
		commit.Blob = binary.AppendUvarint(commit.Blob, uint64(len(section.changes)+section.valueBytes))
		commit.Blob = section.appendChanges(commit.Blob)
		section.Bytes = uint64(len(commit.Blob) - begin)
	}
	seal(commit.Blob)
	return commit
}

// ChangesOf returns the changes that a blob has.
func ChangesOf(blob []byte) (*Changes, error) {
	changes := &Changes{Blob: blob}
	err := ReadChanges(blob, time.Time{}, func(namespace NamespaceChanges) func(*Event) bool {
		changes.Namespaces = append(changes.Namespaces, &namespace)
		changes.Count += int(namespace.Count)
		return nil
	})
	return changes, err
}

// ReadChanges calls visit with each namespace of a blob. visit returns a function for the
// events, which returns false when it has enough, or nil to skip the namespace.
func ReadChanges(blob []byte, committedAt time.Time, visit func(namespace NamespaceChanges) func(event *Event) bool) error {
	sections, err := open(blob)
	if err != nil {
		return err
	}
	// One copy: every text of the commit is a part of it.
	reader := newReader(string(sections))
	for reader.More() {
		header, changes := readSection(&reader)
		if reader.Failed() {
			break
		}
		if wanted := visit(header); wanted != nil {
			changes.section(header, committedAt, wanted)
		}
		if changes.Failed() {
			reader.Fail()
		}
	}
	return reader.End()
}

// readSection reads the next section of a blob.
func readSection(reader *Reader) (header NamespaceChanges, changes logReader) {
	before := len(reader.rest)
	header = NamespaceChanges{Namespace: reader.Text(), FirstRevision: reader.Number(), Count: reader.Number()}
	changes = logReader{newReader(reader.Text())}
	header.Bytes = uint64(before - len(reader.rest))
	return header, changes
}

// Thin returns a blob without the sections that are not to be kept, empty if none is. It gives each
// event that is left out to gone. It returns ErrDamaged as ReadChanges does.
func Thin(blob []byte, committedAt time.Time, keeps func(section *NamespaceChanges) bool, gone func(event *Event)) (thinned []byte, err error) {
	sections, err := open(blob)
	if err != nil {
		return nil, err
	}
	reader := newReader(string(sections))
	thinned = make([]byte, headerBytes, len(blob))
	for reader.More() {
		rest := reader.rest
		header, changes := readSection(&reader)
		if reader.Failed() {
			break
		}
		if keeps(&header) {
			thinned = append(thinned, rest[:header.Bytes]...)
			continue
		}
		changes.section(header, committedAt, func(event *Event) bool {
			gone(event)
			return true
		})
		if changes.Failed() {
			reader.Fail()
		}
	}
	if err := reader.End(); err != nil || len(thinned) == headerBytes {
		return nil, err
	}
	seal(thinned)
	return thinned, nil
}

// decodeEvents returns every event of a blob.
func decodeEvents(blob []byte, committedAt time.Time) (events []Event, err error) {
	err = ReadChanges(blob, committedAt, func(NamespaceChanges) func(*Event) bool {
		return func(event *Event) bool {
			events = append(events, *event)
			return true
		}
	})
	return events, err
}

// logReader takes the changes of a section apart.
type logReader struct{ Reader }

// section gives the changes of a section to wanted, until it returns false.
func (reader *logReader) section(header NamespaceChanges, committedAt time.Time, wanted func(event *Event) bool) {
	for index := range header.Count {
		event := reader.event(header.Namespace, committedAt)
		event.Revision = header.FirstRevision + index
		if reader.Failed() || !wanted(&event) {
			return
		}
	}
	// There are as many changes as the header tells, and nothing else.
	if reader.More() {
		reader.Fail()
	}
}

func (reader *logReader) event(namespace string, committedAt time.Time) Event {
	flags := reader.Byte()
	event := Event{
		Type:       EventType(flags & flagTypeMask),
		Namespace:  namespace,
		Created:    flags&flagCreated != 0,
		fromCaller: flags&flagFromCaller != 0,
		Previous:   reader.Number(),
		Timestamp:  committedAt,
	}
	event.Group = kv.WholeGroup(namespace, reader.Text())
	if event.Type != EventDeleteGroup {
		event.Key = reader.Text()
	}
	if event.Type == EventSet {
		event.Value = reader.Text()
	}
	counters := reader.Number()
	event.replaced, event.groups = int64(counters>>2), int8(counters&3)-1
	if event.Type == EventDeleteGroup {
		event.removed = int64(reader.Number())
	}
	if flags&flagExpires != 0 {
		event.ExpiresAt = kv.TimeOfMilliseconds(reader.Signed())
	}
	if flags&flagTransaction != 0 {
		event.TransactionFirst, event.TransactionLast = reader.Number(), reader.Number()
	}
	if flags&flagTraceParent != 0 {
		event.TraceParent = reader.Text()
	}
	return event
}
