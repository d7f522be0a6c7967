// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"dappco.re/go/storebus/store/internal/archivefile"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/logfile"
	"dappco.re/go/storebus/store/internal/mark"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// ownSuffixes are behind the names of the files and folders that the store makes itself.
var ownSuffixes = slices.Concat([]string{sqlite.LockSuffix, sqlite.ReserveSuffix, mark.Suffix, logfile.Suffix}, workspacefile.Suffixes,
	[]string{archivefile.Suffixes[archivefile.Gzip], archivefile.Suffixes[archivefile.Zstd]})

// superJournal is the name of a journal of SQLite that several databases share.
var superJournal = regexp.MustCompile(`-mj[0-9a-f]{9}$`)

// deviceName matches names that Windows takes for a device, whatever comes behind the first
// dot.
var deviceName = regexp.MustCompile(`^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|$)`)

// CheckFileName checks a name for a new database, such as a backup. It returns ErrInvalidName
// for a name that means something beside another file or on another system, in upper or lower
// case: files that SQLite keeps beside a database (monday.db-wal, -shm, -journal), files of the
// store itself (.commits, .lock, .mark, .reserve, .partial, .workspace, .workspaces, .duckdb, .jsonl.gz,
// .jsonl.zst, quarantine, imported), and devices of Windows (nul, com1.db).
//
//	err := store.CheckFileName("monday.db")
func CheckFileName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case slices.Contains(workspacefile.FolderNames, lower):
		return fmt.Errorf("%w: %q is the name of a folder of the store; use one such as monday.db", failure.ErrInvalidName, name)
	case deviceName.MatchString(lower):
		return fmt.Errorf("%w: %q is a device to Windows; use a name such as monday.db", failure.ErrInvalidName, name)
	}
	return checkDatabaseName(name)
}

// checkDatabaseName is the part of CheckFileName that holds for a database which may be
// there already.
func checkDatabaseName(name string) error {
	lower := strings.ToLower(name)
	for _, suffix := range slices.Concat(sqlite.Companions, ownSuffixes) {
		if strings.HasSuffix(lower, suffix) {
			return fmt.Errorf("%w: %q ends in %s, as what is kept beside a database does; use a name such as monday.db", failure.ErrInvalidName, name, suffix)
		}
	}
	if superJournal.MatchString(lower) {
		return fmt.Errorf("%w: %q is the name of a journal of SQLite; use a name such as monday.db", failure.ErrInvalidName, name)
	}
	return nil
}
