// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"encoding/binary"
	"maps"
	"slices"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// marksPerCommit is the largest number of marks that one commit removes.
const marksPerCommit = 256

// runsIn gives the table of the ended runs, and a batch's part of it.
var runsIn = batch.Slot[runPart, *runPart, *Runs]{Place: batch.PlaceOfRuns}

// fileless are ended runs without a file, whose marks are still to be removed. Any number of
// goroutines may use it.
type fileless struct{ runs guarded[[]string] }

// add adds runs whose files are gone for good.
func (fileless *fileless) add(runIDs ...string) {
	runs, unlock := fileless.runs.lock()
	defer unlock()
	*runs = append(*runs, runIDs...)
}

// keep leaves only the runs that have a mark.
func (fileless *fileless) keep(marked map[string]bool) {
	runs, unlock := fileless.runs.lock()
	defer unlock()
	*runs = slices.DeleteFunc(*runs, func(runID string) bool { return !marked[runID] })
}

// some returns so many of the runs at most.
func (fileless *fileless) some(most int) []string {
	runs, unlock := fileless.runs.lock()
	defer unlock()
	return slices.Clone((*runs)[:min(len(*runs), most)])
}

// Runs is the table of runs that were committed or discarded and whose files may still
// exist: each has a mark. A mark is removed after its file, with the next commit that ends a
// run. If there is none for a while, a chore removes it. A mark that stays does no harm.
type Runs struct {
	// ended has the marks.
	ended    map[string]bool
	fileless *fileless

	selectAll *sqlite.Statement
	insert    *sqlite.Statement
	delete    *sqlite.Statement
}

// RunsOf returns the table of a store.
func RunsOf(tables *batch.Tables) *Runs { return runsIn.Table(tables) }

// NewRuns returns the table of the runs that have ended, with its statements prepared.
func (workspaces *Workspaces) NewRuns(session *sqlite.Session) *Runs {
	return &Runs{
		ended:     map[string]bool{},
		fileless:  workspaces.fileless,
		selectAll: session.Prepare(`SELECT run_id FROM workspace_runs`),
		insert:    session.Prepare(`INSERT INTO workspace_runs (run_id) VALUES (?)`),
		delete:    session.Prepare(`DELETE FROM workspace_runs WHERE run_id = ?`),
	}
}

// Load implements batch.Table.
func (runs *Runs) Load() error {
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

// Waits is short if marks are only removed: a mark that stays does no harm.
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

// Read implements batch.Table.
func (*Runs) Read(batch *batch.Batch, section *changelog.Reader) {
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
	part.unmarked = RunsOf(batch.Tables()).removable()
}

// runEnded reports whether a run of a workspace was committed or discarded.
func runEnded(batch *batch.Batch, runID string) bool {
	for at := batch; at != nil; at = at.Below() {
		if slices.Contains(runsIn.Of(at).marked, runID) {
			return true
		}
	}
	return RunsOf(batch.Tables()).ended[runID]
}

// Save implements batch.Table.
func (runs *Runs) Save(transaction *sqlite.Transaction, batch *batch.Batch) {
	part := runsIn.Of(batch)
	for _, runID := range part.marked {
		transaction.Execute(runs.insert, runID)
	}
	for _, runID := range part.unmarked {
		transaction.Execute(runs.delete, runID)
	}
}

// Saved implements batch.Table.
func (runs *Runs) Saved(batch *batch.Batch) (bytes int) {
	part := runsIn.Of(batch)
	for _, runID := range part.marked {
		runs.ended[runID] = true
	}
	for _, runID := range part.unmarked {
		delete(runs.ended, runID)
	}
	runs.fileless.keep(runs.ended)
	return 0
}

// removable returns runs whose marks can be removed, at most marksPerCommit.
func (runs *Runs) removable() []string { return runs.fileless.some(marksPerCommit) }

// Ended returns the runs that were committed or discarded and may still have a file.
func (runs *Runs) Ended() map[string]bool { return maps.Clone(runs.ended) }

// MarksAreLeft reports whether there are marks that nobody needs any more.
func (runs *Runs) MarksAreLeft() bool { return len(runs.fileless.some(1)) > 0 }

// RemoveMarks removes a slice of the marks that nobody needs any more.
type RemoveMarks struct{}

// Apply implements commands.Command.
func (RemoveMarks) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	if unmarked := RunsOf(batch.Tables()).removable(); len(unmarked) > 0 {
		runsIn.In(batch).unmarked = unmarked
	}
	return commands.Outcome{}, nil
}

// Groups implements commands.Command.
func (RemoveMarks) Groups() []string { return nil }
