// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/archivefile"
	"dappco.re/go/storebus/store/internal/failure"
)

// The formats of an archive.
const (
	// ArchiveGzip, the default, is lines of JSON in one member of gzip: *.jsonl.gz.
	ArchiveGzip = archivefile.Gzip
	// ArchiveZstd is lines of JSON in one frame of Zstandard: *.jsonl.zst.
	ArchiveZstd = archivefile.Zstd
)

// The steps of Compact, as failpoints name them: the archive has its row, a part is written,
// all is on disk, the file was read again and is whole, it has its name, the name is on disk,
// the row is finished, rows are being removed, and all rows are removed.
const (
	stepBegun    = "begun"
	stepWritten  = "written"
	stepSynced   = "synced"
	stepVerified = "verified"
	stepRenamed  = "renamed"
	stepPlaced   = "placed"
	stepFinished = "finished"
	stepRemoving = "removing"
	stepEmptied  = "emptied"
)

// CompactOptions says which journal entries to archive, and in which folder.
//
//	store.CompactOptions{Before: time.Now().AddDate(0, -1, 0), Output: "./data/archive", Format: store.ArchiveZstd}
type CompactOptions struct {
	// Before bounds the archive: it takes entries that were committed before this time. It is
	// required, and must not be in the future.
	Before time.Time
	// Output is the folder of the archive. It is required, and must exist.
	Output string
	// Format is ArchiveGzip or ArchiveZstd; empty is ArchiveGzip.
	Format string
}

// Compaction is the result of Compact.
type Compaction struct {
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

// Compact moves journal entries out of the database into a file, *.jsonl.gz or *.jsonl.zst,
// while reads and writes go on. It takes all entries that were committed before options.Before,
// with two exceptions: entries that the endpoint has refused, and entries that wait for
// delivery if StoreConfig.Journal names an endpoint. The file has one line of JSON for each
// entry. It is whole, on disk and read again before any entry is removed. If Compact fails, or
// the process ends, every entry is in the table or in an archive, and never in both.
//
// It returns ErrCompactionUnderway while another compaction runs, ErrInvalidCompaction for
// invalid options, and ErrUnavailable if the folder takes no file.
//
//	compaction, err := store.Compact(store.CompactOptions{Before: time.Now().AddDate(0, -1, 0), Output: "./data/archive"})
func (store *Store) Compact(options CompactOptions) (Compaction, error) {
	compaction, err := wait(func(done func(Compaction, error)) { store.SubmitCompact(options, done) })
	if err != nil {
		err = fmt.Errorf("store.Compact: %w", err)
	}
	return compaction, err
}

// SubmitCompact is Compact without waiting. It calls done once, before SubmitCompact returns or
// later from a goroutine of the store.
func (store *Store) SubmitCompact(options CompactOptions, done func(Compaction, error)) {
	if !store.opened() {
		fail(done, failure.ErrNeverOpened)
		return
	}
	submitAlone(store, &store.compacting, failure.ErrCompactionUnderway, func() (Compaction, error) {
		defer store.engine.journal.archiving.Store(0)
		return store.compact(options)
	}, done)
}

func (store *Store) compact(options CompactOptions) (Compaction, error) {
	compaction, err := store.newCompaction(options)
	if err != nil {
		return Compaction{}, err
	}
	if err := store.clearArchives(); err != nil {
		return Compaction{}, err
	}
	err = compaction.carryOut()
	if err == nil || !compaction.begun {
		return compaction.done(), err
	}
	if compaction.file != nil {
		err = errors.Join(err, compaction.file.Close())
	}
	// After an unknown outcome only the next open can tell what to remove.
	if !errors.Is(err, failure.ErrOutcomeUnknown) {
		err = errors.Join(err, store.clearArchives())
	}
	return Compaction{}, err
}

// compaction is a Compact that is under way.
type compaction struct {
	store   *Store
	archive archive
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
func (store *Store) newCompaction(options CompactOptions) (*compaction, error) {
	if options.Before.IsZero() {
		return nil, fmt.Errorf("%w: Before is the zero time; say before when entries are archived", failure.ErrInvalidCompaction)
	}
	format := cmp.Or(options.Format, archivefile.Gzip)
	if archivefile.Suffixes[format] == "" {
		return nil, fmt.Errorf("%w: Format is %q; use %q or %q", failure.ErrInvalidCompaction, options.Format, archivefile.Gzip, archivefile.Zstd)
	}
	folder, err := archiveFolder(options.Output)
	if err != nil {
		return nil, err
	}
	return &compaction{store: store, format: format, before: options.Before, after: -1, archive: archive{
		folder:  folder,
		name:    fmt.Sprintf("journal-%s-%s%s", options.Before.UTC().Format("20060102T150405Z"), newArchiveID(), archivefile.Suffixes[format]),
		pending: journalSums{},
	}}, nil
}

// newArchiveID returns the part of an archive's name that no other archive has, ever.
func newArchiveID() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // It never fails: the process would end.
	return hex.EncodeToString(random[:])
}

// archiveFolder returns where a folder really is, by which it is found again after a crash.
func archiveFolder(output string) (string, error) {
	if output == "" {
		return "", fmt.Errorf("%w: Output is empty; name the folder of the archive", failure.ErrInvalidCompaction)
	}
	folder, err := filepath.Abs(output)
	if err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	var information fs.FileInfo
	if err == nil {
		information, err = os.Stat(folder)
	}
	switch {
	case err != nil:
	case !information.IsDir():
		err = errors.New("it is a file")
	default:
		// A folder that cannot be synced is better found before anything is begun.
		err = platform.SyncFolder(folder)
	}
	return folder, archiveFailure(err)
}

// archiveFailure describes a fault for the operator, without the path, because others may see
// the error.
func archiveFailure(err error) error {
	var atPath *fs.PathError
	var atLink *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &atPath):
		return fmt.Errorf("%w: the folder of archives: %s: %w", failure.ErrUnavailable, atPath.Op, atPath.Err)
	case errors.As(err, &atLink):
		return fmt.Errorf("%w: the folder of archives: %s: %w", failure.ErrUnavailable, atLink.Op, atLink.Err)
	case errors.Is(err, failure.ErrInvalidArchive), errors.Is(err, failure.ErrClosed):
		return err
	default:
		return fmt.Errorf("%w: the folder of archives: %w", failure.ErrUnavailable, err)
	}
}

func (compaction *compaction) done() Compaction {
	if !compaction.begun {
		return Compaction{}
	}
	return Compaction{
		Archive: compaction.archive.name, Entries: compaction.archive.entries, SHA256: compaction.archive.sha256, More: compaction.more,
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
		return archiveFailure(err)
	}
	err := change(compaction.store, finishArchiveCommand{archive: &compaction.archive})
	if err == nil {
		compaction.store.reach(stepFinished)
	}
	return err
}

// begin finds out how far the archive may go.
func (compaction *compaction) begin() error {
	_, err := askJournal(compaction.store, func(journal *journal) (struct{}, error) {
		if now := compaction.store.engine.clock.Now(); compaction.before.After(now) {
			return struct{}{}, fmt.Errorf("%w: Before is %s, which is in the future", failure.ErrInvalidCompaction, compaction.before.UTC().Format(time.RFC3339Nano))
		}
		compaction.through = -1
		if compaction.before.After(time.Unix(0, 0)) {
			compaction.through = compaction.before.UnixNano() - 1
		}
		compaction.archive.position = journal.position
		if compaction.store.config.Journal.EndpointURL != "" {
			compaction.through = min(compaction.through, journal.position)
		}
		return struct{}{}, nil
	})
	return err
}

// write writes the entries for the archive, slice by slice between two batches.
func (compaction *compaction) write() error {
	for more := true; more && !compaction.more; {
		if err := compaction.goOn(); err != nil {
			return err
		}
		slice, err := askJournal(compaction.store, func(journal *journal) (archiveSlice, error) {
			return journal.archives.slice(compaction.after, compaction.through)
		})
		if err != nil {
			return err
		}
		if err := compaction.add(&slice); err != nil {
			return err
		}
		more = slice.more
	}
	return nil
}

// goOn returns ErrClosed if nobody waits any more.
func (compaction *compaction) goOn() error {
	if compaction.store.closing.Load() {
		return failure.ErrClosed
	}
	return nil
}

// add writes a slice to the archive, up to where that is full.
func (compaction *compaction) add(slice *archiveSlice) error {
	for index := range slice.rows {
		row := &slice.rows[index]
		if row.stays {
			compaction.archive.gap = true
			compaction.after = row.committedAt
			continue
		}
		line, err := row.line()
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
		compaction.after = row.committedAt
	}
	if compaction.begun {
		compaction.store.reach(stepWritten)
	}
	return nil
}

func (compaction *compaction) isFull(line []byte) bool {
	bounds := compaction.store.archiveBounds
	return compaction.begun && (compaction.archive.gap && len(compaction.archive.spans) >= bounds.Spans || !compaction.file.Takes(line, bounds))
}

func (compaction *compaction) addLine(row *archiveRow, line []byte) error {
	if !compaction.begun {
		if err := compaction.beginArchive(); err != nil {
			return err
		}
	}
	compaction.archive.add(row)
	compaction.store.engine.journal.archiving.Store(compaction.archive.entries)
	return archiveFailure(compaction.file.Write(line))
}

// beginArchive makes the row of the archive, then its file. So after any failure the row names
// the file to remove.
func (compaction *compaction) beginArchive() (err error) {
	if err := change(compaction.store, beginArchiveCommand{folder: compaction.archive.folder, name: compaction.archive.name}); err != nil {
		return err
	}
	compaction.begun = true
	compaction.store.reach(stepBegun)
	compaction.file, err = archivefile.Create(compaction.archive.partialPath(), compaction.format)
	return archiveFailure(err)
}

// place brings the archive to disk, reads it again and gives it its name.
func (compaction *compaction) place() error {
	archive, store := &compaction.archive, compaction.store
	var err error
	if archive.sha256, err = compaction.file.Finish(); err != nil {
		return err
	}
	store.reach(stepSynced)
	found, err := archivefile.Verify(archive.partialPath(), compaction.format, store.archiveBounds, compaction.goOn)
	if err != nil {
		return fmt.Errorf("read the archive again: %w", err)
	}
	if found.Entries != archive.entries || found.SHA256 != archive.sha256 {
		return fmt.Errorf("read the archive again: %w: %d entries and SHA-256 %s were written, %d and %s are there",
			failure.ErrInvalidArchive, archive.entries, archive.sha256, found.Entries, found.SHA256)
	}
	store.reach(stepVerified)
	if _, err := os.Lstat(archive.path()); err == nil {
		return fmt.Errorf("%s: %w", archive.name, fs.ErrExist)
	}
	if err := os.Rename(archive.partialPath(), archive.path()); err != nil {
		return err
	}
	store.reach(stepRenamed)
	if err := platform.SyncFolder(archive.folder); err != nil {
		return err
	}
	store.reach(stepPlaced)
	return nil
}

// clearArchives removes the files of unfinished archives. Their entries are in the table.
func (store *Store) clearArchives() error {
	unfinished, err := askJournal(store, func(journal *journal) ([]archive, error) {
		// If a commit has an unknown outcome, the archive may be finished.
		if err := store.engine.stopped(); err != nil {
			return nil, err
		}
		return journal.archives.unfinished()
	})
	for index := range unfinished {
		if err := unfinished[index].removeFiles(); err != nil {
			store.config.Logger.Error("an archive that was not finished cannot be removed; bring its folder back",
				slog.String("archive", unfinished[index].path()), slog.Any("error", err))
			return fmt.Errorf("remove the unfinished archive %s: %w", unfinished[index].name, archiveFailure(err))
		}
	}
	if err != nil || len(unfinished) == 0 {
		return err
	}
	return change(store, forgetArchivesCommand{unfinished: unfinished})
}

// reach tells the failpoint how far a compaction has come.
func (store *Store) reach(step string) { store.engine.journal.reach(step) }
