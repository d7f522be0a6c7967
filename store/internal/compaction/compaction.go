// SPDX-License-Identifier: EUPL-1.2

package compaction

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/archivefile"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/journal"
)

// The steps of a compaction, as failpoints name them: the archive has its row, a part is written,
// all is on disk, the file was read again and is whole, it has its name, the name is on disk, and
// the row is finished. Package journal has two more.
const (
	stepBegun    = "begun"
	stepWritten  = "written"
	stepSynced   = "synced"
	stepVerified = "verified"
	stepRenamed  = "renamed"
	stepPlaced   = "placed"
	stepFinished = "finished"
)

// Host is the store as its compactions see it.
type Host interface {
	// Ask puts a question to the journal, between two batches.
	Ask(question func(table *journal.Table) error) error
	// Change carries out a command of the store's own, although the writes of callers may be
	// refused.
	Change(command commands.Command) error
	// Stopped returns why the store has stopped writing, nil while it writes.
	Stopped() error
	// Closing reports whether the store has begun to close.
	Closing() bool
	// Now is the store's time.
	Now() time.Time
}

// Compactor writes the archives of a journal.
type Compactor struct {
	Host   Host
	News   *journal.News
	Logger *slog.Logger
	// Delivers tells that entries wait for delivery, so that only settled ones are archived.
	Delivers bool
	// Bounds bounds each archive.
	Bounds archivefile.Bounds
}

// Options says which journal entries to archive, and in which folder.
type Options struct {
	// Before bounds the archive: it takes entries that were committed before this time. It is
	// required, and must not be in the future.
	Before time.Time
	// Output is the folder of the archive. It is required, and must exist.
	Output string
	// Format is archivefile.Gzip or archivefile.Zstd; empty is archivefile.Gzip.
	Format string
}

// Result is the result of Compact.
type Result struct {
	// Archive is the name of the file in the folder, empty if nothing was archived.
	Archive string
	// Entries is the number of journal entries in the archive.
	Entries int64
	// SHA256 is the checksum of the file, in hex.
	SHA256 string
	// More tells that the archive ended early, and that another Compact archives the rest. An
	// archive compresses at most a thousandfold, and leaves out entries in at most 100,000
	// places.
	More bool
}

// Compact writes one archive, and takes its entries out of the journal. If it fails, it removes
// the file.
func (compactor *Compactor) Compact(options Options) (Result, error) {
	defer compactor.News.Archiving.Store(0)
	compaction, err := compactor.newCompaction(options)
	if err != nil {
		return Result{}, err
	}
	if err := compactor.Clear(); err != nil {
		return Result{}, err
	}
	err = compaction.carryOut()
	if err == nil || !compaction.begun {
		return compaction.result(), err
	}
	if compaction.file != nil {
		err = errors.Join(err, compaction.file.Close())
	}
	// After an unknown outcome, only the next open can tell whether the file is to be removed.
	if !errors.Is(err, failure.ErrOutcomeUnknown) {
		err = errors.Join(err, compactor.Clear())
	}
	return Result{}, err
}

// Clear removes the files of unfinished archives. Their entries are in the table.
func (compactor *Compactor) Clear() error {
	var unfinished []journal.Archive
	err := compactor.Host.Ask(func(table *journal.Table) (err error) {
		// If a commit has an unknown outcome, the archive may be finished.
		if err := compactor.Host.Stopped(); err != nil {
			return err
		}
		unfinished, err = table.Archives.Unfinished()
		return err
	})
	for index := range unfinished {
		archive := &unfinished[index]
		if err := removeFiles(archive); err != nil {
			compactor.Logger.Error("an archive that was not finished cannot be removed; bring its folder back",
				slog.String("archive", pathOf(archive)), slog.Any("error", err))
			return fmt.Errorf("remove the unfinished archive %s: %w", archive.Name, folderFailure(err))
		}
	}
	if err != nil || len(unfinished) == 0 {
		return err
	}
	return compactor.Host.Change(journal.ForgetArchives(unfinished))
}

// Verify verifies a file, and compares it with the record of the archive of its name.
func (compactor *Compactor) Verify(path string) (archivefile.Content, error) {
	content, err := archivefile.VerifyNamed(path)
	if err != nil {
		return content, err
	}
	return content, compactor.Host.Ask(func(table *journal.Table) error {
		entries, sum, found, err := table.Archives.Finished(filepath.Base(path))
		switch {
		case err != nil:
		case !found:
			err = fmt.Errorf("%w: this store has written no archive of that name", failure.ErrNotFound)
		case sum != content.SHA256:
			err = fmt.Errorf("%w: %d entries and SHA-256 %s were written, %d and %s are there", failure.ErrInvalidArchive, entries, sum, content.Entries, content.SHA256)
		}
		return err
	})
}

// compaction is a Compact that is under way.
type compaction struct {
	*Compactor
	archive journal.Archive
	format  string
	before  time.Time
	// through is the time of the last entry that may be archived, after that of the last
	// one that was looked at.
	through, after int64
	// begun tells that the archive has its row; file is the open file.
	begun bool
	file  *archivefile.File
	more  bool
}

// newCompaction checks the options.
func (compactor *Compactor) newCompaction(options Options) (*compaction, error) {
	if options.Before.IsZero() {
		return nil, fmt.Errorf("%w: Before is the zero time; say before when entries are archived", failure.ErrInvalidCompaction)
	}
	format := cmp.Or(options.Format, archivefile.Gzip)
	if archivefile.Suffixes[format] == "" {
		return nil, fmt.Errorf("%w: Format is %q; use %q or %q", failure.ErrInvalidCompaction, options.Format, archivefile.Gzip, archivefile.Zstd)
	}
	folder, err := realFolder(options.Output)
	if err != nil {
		return nil, err
	}
	return &compaction{Compactor: compactor, format: format, before: options.Before, after: -1, archive: journal.Archive{
		Folder: folder,
		Name:   nameOf(options.Before, format),
	}}, nil
}

func (compaction *compaction) result() Result {
	if !compaction.begun {
		return Result{}
	}
	return Result{
		Archive: compaction.archive.Name, Entries: compaction.archive.Entries, SHA256: compaction.archive.SHA256, More: compaction.more,
	}
}

// carryOut is the order of things: nothing is removed before the archive is in its place.
func (compaction *compaction) carryOut() error {
	if err := compaction.begin(); err != nil {
		return err
	}
	if err := compaction.write(); err != nil || !compaction.begun {
		return err
	}
	if err := compaction.place(); err != nil {
		return folderFailure(err)
	}
	err := compaction.Host.Change(compaction.archive.Finish())
	if err == nil {
		compaction.News.Reach(stepFinished)
	}
	return err
}

// begin finds out how far the archive may go.
func (compaction *compaction) begin() error {
	return compaction.Host.Ask(func(table *journal.Table) error {
		if now := compaction.Host.Now(); compaction.before.After(now) {
			return fmt.Errorf("%w: Before is %s, which is in the future", failure.ErrInvalidCompaction, compaction.before.UTC().Format(time.RFC3339Nano))
		}
		compaction.through = -1
		if compaction.before.After(time.Unix(0, 0)) {
			compaction.through = compaction.before.UnixNano() - 1
		}
		compaction.archive.Positions = table.Positions()
		return nil
	})
}

// write writes the entries for the archive, slice by slice between two batches.
func (compaction *compaction) write() error {
	for more := true; more && !compaction.more; {
		if err := compaction.goOn(); err != nil {
			return err
		}
		var slice journal.ArchiveSlice
		if err := compaction.Host.Ask(func(table *journal.Table) (err error) {
			slice, err = table.ArchiveSlice(compaction.after, compaction.through, compaction.Delivers)
			return err
		}); err != nil {
			return err
		}
		if err := compaction.add(&slice); err != nil {
			return err
		}
		more = slice.More
	}
	return nil
}

// goOn returns ErrClosed if nobody waits any more.
func (compaction *compaction) goOn() error {
	if compaction.Host.Closing() {
		return failure.ErrClosed
	}
	return nil
}

// add writes a slice to the archive, until the archive is full.
func (compaction *compaction) add(slice *journal.ArchiveSlice) error {
	for index := range slice.Rows {
		row := &slice.Rows[index]
		if row.Stays {
			compaction.archive.Skip()
			compaction.after = row.CommittedAt().UnixNano()
			continue
		}
		line, err := row.Line()
		if err != nil {
			return err
		}
		if compaction.isFull(line) {
			compaction.more = true
			break
		}
		if err := compaction.addLine(row, line); err != nil {
			return err
		}
		compaction.after = row.CommittedAt().UnixNano()
	}
	if compaction.begun {
		compaction.News.Reach(stepWritten)
	}
	return nil
}

func (compaction *compaction) isFull(line []byte) bool {
	return compaction.begun && (compaction.archive.IsFull(compaction.Bounds.Spans) || !compaction.file.Takes(line, compaction.Bounds))
}

func (compaction *compaction) addLine(row *journal.ArchiveRow, line []byte) error {
	if !compaction.begun {
		if err := compaction.beginArchive(); err != nil {
			return err
		}
	}
	compaction.archive.Add(row)
	compaction.News.Archiving.Store(compaction.archive.Entries)
	return folderFailure(compaction.file.Write(line))
}

// beginArchive makes the row of the archive, then its file. So after any failure the row names
// the file to remove.
func (compaction *compaction) beginArchive() (err error) {
	if err := compaction.Host.Change(compaction.archive.Begin()); err != nil {
		return err
	}
	compaction.begun = true
	compaction.News.Reach(stepBegun)
	compaction.file, err = archivefile.Create(partialPathOf(&compaction.archive), compaction.format)
	return folderFailure(err)
}

// place brings the archive to disk, reads it again and gives it its name.
func (compaction *compaction) place() error {
	archive := &compaction.archive
	var err error
	if archive.SHA256, err = compaction.file.Finish(); err != nil {
		return err
	}
	compaction.News.Reach(stepSynced)
	found, err := archivefile.Verify(partialPathOf(archive), compaction.format, compaction.Bounds, compaction.goOn)
	if err != nil {
		return fmt.Errorf("read the archive again: %w", err)
	}
	if found.Entries != archive.Entries || found.SHA256 != archive.SHA256 {
		return fmt.Errorf("read the archive again: %w: %d entries and SHA-256 %s were written, %d and %s are there",
			failure.ErrInvalidArchive, archive.Entries, archive.SHA256, found.Entries, found.SHA256)
	}
	compaction.News.Reach(stepVerified)
	if _, err := os.Lstat(pathOf(archive)); err == nil {
		return fmt.Errorf("%s: %w", archive.Name, fs.ErrExist)
	}
	if err := os.Rename(partialPathOf(archive), pathOf(archive)); err != nil {
		return err
	}
	compaction.News.Reach(stepRenamed)
	if err := platform.SyncFolder(archive.Folder); err != nil {
		return err
	}
	compaction.News.Reach(stepPlaced)
	return nil
}
