// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/engine"
)

// TakeRecord reads a record as a follower does, without installing it. It returns the sections as
// they would be written again.
func TakeRecord(store *Store, record changelog.Record) (sections []byte, err error) {
	err = onCommitter(store, func(committer *engine.Committer) error {
		batch := batch.New(committer.View(), committer.Tables(), time.Unix(0, record.CommittedAt).UTC())
		if _, err := batch.Take(&record); err != nil {
			return err
		}
		sections = batch.Sections()
		return nil
	})
	return sections, err
}
