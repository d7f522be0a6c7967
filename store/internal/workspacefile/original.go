// SPDX-License-Identifier: EUPL-1.2

package workspacefile

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// originalSuffix is how the files of the original library's workspaces end, which
	// are named after them. Early ones are SQLite, later ones are not.
	originalSuffix = ".duckdb"
	// importedFolder receives the files that were taken over.
	importedFolder = "imported"
)

// takeOver imports the workspaces of the original library in the folder, as workspaces outside
// every namespace. Unreadable files go to quarantine.
func (folder *Folder) takeOver() error {
	entries, err := os.ReadDir(folder.path)
	if err != nil {
		return err
	}
	taken := renaming{}
	defer func() { taken.report(folder) }()
	for _, entry := range entries {
		name, isOriginal := strings.CutSuffix(entry.Name(), originalSuffix)
		if !isOriginal {
			continue
		}
		renamed, err := folder.takeOverOne(entry, name)
		if errors.Is(err, errNoWorkspace) {
			err = folder.quarantine(entry.Name(), err)
		} else if err == nil {
			err = folder.setAside(importedFolder, entry.Name())
			taken.add(renamed)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", entry.Name(), err)
		}
	}
	return nil
}

// renaming maps old names of workspaces, and of kinds of entries, to their new names, if they
// differ.
type renaming struct {
	workspaces, kinds map[string]string
	checkKind         func(kind string) error
}

// called notes a name that differs, and returns the new name.
func called(renamed *map[string]string, name, here string) string {
	if name != here {
		if *renamed == nil {
			*renamed = map[string]string{}
		}
		(*renamed)[name] = here
	}
	return here
}

func (renamed *renaming) workspace(name string) string {
	return called(&renamed.workspaces, name, renamedWorkspace(name))
}

func (renamed *renaming) kind(kind string) string {
	return called(&renamed.kinds, kind, renamedKind(kind, renamed.checkKind))
}

func (renamed *renaming) add(others *renaming) {
	for name, here := range others.workspaces {
		called(&renamed.workspaces, name, here)
	}
	for kind, here := range others.kinds {
		called(&renamed.kinds, kind, here)
	}
}

// report names them all in one line each: lines that repeat may be left out of the log.
func (renamed *renaming) report(folder *Folder) {
	if len(renamed.workspaces) > 0 {
		folder.settings.Logger.Warn("workspaces of the original library have other names now", slog.String("folder", folder.path), slog.Any("workspaces", renamed.workspaces))
	}
	if len(renamed.kinds) > 0 {
		folder.settings.Logger.Warn("kinds of entries of the original library have other names now", slog.String("folder", folder.path), slog.Any("kinds", renamed.kinds))
	}
}

// takeOverOne makes a run from a file. The content of the file determines the run id. So after
// a crash before the file is set aside, the same run is made again.
func (folder *Folder) takeOverOne(entry fs.DirEntry, name string) (*renaming, error) {
	if !entry.Type().IsRegular() {
		return nil, fmt.Errorf("%w: it is no regular file", errNoWorkspace)
	}
	path := filepath.Join(folder.path, entry.Name())
	if _, err := readHeader(path); err != nil {
		return nil, err
	}
	renamed := &renaming{checkKind: folder.settings.CheckKind}
	err := folder.copyOriginal(path, name, renamed)
	switch code := sqlite.Code(err); {
	case damaging(code), errors.Is(err, failure.ErrTooLarge):
		return nil, fmt.Errorf("%w: %w", errNoWorkspace, err)
	default:
		return renamed, err
	}
}

func (folder *Folder) copyOriginal(path, name string, renamed *renaming) error {
	original, err := openDatabase(path, folder.settings)
	if err != nil {
		return err
	}
	// Reading takes the rest of the content from beside the file into it.
	openedAt, err := openedOriginal(original)
	if err := errors.Join(err, original.Close()); err != nil {
		return err
	}
	runID, err := digestOf(path)
	if err != nil {
		return err
	}
	file := folder.newFile(Name{Workspace: renamed.workspace(name)}, runID, openedAt)
	if _, err := os.Stat(file.Path()); err == nil {
		return nil
	}
	if original, err = openDatabase(path, folder.settings); err != nil {
		return err
	}
	return errors.Join(file.Create(func(transaction *Transaction) error { return renamed.copyEntries(original, transaction) }), original.Close())
}

// openedOriginal returns when the first entry was made, now if there is none.
func openedOriginal(original *Database) (openedAt time.Time, err error) {
	var milliseconds sql.NullInt64
	err = original.connection.QueryRowContext(context.Background(), `SELECT min(CAST(created_at AS INTEGER)) FROM workspace_entries`).Scan(&milliseconds)
	if !milliseconds.Valid {
		return time.Now().UTC(), err
	}
	return time.UnixMilli(milliseconds.Int64).UTC(), err
}

// copyEntries copies the entries in order. Data that is not JSON for SQLite becomes a JSON
// text.
func (renamed *renaming) copyEntries(original *Database, transaction *Transaction) error {
	rows, err := original.reader.QueryContext(context.Background(), `SELECT CAST(coalesce(entry_kind, '') AS TEXT), CAST(coalesce(entry_data, 'null') AS TEXT),
		CAST(coalesce(created_at, 0) AS INTEGER) FROM workspace_entries ORDER BY entry_id`)
	if err != nil {
		return err
	}
	return renamed.copyRows(rows, transaction)
}

// copyRows copies every row, and closes them.
func (renamed *renaming) copyRows(rows *sql.Rows, transaction *Transaction) (err error) {
	for err == nil && rows.Next() {
		err = renamed.copyEntry(rows, transaction)
	}
	return errors.Join(err, rows.Err(), rows.Close())
}

func (renamed *renaming) copyEntry(rows *sql.Rows, transaction *Transaction) (err error) {
	var entry Entry
	var milliseconds int64
	if err := rows.Scan(&entry.Kind, &entry.Data, &milliseconds); err != nil {
		return err
	}
	entry.Kind, entry.CreatedAt = renamed.kind(entry.Kind), time.UnixMilli(milliseconds)
	if entry.Data, err = asJSON(entry.Data); err != nil {
		return err
	}
	_, err = transaction.Insert(entry)
	return err
}

func asJSON(text string) (string, error) {
	if json.Valid([]byte(text)) && checkDepth([]byte(text)) == nil {
		return text, nil
	}
	encoded, err := json.Marshal(text)
	return string(encoded), err
}

// digestOf makes a run id of a file.
func digestOf(path string) (runID string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	_, _ = io.WriteString(hash, filepath.Base(path)) // A hash takes everything.
	_, err = io.Copy(hash, file)
	return hex.EncodeToString(hash.Sum(nil)[:runIDBytes]), errors.Join(err, file.Close())
}
