// SPDX-License-Identifier: EUPL-1.2

package upkeep

import (
	"fmt"
	"log/slog"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/damage"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
)

// Repairs take damaged entries from the log, if it has them. It reads the log of a namespace from its
// beginning, in slices, and does so for all damaged entries of the namespace at once.
type Repairs struct {
	config Config
	rows   *Rows
	logger *slog.Logger
	// waiting are damaged entries for which the log is still to be read.
	waiting []kv.EntryName
	reading *reading

	reindex *sqlite.Statement
}

// NewRepairs prepares the repairs of a store.
func NewRepairs(session *sqlite.Session, config Config, rows *Rows, logger *slog.Logger) *Repairs {
	config.View.Damage().Tell = func(name kv.EntryName) {
		logger.Error("an entry is damaged, and is not served: check the disk", slog.String("group", name.Group), slog.String("key", name.Key))
	}
	return &Repairs{config: config, rows: rows, logger: logger, reindex: session.Prepare(`REINDEX entries`)}
}

// AreDue reports whether there are damaged entries to repair.
func (repairs *Repairs) AreDue() bool {
	return repairs.reading != nil || len(repairs.waiting) > 0 || repairs.config.View.Damage().Wait()
}

// Repair reads a slice of the log, and reports whether there is more to do.
func (repairs *Repairs) Repair() (more bool) {
	err := repairs.step()
	if err != nil {
		repairs.logger.Error("damaged entries cannot be repaired: set or delete them, or restore a backup", slog.Any("error", err))
		repairs.reading, repairs.waiting = nil, nil
	}
	return repairs.AreDue()
}

func (repairs *Repairs) step() error {
	if repairs.reading == nil {
		return repairs.begin()
	}
	read := repairs.reading
	revision, err := repairs.config.View.RevisionOfNamespace(read.namespace)
	if err != nil {
		return err
	}
	if read.after >= revision {
		repairs.reading = nil
		return repairs.end(read)
	}
	before := read.after
	if err := repairs.config.Log.Changes(read.namespace, read.after, read.take); err != nil {
		return err
	}
	if read.damaged != nil || read.after == before {
		return fmt.Errorf("the log of namespace %q after revision %d: %w", read.namespace, before, changelog.ErrDamaged)
	}
	return nil
}

// begin begins to read for the entries of one namespace.
func (repairs *Repairs) begin() error {
	repairs.waiting = append(repairs.waiting, repairs.config.View.Damage().Take()...)
	if len(repairs.waiting) == 0 {
		return nil
	}
	namespace, _ := kv.NamespaceOf(repairs.waiting[0].Group)
	read := &reading{namespace: namespace, states: map[kv.EntryName]*logged{}, byRevision: map[uint64]*damage.Row{}, trueNames: map[kv.EntryName]kv.EntryName{}}
	var others []kv.EntryName
	for _, name := range repairs.waiting {
		if other, _ := kv.NamespaceOf(name.Group); other != namespace {
			others = append(others, name)
			continue
		}
		row, damaged, err := repairs.config.View.RereadDamaged(name)
		if err != nil {
			return err
		}
		if damaged {
			read.damagedNames = append(read.damagedNames, name)
			read.states[name] = &logged{}
			read.byRevision[row.Revision] = &row
		}
	}
	repairs.waiting = others
	known, err := repairs.config.View.Namespace(namespace)
	if err != nil {
		return err
	}
	read.after = known.Oldest - 1
	repairs.reading = read
	return nil
}

// end writes what the log has.
func (repairs *Repairs) end(read *reading) error {
	view := repairs.config.View
	for _, name := range read.damagedNames {
		if _, damaged, err := view.RereadDamaged(name); err != nil || !damaged {
			if err != nil {
				return err
			}
			continue
		}
		written := &state.Slice{}
		trueName, renamed := read.trueNames[name]
		for _, entry := range []kv.EntryName{name, trueName} {
			if logged := read.states[entry]; logged != nil && logged.known && !view.Waits(entry) {
				written.AddEntry(&kv.EntryVersion{EntryName: entry, EntryState: logged.state})
			} else if renamed && entry == name {
				written.AddEntry(&kv.EntryVersion{EntryName: name}) // nobody has written an entry of this name
			}
		}
		if written.Rows() == 0 {
			repairs.tell(name, "the log does not have it any more", nil)
			continue
		}
		if err := repairs.write(written); err != nil {
			repairs.tell(name, "the database does not take it", err)
			continue
		}
		view.Repaired(name, written)
		repairs.logger.Warn("a damaged entry was repaired from the log", slog.String("group", name.Group), slog.String("key", name.Key))
	}
	return nil
}

// write writes entries. If a deadline is damaged in a row and not in its index, or the other way
// round, the database takes no change of the row until the indices are made again.
func (repairs *Repairs) write(written *state.Slice) error {
	err := repairs.rows.Write(written)
	if !sqlite.IsIndexDamaged(err) {
		return err
	}
	repairs.logger.Warn("the indices of deadlines are made again, because one of them is damaged")
	// It takes as long as to read all entries.
	if err := repairs.config.Disk.Unsynced(func(transaction *sqlite.Transaction) { transaction.Execute(repairs.reindex) }); err != nil {
		return err
	}
	return repairs.rows.Write(written)
}

// tell tells the operator that an entry stays damaged.
func (repairs *Repairs) tell(name kv.EntryName, reason string, err error) {
	repairs.logger.Error("a damaged entry cannot be repaired: set or delete it, or restore a backup",
		slog.String("group", name.Group), slog.String("key", name.Key), slog.String("reason", reason), slog.Any("error", err))
}

// reading goes through the log of a namespace, and keeps the last state of some entries.
type reading struct {
	namespace string
	// after is the revision up to which the log is read.
	after uint64
	// damagedNames are the names of the damaged rows, and byRevision the rows by the revisions that
	// they have.
	damagedNames []kv.EntryName
	byRevision   map[uint64]*damage.Row
	states       map[kv.EntryName]*logged
	// trueNames are the names with which damaged rows were written, if their names are damaged.
	trueNames map[kv.EntryName]kv.EntryName
	damaged   error
}

// logged is the last state of an entry in the log. known tells that the log has all of it.
type logged struct {
	known bool
	state kv.EntryState
}

// take reads a commit of the log.
func (read *reading) take(blob []byte, committedAt time.Time) (more bool, err error) {
	err = changelog.ReadChanges(blob, committedAt, func(header changelog.NamespaceChanges) func(*changelog.Event) bool {
		if header.Namespace != read.namespace {
			return nil
		}
		return func(event *changelog.Event) bool {
			if event.Revision > read.after {
				if event.Revision != read.after+1 {
					read.damaged = changelog.ErrDamaged
				}
				read.after = event.Revision
				read.event(event)
			}
			return true
		}
	})
	return err == nil, err
}

func (read *reading) event(event *changelog.Event) {
	if event.Type == changelog.EventDeleteGroup {
		for name, logged := range read.states {
			if name.Group == event.Group {
				logged.known, logged.state = true, kv.EntryState{}
			}
		}
		return
	}
	name := kv.EntryName{Group: event.Group, Key: event.Key}
	read.findTrueName(name, event)
	logged := read.states[name]
	if logged == nil {
		return
	}
	logged.known = logged.known || event.Type != changelog.EventTouch
	logged.state = batch.StateAfter(event, &logged.state)
}

// findTrueName finds out whether an event has written a damaged row whose name is damaged. The
// checksum proves it.
func (read *reading) findTrueName(name kv.EntryName, event *changelog.Event) {
	row := read.byRevision[event.Revision]
	if row == nil || row.EntryName == name || event.Type != changelog.EventSet {
		return
	}
	written := batch.StateAfter(event, &kv.EntryState{})
	if !row.Checksum.IsOf(name, &written) {
		return
	}
	read.trueNames[row.EntryName] = name
	if read.states[name] == nil {
		read.states[name] = &logged{}
	}
}
