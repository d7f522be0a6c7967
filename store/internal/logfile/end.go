// SPDX-License-Identifier: EUPL-1.2

package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"dappco.re/go/storebus/store/internal/changelog"
)

// Database is the log in the database.
type Database interface {
	End() (id uint64, hash changelog.Hash)
	HashOf(id uint64) (hash changelog.Hash, known bool, err error)
}

// End is the end of the log of a store that is at rest: in its database, and in the file beside it.
type End struct {
	database Database
	// Content is what the file has. Records are the part of it that the database does not have.
	Content Content
	Records []changelog.Record
	// Gap tells what may be lost between the database and the file, or within the file, nil if nothing is.
	Gap error
}

// EndOf reads the end of the log of a store.
func EndOf(databasePath, storeID string, database Database) (end End, err error) {
	end.database = database
	if end.Content, err = Read(databasePath + Suffix); err != nil {
		return end, err
	}
	id, hash := database.End()
	switch {
	case end.Content.isDamaged:
		end.Gap = fmt.Errorf("%s is damaged: it has no head", databasePath+Suffix)
	case end.Content.hasLost(id):
		end.Gap = fmt.Errorf("%s is damaged: commit %d was on disk, and it does not have all up to that", databasePath+Suffix, end.Content.onDisk)
	}
	if len(end.Content.Records) == 0 {
		return end, nil
	}
	first, last := &end.Content.Records[0], &end.Content.Records[len(end.Content.Records)-1]
	switch {
	case first.StoreID != storeID:
		end.Gap = fmt.Errorf("the database is of store %s, and %s has commits %d to %d of store %s", storeID, databasePath+Suffix, first.ID, last.ID, first.StoreID)
	case first.ID > id+1:
		end.Gap = fmt.Errorf("the database ends at commit %d, and %s goes on with commit %d", id, databasePath+Suffix, first.ID)
	case last.ID > id:
		records := end.Content.Records[id+1-first.ID:]
		if records[0].Previous != hash {
			end.Gap = fmt.Errorf("the database has another commit %d than %s", id, databasePath+Suffix)
		} else {
			end.Records = records
		}
	}
	return end, nil
}

// hasLost reports whether a record is not whole that was on disk.
func (content *Content) hasLost(id uint64) bool {
	if last := len(content.Records) - 1; last >= 0 {
		id = max(id, content.Records[last].ID)
	}
	return content.onDisk > id
}

// ID returns the id of the newest record.
func (end *End) ID() uint64 {
	id, _ := end.database.End()
	return id + uint64(len(end.Records))
}

// HashOf returns the hash of a record up to the newest. It returns false for a record that the log no
// longer tells of.
func (end *End) HashOf(id uint64) (hash changelog.Hash, known bool, err error) {
	if last, _ := end.database.End(); id > last {
		return end.Records[id-last-1].Hash(), true, nil
	}
	return end.database.HashOf(id)
}

// SetAside gives the file of a database another name with a suffix. A file that is not there is fine.
func SetAside(databasePath, suffix string) error {
	err := os.Rename(databasePath+Suffix, databasePath+Suffix+suffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
