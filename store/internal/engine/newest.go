// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"log/slog"
	"slices"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/logfile"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// commitsBefore is how many commits a store makes without a file of records. A store that lives for
	// a moment needs none.
	commitsBefore = 16
	// writesHere is the largest batch whose record is written by the owner of the committer, if nothing
	// waits: a goroutine that writes meanwhile would hide nothing.
	writesHere = 2
	// filedUnderWay is how many records are on their way into the file before writes gather in one
	// batch: one that is written, and one that waits.
	filedUnderWay = 2
	// largestFiled is the largest record of the file. A larger one would be written once more for a
	// fsync that costs little beside its pages.
	largestFiled = 64 << 10
	// roomFor is how many times the size of the file is to be free on the disk before it is made, or
	// made larger.
	roomFor = 8
)

// The work of the file, for the lines to the operator.
const (
	workNewest  = "bringing the newest commits into the database"
	workNewFile = "making a file for the newest commits"
)

// newest is the newest part of the log, as a file beside the database.
type newest struct {
	// wanted tells that records go into a file. They do not if no commit waits for the disk, because
	// the file would save nothing, or if another log has them.
	wanted bool
	// file is nil until there have been some commits.
	file *logfile.File
	// commits counts the commits without a file.
	commits int
	// begins tells that the database has all records on disk that it has, so the file may begin.
	begins bool
	// gone tells that the file was removed or renamed. Nothing more goes into it.
	gone bool
	// unsure tells that the write-ahead log may be in memory alone, although it has been synced since. A
	// process before may have met a failure of a sync, which the next sync does not tell of again.
	unsure bool
	// end is the end of the log while the store is opened.
	end logfile.End
}

// read reads the file of a store that was not closed.
func (newest *newest) read(committer *Committer) (err error) {
	engine := committer.engine
	if engine.config.InMemory {
		return nil
	}
	newest.end, err = logfile.EndOf(engine.config.Path, engine.storeID, committer.log)
	if err == nil && len(newest.end.Records) > 0 {
		err = logfile.Sync(engine.config.Path)
	}
	return err
}

// goOn goes on with the file that was read, if the store may write.
func (newest *newest) goOn(committer *Committer) (err error) {
	content := newest.end.Content
	newest.end = logfile.End{}
	if !committer.disk.Writes() {
		return nil
	}
	if len(content.Records) == 0 {
		return logfile.Remove(committer.engine.config.Path)
	}
	committer.disk.Written(content.Bytes()) // so that the next checkpoint empties the file
	newest.file, err = logfile.Open(committer.engine.config.Path, &content, &committer.engine.figures.Syncs)
	newest.unsure = true
	return err
}

// appendRecord hands a record over to the file, or to the log.
func (committer *Committer) appendRecord(next *sealed) {
	acknowledged := func(err error) { committer.acknowledge(next, err) }
	if !committer.takesInFile(next) {
		committer.records.Append(&next.Record, acknowledged)
		return
	}
	next.filed = true
	here := len(committer.underway) == 1 && len(next.writes) <= writesHere && committer.engine.writes.Quiet()
	committer.newest.file.Append(&next.Record, next.batch.Waits() != batch.WaitsNot, here, acknowledged)
}

// takesInFile reports whether a record goes into the file. The records of the file follow each other,
// and the first of them follows a record that the database has on disk.
func (committer *Committer) takesInFile(next *sealed) bool {
	newest := &committer.newest
	if !newest.wanted || newest.gone || !next.batch.MayBePutOff() || next.batch.Waits() == batch.WaitsAlways || next.size() > largestFiled {
		return false
	}
	before := committer.underway[:len(committer.underway)-1]
	if slices.ContainsFunc(before, func(sealed *sealed) bool { return !sealed.filed && !sealed.isEmpty() }) {
		return false
	}
	return committer.disk.Takes() && newest.open(committer) && (newest.begins || !newest.file.IsEmpty()) && newest.file.Takes(&next.Record) &&
		!committer.log.HoldsMany() && committer.disk.HasRoom(next.size())
}

// open makes the file if it is time, and reports whether there is one.
func (newest *newest) open(committer *Committer) bool {
	if newest.file != nil {
		return true
	}
	if newest.commits++; newest.commits <= commitsBefore || !committer.disk.Writes() || !committer.disk.HasRoom(roomFor*logfile.FirstBytes) {
		return false
	}
	newest.commits = 0
	file, err := logfile.Create(committer.engine.config.Path, &committer.engine.figures.Syncs)
	if err == nil {
		newest.file = file
	}
	committer.disk.Tried(workNewFile, err)
	return err == nil
}

// restart begins the file again, because the database has everything on disk.
func (newest *newest) restart(committer *Committer) {
	newest.begins = true
	if newest.file == nil || committer.filedUnderWay() > 0 || newest.unsure && !newest.gone {
		return
	}
	if committer.log.Deferred().Commits == 0 {
		newest.file.Restart(func(size int64) bool { return committer.disk.HasRoom(roomFor * int(size)) })
		if newest.gone {
			committer.endFile()
		}
	}
}

// lookAtPlace gives up a file that was removed or renamed. The database gets everything that the file
// has, with the next record at the latest, and another file is made.
func (newest *newest) lookAtPlace(committer *Committer) {
	if newest.file == nil || newest.file.IsThere() {
		return
	}
	if !newest.gone {
		newest.gone = true
		committer.engine.config.Logger.Warn("the file of newest commits was removed or renamed: the database gets them, and another file is begun")
	}
	if len(committer.underway) > 0 {
		return
	}
	err := committer.disk.Synced(func(*sqlite.Transaction) {})
	if committer.disk.Tried(workNewest, err); err == nil {
		newest.restart(committer)
	}
}

// defers reports whether a record is kept in memory, to be written with others.
func (committer *Committer) defers(next *sealed) bool {
	defers := (next.filed || committer.engine.config.InMemory && next.batch.MayBePutOff()) && committer.log.Defer(&next.Entry)
	if defers {
		committer.tables.Answers().PutOff(next.batch)
	}
	return defers
}

// writeDeferred writes the deferred rows of the log, and the answers that were put off. Both become a
// part of the caller's transaction.
func (committer *Committer) writeDeferred(transaction *sqlite.Transaction) {
	committer.log.WriteDeferred(transaction)
	committer.tables.Answers().SavePutOff(transaction)
}

// deferredWritten forgets the deferred rows and answers, because the database has them now.
func (committer *Committer) deferredWritten() {
	committer.log.DeferredWritten()
	committer.tables.Answers().PutOffSaved()
}

// waits returns how the transaction of a record waits for the disk.
func (committer *Committer) waits(next *sealed) batch.Waiting {
	switch {
	case next.filed:
		return batch.WaitsNot
	case committer.newest.wanted && committer.newest.file != nil && !committer.newest.file.IsEmpty():
		return batch.WaitsAlways // so that the file can begin again
	default:
		return next.batch.Waits()
	}
}

// filedUnderWay is how many records are on their way into the file.
func (committer *Committer) filedUnderWay() (filed int) {
	for _, sealed := range committer.underway {
		if sealed.filed {
			filed++
		}
	}
	return filed
}

// isFull reports whether no further batch is begun now. Later writes gather in one batch meanwhile.
func (committer *Committer) isFull() bool {
	return len(committer.underway) >= recordsUnderWay || committer.filedUnderWay() >= filedUnderWay
}

// endFile closes the file.
func (committer *Committer) endFile() {
	if newest := &committer.newest; newest.file != nil {
		if err := newest.file.Close(); err != nil {
			committer.engine.config.Logger.Error("the file of records did not close", slog.Any("error", err))
		}
		newest.file, newest.gone = nil, false
	}
}
