// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"errors"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Take writes records without sections that come next into the log of a database that no store has.
// The tables follow when it is opened.
func (log *Log) Take(session *sqlite.Session, records []changelog.Record) error {
	if err := log.LoadHoldings(func(string) (uint64, error) { return 0, nil }); err != nil {
		return err
	}
	if err := session.Run(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	transaction := &sqlite.Transaction{}
	for index := range records {
		entry := Entry{Record: records[index], Place: log.Place()}
		changes, err := changelog.ChangesOf(entry.Record.Changes)
		transaction.Fail(err)
		entry.Changes, entry.End = changes, log.Position().Behind(changes)
		entry.Place = Place{ID: entry.Record.ID, CommitID: entry.End.CommitID, Hash: entry.Record.Hash()}
		log.Write(transaction, &entry)
		log.Written(&entry)
	}
	if err := transaction.Err(); err != nil {
		return errors.Join(err, session.Run(`ROLLBACK`))
	}
	return session.Run(`COMMIT`)
}
