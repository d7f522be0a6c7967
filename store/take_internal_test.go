// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
)

// TakeRecord reads a record as a follower does, without installing it. It returns the sections as
// they would be written again.
func TakeRecord(store *Store, record changelog.Record) (sections []byte, err error) {
	err = onCommitter(store, func(committer *committer) error {
		batch := newBatch(committer.view, committer.tables, time.Unix(0, record.CommittedAt).UTC())
		if _, err := batch.take(&record); err != nil {
			return err
		}
		sections = batch.parts.sections()
		return nil
	})
	return sections, err
}
