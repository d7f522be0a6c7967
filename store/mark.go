// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"log/slog"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/logfile"
	"dappco.re/go/storebus/store/internal/mark"
	"dappco.re/go/storebus/store/internal/sqlitelog"
)

// marked is the mark of the database of a store.
type marked struct {
	// writer is nil for a store in memory.
	writer *mark.Writer
	// mark is what the database should have, if found.
	mark  mark.Mark
	found bool
	// damage is why the mark cannot be read, nil if it can.
	damage error
	// refusal is what callers get of a store that is behind its mark, nil of another.
	refusal error
}

// readMark reads the mark of a database. A damaged mark is no error of opening.
func readMark(path string) (*marked, error) {
	marked := &marked{}
	var err error
	marked.mark, marked.found, err = mark.Read(path)
	if errors.Is(err, mark.ErrDamaged) {
		marked.damage, err = err, nil
	}
	return marked, err
}

// errBehindMark is what callers get of a store that starts behind its mark. It has no number,
// because it reaches tenants, who must learn nothing of each other.
var errBehindMark = fmt.Errorf("%w: the database is behind its mark, as an older copy is; an operator has to restore it or to accept it", failure.ErrUnavailable)

// errDamagedMark is what callers get of a store whose mark is damaged.
var errDamagedMark = fmt.Errorf("%w: the mark of the database is damaged; an operator has to accept the database or to restore it", failure.ErrUnavailable)

// check compares the database with its mark, when the store is opened. Beside a damaged mark nobody
// can tell whether it is the newest one.
func (marked *marked) check(storeID string, end *logfile.End) (refusal, reason, err error) {
	switch {
	case marked.damage != nil:
		marked.refusal = errDamagedMark
		return marked.refusal, fmt.Errorf("%w: %w; the database ends at commit %d; if it is the newest one, remove the mark, else see storebus restore --help",
			failure.ErrUnavailable, marked.damage, end.ID()), nil
	case marked.found:
		reason, err = behind(marked.mark, storeID, end)
	}
	if reason == nil && err == nil {
		reason = end.Gap
	}
	if reason == nil {
		return nil, nil, err
	}
	marked.refusal = errBehindMark
	return marked.refusal, fmt.Errorf("%w: %w; put the right database back with its -wal and its .commits, or see storebus restore --help", failure.ErrUnavailable, reason), err
}

// behind returns by how much a log is behind a mark, nil if it has the commit of the mark.
func behind(mark mark.Mark, storeID string, log *logfile.End) (reason, err error) {
	end := log.ID()
	switch {
	case mark.Store != storeID && end == 0:
		return fmt.Errorf("the database is new and empty, and its mark has commit %d of store %s", mark.Commit, mark.Store), nil
	case mark.Store != storeID:
		return fmt.Errorf("the database is of store %s, and its mark has commit %d of store %s", storeID, mark.Commit, mark.Store), nil
	case mark.Commit > end:
		return fmt.Errorf("the database is behind its mark by %d commits: it ends at commit %d, and the mark has commit %d", mark.Commit-end, end, mark.Commit), nil
	case mark.Commit == 0:
		return nil, nil
	}
	hash, known, err := log.HashOf(mark.Commit)
	if err == nil && known && hash != changelog.Hash(mark.Hash) {
		reason = fmt.Errorf("the database has another commit %d than its mark", mark.Commit)
	}
	return reason, err
}

// isBehind reports whether the database is behind its mark, or may be.
func (marked *marked) isBehind() bool { return marked.refusal != nil }

// tell tells the operator why the store only reads.
func (marked *marked) tell(logger *slog.Logger, reason error) {
	if marked.damage != nil {
		logger.Error("the mark of the database is damaged: the store only reads, until the mark is removed, or storebus restore has accepted the database or replaced it", slog.Any("error", reason))
		return
	}
	logger.Error("the database is behind its mark: the store only reads, until storebus restore has put a backup in its place or has accepted it", slog.Any("error", reason))
}

// noteFunc returns the function that has the newest commit on disk become the mark, nil in memory.
func (marked *marked) noteFunc() func(storeID string, place sqlitelog.Place) {
	if marked.writer == nil {
		return nil
	}
	return func(storeID string, place sqlitelog.Place) {
		marked.writer.Note(mark.Mark{Store: storeID, Commit: place.ID, Hash: uint64(place.Hash)})
	}
}

// close writes the last mark.
func (marked *marked) close() {
	if marked.writer != nil {
		marked.writer.Close()
	}
}
