// SPDX-License-Identifier: EUPL-1.2

package compaction

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store/internal/archivefile"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/journal"
)

// partialSuffix is behind the name of an archive that is being written.
const partialSuffix = ".partial"

// nameOf returns a name for an archive that no other has, ever.
func nameOf(before time.Time, format string) string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // It never fails: the process would end.
	return fmt.Sprintf("journal-%s-%s%s", before.UTC().Format("20060102T150405Z"), hex.EncodeToString(random[:]), archivefile.Suffixes[format])
}

func pathOf(archive *journal.Archive) string { return filepath.Join(archive.Folder, archive.Name) }

func partialPathOf(archive *journal.Archive) string { return pathOf(archive) + partialSuffix }

// removeFiles removes the file of an archive under either name. If the folder is away, it fails,
// because nobody can know whether the file is gone.
func removeFiles(archive *journal.Archive) error {
	if _, err := os.Stat(archive.Folder); err != nil {
		return err
	}
	for _, path := range []string{partialPathOf(archive), pathOf(archive)} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return platform.SyncFolder(archive.Folder)
}

// realFolder returns the path of a folder without links, under which it is found again after a
// crash.
func realFolder(output string) (string, error) {
	if output == "" {
		return "", fmt.Errorf("%w: Output is empty; name the folder of the archive", failure.ErrInvalidCompaction)
	}
	folder, err := filepath.Abs(output)
	if err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	var information fs.FileInfo
	if err == nil {
		information, err = os.Stat(folder)
	}
	switch {
	case err != nil:
	case !information.IsDir():
		err = errors.New("it is a file")
	default:
		// A folder that cannot be synced is better found before anything is begun.
		err = platform.SyncFolder(folder)
	}
	return folder, folderFailure(err)
}

// folderFailure describes a fault for the operator, without the path, because others may see
// the error.
func folderFailure(err error) error {
	var atPath *fs.PathError
	var atLink *os.LinkError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &atPath):
		return fmt.Errorf("%w: the folder of archives: %s: %w", failure.ErrUnavailable, atPath.Op, atPath.Err)
	case errors.As(err, &atLink):
		return fmt.Errorf("%w: the folder of archives: %s: %w", failure.ErrUnavailable, atLink.Op, atLink.Err)
	case errors.Is(err, failure.ErrInvalidArchive), errors.Is(err, failure.ErrClosed):
		return err
	default:
		return fmt.Errorf("%w: the folder of archives: %w", failure.ErrUnavailable, err)
	}
}
