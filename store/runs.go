// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"encoding/binary"
	"maps"
	"slices"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// marksPerCommit is the largest number of marks that one commit removes.
const marksPerCommit = 256

// workspaceRuns is the table of runs that were committed or discarded and whose files may still
// exist: each has a mark. A mark is removed after its file, with the next commit that ends a
// run. If there is none for a while, a chore removes it. A mark that stays does no harm.
type workspaceRuns struct {
	// ended has the marks. It belongs to the owner of the committer.
	ended map[string]bool

	// fileless are the runs without a file whose marks are still to be removed.
	fileless *guarded[[]string]

	selectAll *sqlite.Statement
	insert    *sqlite.Statement
	delete    *sqlite.Statement
}

func newWorkspaceRuns(session *sqlite.Session, fileless *guarded[[]string]) *workspaceRuns {
	return &workspaceRuns{
		ended:     map[string]bool{},
		fileless:  fileless,
		selectAll: session.Prepare(`SELECT run_id FROM workspace_runs`),
		insert:    session.Prepare(`INSERT INTO workspace_runs (run_id) VALUES (?)`),
		delete:    session.Prepare(`DELETE FROM workspace_runs WHERE run_id = ?`),
	}
}

func (runs *workspaceRuns) Load() error {
	return runs.selectAll.Query(func(row sqlite.Row) bool {
		runs.ended[row.Text(0)] = true
		return true
	})
}

// runPart has the runs that a batch marks, and the runs whose marks it removes. No run is both.
type runPart struct {
	marked   []string
	unmarked []string
}

func (runs *runPart) MergeInto(below *batch.Batch) {
	merged := runsIn.In(below)
	merged.marked = append(merged.marked, runs.marked...)
	merged.unmarked = append(merged.unmarked, runs.unmarked...)
}

func (runs *runPart) Empty() bool { return len(runs.marked)+len(runs.unmarked) == 0 }

// waits is short if marks are only removed: a mark that stays does no harm.
func (runs *runPart) Waits() batch.Waiting {
	if len(runs.marked) > 0 {
		return batch.WaitsAsUsual
	}
	return batch.WaitsNot
}

func (runs *runPart) AppendTo(section []byte) []byte {
	section = binary.AppendUvarint(section, uint64(len(runs.marked)))
	for _, runID := range slices.Concat(runs.marked, runs.unmarked) {
		section = changelog.AppendText(section, runID)
	}
	return section
}

func (*workspaceRuns) Read(batch *batch.Batch, section *changelog.Reader) {
	part := runsIn.In(batch)
	for marked := section.Number(); marked > 0 && !section.Failed(); marked-- {
		part.marked = append(part.marked, section.Text())
	}
	for section.More() {
		part.unmarked = append(part.unmarked, section.Text())
	}
}

// endRun marks a run. The batch removes the marks that nobody needs any more, too.
func endRun(batch *batch.Batch, runID string) {
	part := runsIn.In(batch)
	part.marked = append(part.marked, runID)
	for at := batch; at != nil; at = at.Below() {
		if len(runsIn.Of(at).unmarked) > 0 {
			return
		}
	}
	part.unmarked = runsIn.Table(batch.Tables()).removable()
}

// runEnded reports whether a run of a workspace was committed or discarded.
func runEnded(batch *batch.Batch, runID string) bool {
	for at := batch; at != nil; at = at.Below() {
		if slices.Contains(runsIn.Of(at).marked, runID) {
			return true
		}
	}
	return runsIn.Table(batch.Tables()).ended[runID]
}

func (runs *workspaceRuns) Save(transaction *sqlite.Transaction, batch *batch.Batch) {
	part := runsIn.Of(batch)
	for _, runID := range part.marked {
		transaction.Execute(runs.insert, runID)
	}
	for _, runID := range part.unmarked {
		transaction.Execute(runs.delete, runID)
	}
}

func (runs *workspaceRuns) Saved(batch *batch.Batch) (bytes int) {
	part := runsIn.Of(batch)
	for _, runID := range part.marked {
		runs.ended[runID] = true
	}
	for _, runID := range part.unmarked {
		delete(runs.ended, runID)
	}
	fileless, unlock := runs.fileless.lock()
	defer unlock()
	*fileless = slices.DeleteFunc(*fileless, func(runID string) bool { return !runs.ended[runID] })
	return 0
}

// removable returns runs whose marks can be removed, at most marksPerCommit.
func (runs *workspaceRuns) removable() []string {
	fileless, unlock := runs.fileless.lock()
	defer unlock()
	return slices.Clone((*fileless)[:min(len(*fileless), marksPerCommit)])
}

// endedRuns returns the runs that were committed or discarded and may still have a file.
func (store *Store) endedRuns() (map[string]bool, error) {
	return ask(store, func(committer *committer) (map[string]bool, error) {
		return maps.Clone(runsIn.Table(committer.tables).ended), nil
	})
}

// marksAreLeft reports whether marks of runs are to be removed while no commit comes that could
// remove them.
func (committer *committer) marksAreLeft() bool {
	return committer.idle && !committer.logEnded && len(committer.underway) == 0 && len(runsIn.Table(committer.tables).removable()) > 0
}

// removeMarks removes a slice of these marks.
func (committer *committer) removeMarks() (more bool) {
	committer.commitOwn(removeMarksCommand{}, func(err error) {
		committer.tried(workRuns, err)
		if err != nil {
			committer.idle = false
			committer.idleTimer.Reset(housekeepingInterval)
		}
	})
	return committer.marksAreLeft()
}

// removeMarksCommand removes a slice of the marks that nobody needs any more.
type removeMarksCommand struct{}

func (removeMarksCommand) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	if unmarked := runsIn.Table(batch.Tables()).removable(); len(unmarked) > 0 {
		runsIn.In(batch).unmarked = unmarked
	}
	return Outcome{}, nil
}

func (removeMarksCommand) Groups() []string { return nil }
