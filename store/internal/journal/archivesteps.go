// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"encoding/binary"
	"fmt"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// errDeliveredMeanwhile is the failure of a compaction beside a delivery that the configuration has
// not told of.
var errDeliveredMeanwhile = fmt.Errorf("%w: entries were delivered while they were archived; name the endpoint in StoreConfig.Journal", failure.ErrUnavailable)

// Begin returns the command that makes the row of the archive, which is not finished.
func (archive *Archive) Begin() commands.Command {
	return beginArchiveCommand{folder: archive.Folder, name: archive.Name}
}

type beginArchiveCommand struct{ folder, name string }

func (command beginArchiveCommand) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	slot.In(batch).add(&archiveBegun{folder: command.folder, name: command.name, begunAt: batch.Timestamp().UnixNano()})
	return commands.Outcome{}, nil
}

func (beginArchiveCommand) Groups() []string { return nil }

// archiveBegun is the row of an archive that is not finished.
type archiveBegun struct {
	ordinaryStep
	folder, name string
	begunAt      int64
}

func (*archiveBegun) kind() stepKind { return kindArchiveBegun }

// waits is long: the row names the file to remove after a crash.
func (*archiveBegun) waits() batch.Waiting { return batch.WaitsAlways }

func (begun *archiveBegun) save(transaction *sqlite.Transaction, table *Table) {
	transaction.Execute(table.Archives.insert, begun.folder, begun.name, begun.begunAt)
}

func (begun *archiveBegun) appendTo(section []byte) []byte {
	section = changelog.AppendText(section, begun.folder)
	section = changelog.AppendText(section, begun.name)
	return binary.AppendVarint(section, begun.begunAt)
}

func (begun *archiveBegun) read(section *changelog.Reader) {
	begun.folder, begun.name, begun.begunAt = section.Text(), section.Text(), section.Signed()
}

// ForgetArchives returns the command that removes the rows of archives. They were never finished,
// and their files are removed.
func ForgetArchives(unfinished []Archive) commands.Command { return forgetArchivesCommand{unfinished} }

type forgetArchivesCommand struct{ unfinished []Archive }

func (command forgetArchivesCommand) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	forgotten := &archivesForgotten{}
	for index := range command.unfinished {
		forgotten.names = append(forgotten.names, command.unfinished[index].Name)
	}
	slot.In(batch).add(forgotten)
	return commands.Outcome{}, nil
}

func (forgetArchivesCommand) Groups() []string { return nil }

// archivesForgotten removes the rows of archives that were never finished.
type archivesForgotten struct {
	ordinaryStep
	names []string
}

func (*archivesForgotten) kind() stepKind { return kindArchivesForgotten }

// waits is short: files that are gone are removed once more after a crash.
func (*archivesForgotten) waits() batch.Waiting { return batch.WaitsNot }

func (forgotten *archivesForgotten) save(transaction *sqlite.Transaction, table *Table) {
	for _, name := range forgotten.names {
		transaction.Execute(table.Archives.forget, name)
	}
}

func (forgotten *archivesForgotten) appendTo(section []byte) []byte {
	section = binary.AppendUvarint(section, uint64(len(forgotten.names)))
	for _, name := range forgotten.names {
		section = changelog.AppendText(section, name)
	}
	return section
}

func (forgotten *archivesForgotten) read(section *changelog.Reader) {
	for left := section.Number(); left > 0 && !section.Failed(); left-- {
		forgotten.names = append(forgotten.names, section.Text())
	}
}

// Finish returns the command that takes the entries of the archive out of the journal. The file is in
// its place. From then on nobody sees the entries, and their rows are removed slice by slice.
func (archive *Archive) Finish() commands.Command { return finishArchiveCommand{archive} }

type finishArchiveCommand struct{ archive *Archive }

func (command finishArchiveCommand) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	archive, through := command.archive, positions{}
	for namespace := range archive.pending {
		if positionIn(batch, namespace) != archive.Positions[namespace] {
			return commands.Outcome{}, errDeliveredMeanwhile
		}
		through[namespace] = archive.last()
	}
	slot.In(batch).add(&archiveFinished{
		name: archive.Name, finishedAt: batch.Timestamp().UnixNano(), entries: archive.Entries, sha256: archive.SHA256,
		lastEntryID: archive.lastEntryID, spans: archive.spans, positions: through, added: archive.taken,
	})
	return commands.Outcome{}, nil
}

func (finishArchiveCommand) Groups() []string { return nil }

// archiveFinished is an archive with its entries, whose rows go.
type archiveFinished struct {
	ordinaryStep
	name        string
	finishedAt  int64
	entries     int64
	sha256      string
	lastEntryID int64
	spans       []span
	// positions are those of the namespaces whose pending entries are archived, and added is the
	// change of the counts.
	positions positions
	added     sums
}

func (*archiveFinished) kind() stepKind { return kindArchiveFinished }

// waits is long: rows whose removal has begun must be in an archive after a crash.
func (*archiveFinished) waits() batch.Waiting { return batch.WaitsAlways }

func (finished *archiveFinished) sums() sums { return finished.added }

func (finished *archiveFinished) through() positions { return finished.positions }

func (finished *archiveFinished) save(transaction *sqlite.Transaction, table *Table) {
	for _, span := range finished.spans {
		transaction.Execute(table.Archives.insertRemoval, span.first, span.last)
	}
	first, last := finished.spans[0].first, finished.spans[len(finished.spans)-1].last
	transaction.Execute(table.Archives.finish, finished.finishedAt, finished.entries, finished.sha256, first, last, finished.lastEntryID, finished.name)
}

func (finished *archiveFinished) saved(table *Table) (bytes int) {
	table.Archives.add(finished.spans)
	return len(finished.spans) * sqlite.RowBytes
}

func (finished *archiveFinished) appendTo(section []byte) []byte {
	section = changelog.AppendText(section, finished.name)
	section = binary.AppendVarint(section, finished.finishedAt)
	section = binary.AppendVarint(section, finished.entries)
	section = changelog.AppendText(section, finished.sha256)
	section = binary.AppendVarint(section, finished.lastEntryID)
	section = finished.positions.appendTo(section)
	section = binary.AppendUvarint(section, uint64(len(finished.spans)))
	for _, span := range finished.spans {
		section = binary.AppendVarint(section, span.first)
		section = binary.AppendVarint(section, span.last)
	}
	return finished.added.appendTo(section)
}

func (finished *archiveFinished) read(section *changelog.Reader) {
	finished.name, finished.finishedAt, finished.entries = section.Text(), section.Signed(), section.Signed()
	finished.sha256, finished.lastEntryID, finished.positions = section.Text(), section.Signed(), readPositions(section)
	for left := section.Number(); left > 0 && !section.Failed(); left-- {
		finished.spans = append(finished.spans, span{first: section.Signed(), last: section.Signed()})
	}
	finished.added = readSums(section)
	if len(finished.spans) == 0 {
		section.Fail() // an archive has entries
	}
}
