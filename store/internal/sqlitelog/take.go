// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"errors"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Take writes records that come next into the log of a database that no store has. sections writes the
// sections of a record with so many changes into their tables. The tables of entries follow when the
// database is opened.
func (log *Log) Take(session *sqlite.Session, records []changelog.Record, sections func(transaction *sqlite.Transaction, record *changelog.Record, changes int) error) error {
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
		transaction.Fail(sections(transaction, &entry.Record, changes.Count))
		log.Written(&entry)
	}
	if err := transaction.Err(); err != nil {
		return errors.Join(err, session.Run(`ROLLBACK`))
	}
	return session.Run(`COMMIT`)
}
