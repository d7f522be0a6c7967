// SPDX-License-Identifier: EUPL-1.2

package store

import "dappco.re/go/storebus/store/internal/sqlite"

// removalsAtClose is how many slices of deleted groups Close waits for. Opening the store goes on
// with the rest.
const removalsAtClose = 1024

// deletionsWait reports whether deletions are to be carried out.
func (committer *committer) deletionsWait() bool { return committer.view.DeletionsWaiting() > 0 }

// carryOut carries out a slice of the deletions, and reports whether there is more.
func (committer *committer) carryOut() (more bool) {
	removal, err := committer.materialiser.NextRemoval()
	if err == nil && removal.Rows() > 0 {
		err = committer.unsynced(func(transaction *sqlite.Transaction) { committer.materialiser.Write(transaction, &removal.Slice) })
	}
	committer.tried(workDeletions, err)
	if err != nil {
		return false
	}
	committer.checkpoints.written += removal.Counted * rowBytes
	committer.materialiser.Removed(removal)
	return committer.deletionsWait()
}
