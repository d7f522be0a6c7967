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

// A file begins with a head: a mark, a number that nobody else knows, and a checksum of both. A frame
// is its round, the newest record that was on disk when it was written, the length of a record, a
// checksum of them and of the number of the file, and the record, which has a checksum of its own.
// Numbers are little-endian. A round is the time between two beginnings of the file, so a frame of an
// earlier round is none. Rounds count from the number of the file. So no value of a client looks like
// a frame.
const (
	headBytes  = 8 + 8 + crc32.Size
	frameBytes = 8 + 8 + 4 + crc32.Size
	mostRounds = 1 << 32
)

var (
	headMark   = []byte("storebus")
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// newHead returns the head of a file with a number.
func newHead(number uint64) []byte {
	head := binary.LittleEndian.AppendUint64(bytes.Clone(headMark), number)
	return binary.LittleEndian.AppendUint32(head, crc32.Checksum(head, castagnoli))
}

// readHead returns the number of a file.
func readHead(all []byte) (number uint64, whole bool) {
	if len(all) < headBytes {
		return 0, false
	}
	number = binary.LittleEndian.Uint64(all[len(headMark):])
	return number, bytes.Equal(all[:headBytes], newHead(number))
}

// appendFrame appends a record as a frame, which sealFrame makes whole.
func appendFrame(buffer []byte, round uint64, record *changelog.Record) []byte {
	begin := len(buffer)
	buffer = append(buffer, make([]byte, frameBytes)...)
	buffer = record.Append(buffer)
	binary.LittleEndian.PutUint64(buffer[begin:], round)
	binary.LittleEndian.PutUint32(buffer[begin+16:], uint32(len(buffer)-begin-frameBytes))
	return buffer
}

// sealFrame makes a frame whole. onDisk is the newest record that is on disk.
func sealFrame(frame []byte, number, onDisk uint64) {
	binary.LittleEndian.PutUint64(frame[8:], onDisk)
	binary.LittleEndian.PutUint32(frame[20:], frameSum(frame, number))
}

func frameSum(frame []byte, number uint64) uint32 {
	sum := crc32.Checksum(binary.LittleEndian.AppendUint64(nil, number), castagnoli)
	return crc32.Update(sum, castagnoli, frame[:20])
}

// frame is a record in a file.
type frame struct {
	round, onDisk uint64
	record        changelog.Record
	length        int
}

// readFrame reads the first frame of a file with a number. It returns false if there is no whole one.
func readFrame(content []byte, number uint64) (found frame, whole bool) {
	if len(content) < frameBytes {
		return found, false
	}
	found.round, found.onDisk = binary.LittleEndian.Uint64(content), binary.LittleEndian.Uint64(content[8:])
	size := binary.LittleEndian.Uint32(content[16:])
	if found.round-number >= mostRounds || uint64(size) > uint64(len(content)-frameBytes) || binary.LittleEndian.Uint32(content[20:]) != frameSum(content, number) {
		return found, false
	}
	found.length = frameBytes + int(size)
	var err error
	found.record, err = changelog.DecodeRecord(content[frameBytes:found.length])
	return found, err == nil
}

// Content is the content of a file of records.
type Content struct {
	// Records are the records of the newest round, in order. Each has the hash of the one before.
	Records []changelog.Record
	// number is that of the file, round the round, end the place behind its last record, and size the
	// size of the file.
	number, round uint64
	end, size     int64
	// onDisk is the newest record that was on disk when a record behind Records was written. isDamaged
	// tells that the head of the file is.
	onDisk    uint64
	isDamaged bool
}

// Read returns the content of a file. A file that is not there is empty. The records end before the
// first that was not written as a whole.
func Read(path string) (Content, error) {
	all, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Content{}, nil
	}
	if err != nil {
		return Content{}, err
	}
	content := Content{size: int64(len(all))}
	number, whole := readHead(all)
	if !whole {
		content.isDamaged = len(bytes.TrimLeft(all, "\x00")) > 0
		return content, nil
	}
	content.number, content.end = number, headBytes
	for {
		next, whole := readFrame(all[content.end:], number)
		if !whole || !content.continues(next.round, &next.record) {
			content.lookBehind(all)
			return content, nil
		}
		content.round, content.Records = next.round, append(content.Records, next.record)
		content.end += int64(next.length)
	}
}

// Bytes is the size of the records.
func (content *Content) Bytes() int { return int(content.end) }

// Remove removes a file without records, and one that was not finished, if there is one.
func Remove(databasePath string) error {
	return errors.Join(removeIfThere(databasePath+Suffix), removeIfThere(databasePath+Suffix+partialSuffix))
}

// lookBehind looks for records behind the first that is not whole.
func (content *Content) lookBehind(all []byte) {
	for rest := all[content.end:]; len(rest) > 0; {
		found, whole := readFrame(rest, content.number)
		switch {
		case whole:
			content.onDisk = max(content.onDisk, found.onDisk)
			rest = rest[found.length:]
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
