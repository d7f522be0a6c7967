// SPDX-License-Identifier: EUPL-1.2

package changelog

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// Hash identifies a record and, because each record has the hash of the record before it, the
// whole log up to the record. It finds logs that differ by accident. It is no signature.
type Hash uint64

// Record is everything that one commit makes durable. The same records, applied in order to an
// empty database, give the same database. The bytes are shared; do not change them.
type Record struct {
	// StoreID is the id of the store whose log it is.
	StoreID string
	// ID rises by one with each record of the store; the first is 1.
	ID uint64
	// CommittedAt is the time of the commit by the store's clock, in Unix nanoseconds.
	CommittedAt int64
	// Previous is the hash of the record before, 0 for the first.
	Previous Hash
	// Changes is the blob with the changes of entries, empty if there are none.
	Changes []byte
	// Sections is the blob with the changes of the other tables, empty if there are none.
	Sections []byte
}

// Hash returns the hash of the record.
func (record *Record) Hash() Hash {
	digest := xxhash.New()
	buffer := make([]byte, 0, 128)
	buffer = record.appendHead(buffer)
	buffer = binary.AppendUvarint(buffer, uint64(len(record.Changes)))
	_, _ = digest.Write(buffer) // a digest takes everything
	_, _ = digest.Write(record.Changes)
	_, _ = digest.Write(record.Sections)
	return Hash(digest.Sum64())
}

// appendHead appends the record without its blobs.
func (record *Record) appendHead(buffer []byte) []byte {
	buffer = AppendText(buffer, record.StoreID)
	buffer = binary.AppendUvarint(buffer, record.ID)
	buffer = binary.AppendVarint(buffer, record.CommittedAt)
	return binary.LittleEndian.AppendUint64(buffer, uint64(record.Previous))
}

// Encode returns the record as bytes for a log that keeps whole records: a version byte, the
// CRC-32C of the rest, the head, and both blobs as texts.
//
//	bytes := record.Encode()
func (record *Record) Encode() []byte {
	return record.Append(make([]byte, 0, headerBytes+64+len(record.StoreID)+len(record.Changes)+len(record.Sections)))
}

// Append appends what Encode returns.
func (record *Record) Append(buffer []byte) []byte {
	begin := len(buffer)
	buffer = append(buffer, make([]byte, headerBytes)...)
	buffer = record.appendHead(buffer)
	buffer = AppendText(buffer, record.Changes)
	buffer = AppendText(buffer, record.Sections)
	seal(buffer[begin:])
	return buffer
}

// DecodeRecord undoes Encode. It returns ErrDamaged for bytes that Encode cannot have made. The
// blobs are checked when they are read.
//
//	record, err := changelog.DecodeRecord(bytes)
func DecodeRecord(bytes []byte) (Record, error) {
	content, err := open(bytes)
	if err != nil {
		return Record{}, err
	}
	reader := newReader(string(content))
	record := Record{StoreID: reader.Text(), ID: reader.Number(), CommittedAt: reader.Signed(), Previous: Hash(reader.fixed())}
	record.Changes, record.Sections = []byte(reader.Text()), []byte(reader.Text())
	return record, reader.End()
}
