// SPDX-License-Identifier: EUPL-1.2

package changelog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A blob begins with a version byte and the CRC-32C of the rest, little-endian.
const (
	version = 1
	// headerBytes is the length of the beginning of a blob, which seal fills in.
	headerBytes = 1 + crc32.Size
)

// HeadBytes is the size of a blob of changes without its sections.
const HeadBytes = headerBytes

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrDamaged is the error for bytes that this package cannot have written.
var ErrDamaged = errors.New("log is damaged")

// seal fills in the header of a blob.
func seal(blob []byte) {
	blob[0] = version
	binary.LittleEndian.PutUint32(blob[1:], crc32.Checksum(blob[headerBytes:], castagnoli))
}

// open returns the content of a sealed blob, or ErrDamaged if it has changed since.
func open(blob []byte) ([]byte, error) {
	switch {
	case len(blob) < headerBytes:
		return nil, fmt.Errorf("%w: cut short", ErrDamaged)
	case blob[0] != version:
		return nil, fmt.Errorf("%w: unknown version %d", ErrDamaged, blob[0])
	case binary.LittleEndian.Uint32(blob[1:]) != crc32.Checksum(blob[headerBytes:], castagnoli):
		return nil, fmt.Errorf("%w: its checksum differs", ErrDamaged)
	default:
		return blob[headerBytes:], nil
	}
}

// AppendText appends the length of a text and its bytes, for Reader.Text.
func AppendText[Text ~string | ~[]byte](buffer []byte, text Text) []byte {
	return append(binary.AppendUvarint(buffer, uint64(len(text))), text...)
}

// Reader takes a blob apart. After the first fault everything that it returns is empty.
type Reader struct {
	rest    string
	damaged bool
}

// newReader reads the content of a blob.
func newReader(content string) Reader { return Reader{rest: content} }

// More reports whether there is something left to read.
func (reader *Reader) More() bool { return reader.rest != "" && !reader.damaged }

// Fail makes the content damaged.
func (reader *Reader) Fail() { reader.damaged = true }

// Failed reports whether the content is damaged.
func (reader *Reader) Failed() bool { return reader.damaged }

// End returns ErrDamaged if the content is damaged, or if something is left.
func (reader *Reader) End() error {
	if reader.damaged || reader.rest != "" {
		return ErrDamaged
	}
	return nil
}

// Byte reads a byte.
func (reader *Reader) Byte() byte {
	if reader.rest == "" {
		reader.damaged = true
		return 0
	}
	first := reader.rest[0]
	reader.rest = reader.rest[1:]
	return first
}

// Number undoes binary.AppendUvarint.
func (reader *Reader) Number() uint64 {
	var value uint64
	for shift := 0; shift < 64; shift += 7 {
		next := reader.Byte()
		value |= uint64(next&0x7f) << shift
		if next < 0x80 {
			// A number ends with bits of its own, and has 64 bits at most.
			if next == 0 && shift > 0 || next > 1 && shift == 63 {
				break
			}
			return value
		}
	}
	reader.damaged = true
	return 0
}

// Signed undoes binary.AppendVarint.
func (reader *Reader) Signed() int64 {
	zigzag := reader.Number()
	return int64(zigzag>>1) ^ -int64(zigzag&1)
}

// Text undoes AppendText. The text is a part of the content.
func (reader *Reader) Text() string {
	length := reader.Number()
	if length > uint64(len(reader.rest)) {
		reader.damaged = true
		return ""
	}
	text := reader.rest[:length]
	reader.rest = reader.rest[length:]
	return text
}

// fixed undoes AppendUint64 of little-endian.
func (reader *Reader) fixed() uint64 {
	if len(reader.rest) < 8 {
		reader.rest, reader.damaged = "", true
		return 0
	}
	value := binary.LittleEndian.Uint64([]byte(reader.rest[:8]))
	reader.rest = reader.rest[8:]
	return value
}
