// SPDX-License-Identifier: EUPL-1.2

package inspect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/sqlitelog"
)

// differencesKept bounds the differences that are told one by one.
const differencesKept = 1000

// Report is what an inspection has found.
type Report struct {
	// Commits, Entries and Namespaces are how many were read.
	Commits, Entries, Namespaces uint64
	// Differences has a sentence for each fault, and at most 1,000 of them. More counts the rest.
	Differences []string
	More        uint64
	// Newest is how many further commits are in the file beside the database, as after a crash. They
	// are not among the others.
	Newest uint64
	// Behind is how many commits of the log the tables do not hold yet, as after a crash. The
	// counters are not compared then.
	Behind uint64
}

// differ takes note of a fault.
func (report *Report) differ(format string, values ...any) {
	if len(report.Differences) == differencesKept {
		report.More++
		return
	}
	report.Differences = append(report.Differences, fmt.Sprintf(format, values...))
}

// inspection is an inspection under way.
type inspection struct {
	ctx    context.Context //nolint:containedctx // it belongs to the one call
	reader *sql.Conn
	report *Report

	materialised, lastCommit uint64
	// wholeAfter is the commit behind which nothing is trimmed, and oldest the oldest revision that
	// each namespace has in the log.
	wholeAfter uint64
	oldest     map[string]uint64
	namespaces map[string]*namespace
	groups     map[string]*group
	// deletions has the revisions at which the log deletes groups, and hidden those whose rows may
	// still be there.
	deletions, hidden map[string]uint64
}

// namespace is a namespace as it was counted. first and last are its revisions in the log, 0 if it
// has none there. held is the last one that the tables are said to hold.
type namespace struct {
	keys, groups, bytes int64
	first, last, held   uint64
}

// group is a group as it was counted, with the last change of each key in the log.
type group struct {
	keys, bytes  int64
	lastRevision uint64
	changes      map[string]*change
}

// Check is a further check, with the log of the database. It returns a fault, nil for none.
type Check func(storeID string, log *sqlitelog.Log) (fault, err error)

// Schema returns a sentence for each part of the schema that is absent. Without readable the tables
// cannot be read.
type Schema func() (absent []string, readable bool, err error)

// Run inspects a database of the newest version.
func Run(ctx context.Context, reader *sql.Conn, schema Schema, check Check) (Report, error) {
	report := Report{}
	inspection := &inspection{
		ctx: ctx, reader: reader, report: &report,
		oldest: map[string]uint64{}, namespaces: map[string]*namespace{}, groups: map[string]*group{}, deletions: map[string]uint64{}, hidden: map[string]uint64{},
	}
	for _, step := range []func() error{
		inspection.integrity,
		func() error { return inspection.schema(schema) },
		func() error { return inspection.records(check) },
		inspection.log,
		inspection.entries,
		inspection.counters,
		inspection.journal,
		inspection.quotas,
	} {
		err := step()
		if errors.Is(err, errIncomplete) {
			return report, nil
		}
		if err != nil {
			return report, err
		}
	}
	return report, nil
}

// integrity has SQLite check the pages and the indices of the file.
func (inspection *inspection) integrity() error {
	return inspection.rows("PRAGMA integrity_check(100)", func(row *sql.Rows) error {
		var said string
		err := row.Scan(&said)
		if said != "ok" {
			inspection.report.differ("SQLite: %s", said)
		}
		return err
	})
}

// records checks the chain of hashes of all records that are whole, and calls check.
func (inspection *inspection) records(check Check) error {
	var id string
	if err := inspection.one("SELECT value FROM meta WHERE name = 'store_id'", &id); err != nil {
		return err
	}
	return sqlitelog.Of(&sqlite.Database{Connection: inspection.reader}, id, func(log *sqlitelog.Log) error {
		err := inspection.chain(log)
		if err != nil {
			return err
		}
		fault, err := check(id, log)
		if fault != nil {
			inspection.report.differ("%s", fault.Error())
		}
		return err
	})
}

func (inspection *inspection) chain(log *sqlitelog.Log) error {
	for next := log.Start(); ; {
		if err := inspection.ctx.Err(); err != nil {
			return err
		}
		records, err := log.After(next)
		if errors.Is(err, changelog.ErrDamaged) {
			inspection.report.differ("the chain of records is broken: %s", err.Error())
			return nil
		}
		if err != nil || len(records) == 0 {
			return err
		}
		next = records[len(records)-1].ID
	}
}

// rows calls scan for each row of a query.
func (inspection *inspection) rows(query string, scan func(row *sql.Rows) error) (err error) {
	rows, err := inspection.reader.QueryContext(inspection.ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one reads a single value.
func (inspection *inspection) one(query string, value any) error {
	return inspection.reader.QueryRowContext(inspection.ctx, query).Scan(value)
}

func (inspection *inspection) namespace(name string) *namespace {
	if inspection.namespaces[name] == nil {
		inspection.namespaces[name] = &namespace{}
	}
	return inspection.namespaces[name]
}

func (inspection *inspection) group(name string) *group {
	if inspection.groups[name] == nil {
		inspection.groups[name] = &group{changes: map[string]*change{}}
	}
	return inspection.groups[name]
}
