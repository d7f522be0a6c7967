// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"path/filepath"

	"dappco.re/go/storebus/store/internal/archivefile"
	"dappco.re/go/storebus/store/internal/failure"
)

// ArchiveContent describes the content of an archive.
type ArchiveContent = archivefile.Content

// VerifyArchive reads an archive, *.jsonl.gz or *.jsonl.zst, from beginning to end, and
// describes its content. It returns ErrInvalidArchive for a file that Compact cannot have
// written: a damaged file, a file that is cut off or continues after its end, a file whose
// lines are not one entry each in the order of their times, or a file made to exhaust its
// reader. It needs memory for a few lines of at most 16 MiB, whatever the file is.
//
//	content, err := store.VerifyArchive("./data/archive/journal-20261101T000000Z-….jsonl.gz")
func VerifyArchive(path string) (archivefile.Content, error) {
	content, err := archivefile.VerifyNamed(path)
	if err != nil {
		return content, fmt.Errorf("store.VerifyArchive: %s: %w", path, err)
	}
	return content, nil
}

// VerifyArchive is the function VerifyArchive, and also compares the file with the record of
// this store's Compact. It returns ErrNotFound if this store has written no archive of that
// name, and ErrInvalidArchive if the file has changed.
//
//	content, err := opened.VerifyArchive("./data/archive/journal-20261101T000000Z-….jsonl.gz")
func (store *Store) VerifyArchive(path string) (archivefile.Content, error) {
	var content archivefile.Content
	err := store.unusable()
	if err == nil {
		content, err = archivefile.VerifyNamed(path)
	}
	if err == nil {
		err = store.compareArchive(filepath.Base(path), content)
	}
	if err != nil {
		return archivefile.Content{}, fmt.Errorf("store.VerifyArchive: %s: %w", path, err)
	}
	return content, nil
}

func (store *Store) compareArchive(name string, content archivefile.Content) error {
	_, err := askJournal(store, func(journal *journal) (struct{}, error) {
		entries, sum, found, err := journal.archives.finished(name)
		switch {
		case err != nil:
		case !found:
			err = fmt.Errorf("%w: this store has written no archive of that name", failure.ErrNotFound)
		case sum != content.SHA256:
			err = fmt.Errorf("%w: %d entries and SHA-256 %s were written, %d and %s are there", failure.ErrInvalidArchive, entries, sum, content.Entries, content.SHA256)
		}
		return struct{}{}, err
	})
	return err
}
