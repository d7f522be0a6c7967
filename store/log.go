// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"encoding/binary"
	"strings"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
)

// Commit is one batch of the log: all changes of one transaction of the database. The events
// are shared; do not change them.
type Commit struct {
	// ID rises by one with each commit of the store.
	ID uint64
	// Events is empty if the row of the log is damaged. The log of the program then says so.
	Events []Event

	committedAt time.Time
	end         logTotals
	damaged     bool
}

// logTotals count everything ever logged in the life of the store, up to some commit. The part
// between two commits is the difference of their totals.
type logTotals struct {
	changes uint64
	bytes   uint64
}

func (totals logTotals) plus(commit *encodedCommit) logTotals {
	return logTotals{changes: totals.changes + uint64(commit.events), bytes: totals.bytes + uint64(len(commit.blob))}
}

func (totals logTotals) since(earlier logTotals) logTotals {
	return logTotals{changes: totals.changes - earlier.changes, bytes: totals.bytes - earlier.bytes}
}

// The log keeps the changes of a commit as one sealed blob. It has a section for each namespace
// that the commit touches:
//
//	namespace, first revision, number of changes, bytes of the changes, changes
//
// A reader of one namespace skips the others. Numbers are varints, texts
// are a length and bytes.
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

// section gathers the encoded changes of one namespace.
type section struct {
	namespace     string
	firstRevision uint64
	count         int
	changes       []byte
}

// add appends a change, which must carry the next revision of the section.
func (section *section) add(event *Event) {
	section.count++
	buffer := section.changes
	if buffer == nil {
		buffer = make([]byte, 0, len(event.Group)+len(event.Key)+len(event.Value)+changeOverhead)
	}
	buffer = append(buffer, eventFlags(event))
	buffer = binary.AppendUvarint(buffer, event.Previous)
	buffer = changelog.AppendText(buffer, event.LocalGroup())
	if event.Type != EventDeleteGroup {
		buffer = changelog.AppendText(buffer, event.Key)
	}
	if event.Type == EventSet {
		buffer = changelog.AppendText(buffer, event.Value)
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
		buffer = changelog.AppendText(buffer, event.TraceParent)
	}
	section.changes = buffer
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

// encodedCommit is the part of the log for one commit.
type encodedCommit struct {
	blob     []byte
	events   int
	sections []*section
}

func encodeCommit(sections []*section) *encodedCommit {
	commit := &encodedCommit{sections: sections}
	size := changelog.HeaderBytes
	for _, section := range sections {
		size += len(section.changes) + len(section.namespace) + 4*binary.MaxVarintLen32
	}
	commit.blob = make([]byte, changelog.HeaderBytes, size)
	for _, section := range sections {
		commit.events += section.count
		commit.blob = changelog.AppendText(commit.blob, section.namespace)
		commit.blob = binary.AppendUvarint(commit.blob, section.firstRevision)
		commit.blob = binary.AppendUvarint(commit.blob, uint64(section.count))
		commit.blob = binary.AppendUvarint(commit.blob, uint64(len(section.changes)))
		commit.blob = append(commit.blob, section.changes...)
	}
	changelog.Seal(commit.blob)
	return commit
}

// sectionHeader precedes the changes of a namespace.
type sectionHeader struct {
	namespace     string
	firstRevision uint64
	count         uint64
}

// decodeSections calls visit with each section of a blob; visit returns the
// events that it wants to see by returning a function for them, or nil to skip.
func decodeSections(blob []byte, committedAt time.Time, visit func(header sectionHeader) func(event *Event) bool) error {
	sections, err := changelog.Open(blob)
	if err != nil {
		return err
	}
	// One copy: every text of the commit is a part of it.
	reader := changelog.NewReader(string(sections))
	for reader.More() {
		header := sectionHeader{namespace: reader.Text(), firstRevision: reader.Number(), count: reader.Number()}
		changes := logReader{changelog.NewReader(reader.Text())}
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

// decodeEvents returns every event of a blob.
func decodeEvents(blob []byte, committedAt time.Time) (events []Event, err error) {
	err = decodeSections(blob, committedAt, func(sectionHeader) func(*Event) bool {
		return func(event *Event) bool {
			events = append(events, *event)
			return true
		}
	})
	return events, err
}

// logReader takes the changes of a section apart.
type logReader struct{ changelog.Reader }

// section gives the changes of a section to wanted, until it returns false.
func (reader *logReader) section(header sectionHeader, committedAt time.Time, wanted func(event *Event) bool) {
	for index := range header.count {
		event := reader.event(header.namespace, committedAt)
		event.Revision = header.firstRevision + index
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
	event.Group = wholeGroup(namespace, reader.Text())
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
		event.ExpiresAt = timeOfMilliseconds(reader.Signed())
	}
	if flags&flagTransaction != 0 {
		event.TransactionFirst, event.TransactionLast = reader.Number(), reader.Number()
	}
	if flags&flagTraceParent != 0 {
		event.TraceParent = reader.Text()
	}
	return event
}

// wholeGroup undoes NamespaceOf.
func wholeGroup(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + ":" + name
}

// localGroup is the name of a group within a namespace that it belongs to.
func localGroup(namespace, group string) string {
	return strings.TrimPrefix(group, wholeGroup(namespace, ""))
}

func timeOfMilliseconds(milliseconds int64) time.Time {
	if milliseconds == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milliseconds).UTC()
}
