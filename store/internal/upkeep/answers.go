// SPDX-License-Identifier: EUPL-1.2

package upkeep

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/disk"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Answers removes the remembered answers that are too old to be repeated.
type Answers struct {
	disk  *disk.Disk
	table *batch.Answers
}

// NewAnswers returns the removal of old answers.
func NewAnswers(config Config) *Answers {
	return &Answers{disk: config.Disk, table: config.Tables.Answers()}
}

// AreOld reports whether forgotten answers are to be deleted.
func (answers *Answers) AreOld() bool { return answers.table.AreOld() }

// Remove deletes a slice of the answers that are forgotten.
func (answers *Answers) Remove() (more bool) {
	through := answers.table.NextSlice()
	err := answers.disk.Unsynced(func(transaction *sqlite.Transaction) { answers.table.Remove(transaction, through) })
	answers.disk.Tried(workAnswers, err)
	if err != nil {
		answers.table.Keep()
		return false
	}
	answers.table.Removed(through)
	return answers.table.AreOld()
}
