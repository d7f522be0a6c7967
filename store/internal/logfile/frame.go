// SPDX-License-Identifier: EUPL-1.2

package logfile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"

	"dappco.re/go/storebus/store/internal/changelog"
)

// A frame is the number of its round, the length of a record, a checksum of both, and the record,
// which has a checksum of its own. Numbers are little-endian. A round is the time between two
// beginnings of the file, so a frame of an earlier round is none.
const frameBytes = 8 + 4 + crc32.Size

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrame appends a record as a frame.
func appendFrame(buffer []byte, round uint64, record *changelog.Record) []byte {
	begin := len(buffer)
	buffer = append(buffer, make([]byte, frameBytes)...)
	buffer = record.Append(buffer)
	head := buffer[begin:]
	binary.LittleEndian.PutUint64(head, round)
	binary.LittleEndian.PutUint32(head[8:], uint32(len(head)-frameBytes))
	binary.LittleEndian.PutUint32(head[12:], crc32.Checksum(head[:12], castagnoli))
	return buffer
}

// readFrame reads the first frame. It returns false if there is no whole one.
func readFrame(content []byte) (round uint64, record changelog.Record, length int, whole bool) {
	if len(content) < frameBytes || binary.LittleEndian.Uint32(content[12:]) != crc32.Checksum(content[:12], castagnoli) {
		return 0, record, 0, false
	}
	round, length = binary.LittleEndian.Uint64(content), frameBytes+int(binary.LittleEndian.Uint32(content[8:]))
	if length > len(content) {
		return 0, record, 0, false
	}
	record, err := changelog.DecodeRecord(content[frameBytes:length])
	return round, record, length, err == nil
}

// Content is the content of a file of records.
type Content struct {
	// Records are the records of the newest round, in order. Each has the hash of the one before.
	Records []changelog.Record
	// round is the number of that round, end the place behind its last record, and size the size of the
	// file.
	round     uint64
	end, size int64
	// newestBehind is the newest record behind a place that has none, 0 if there is none.
	newestBehind uint64
}

// Read returns the content of a file. A file that is not there is empty. The records end before the
// first that was not written as a whole: nobody was told of that one.
func Read(path string) (Content, error) {
	all, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Content{}, nil
	}
	if err != nil {
		return Content{}, err
	}
	content := Content{size: int64(len(all))}
	for {
		round, record, length, whole := readFrame(all[content.end:])
		if !whole || !content.continues(round, &record) {
			content.lookBehind(all)
			return content, nil
		}
		content.round, content.Records = round, append(content.Records, record)
		content.end += int64(length)
	}
}

// Bytes is the size of the records.
func (content *Content) Bytes() int { return int(content.end) }

// Remove removes a file without records, if there is one: nobody was told of its beginning.
func (content *Content) Remove(databasePath string) error {
	if content.size == 0 {
		return nil
	}
	return os.Remove(databasePath + Suffix)
}

// lookBehind looks for records behind the first that is not whole.
func (content *Content) lookBehind(all []byte) {
	for rest := all[content.end:]; len(rest) > 0; {
		_, record, length, whole := readFrame(rest)
		switch {
		case whole:
			content.newestBehind = max(content.newestBehind, record.ID)
			rest = rest[length:]
		case rest[0] != 0 || len(rest) < frameBytes:
			rest = rest[1:]
		default: // mostly nothing was written to the rest
			zeros := len(rest) - len(bytes.TrimLeft(rest, "\x00"))
			rest = rest[max(1, zeros-frameBytes):]
		}
	}
}

// continues reports whether a record comes next in a round.
func (content *Content) continues(round uint64, record *changelog.Record) bool {
	if len(content.Records) == 0 {
		return true
	}
	last := &content.Records[len(content.Records)-1]
	return round == content.round && record.StoreID == last.StoreID && record.ID == last.ID+1 && record.Previous == last.Hash()
}
