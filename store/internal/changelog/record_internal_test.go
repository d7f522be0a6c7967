// SPDX-License-Identifier: EUPL-1.2

package changelog

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sealedBlob returns the blob of a content.
func sealedBlob(content []byte) []byte {
	blob := append(make([]byte, headerBytes), content...)
	seal(blob)
	return blob
}

// FuzzDecodeRecord has the content of a record be anything, behind a good checksum and without.
// The bytes that are taken are the bytes that the record encodes to.
func FuzzDecodeRecord(f *testing.F) {
	for _, record := range []Record{
		{},
		{StoreID: "4f2a", ID: 1, CommittedAt: 1_700_000_000_000_000_000, Previous: 7, Changes: []byte("changes"), Sections: []byte("sections")},
		{StoreID: "4f2a", ID: 1 << 63, CommittedAt: -1, Previous: 1 << 63},
	} {
		f.Add(record.Encode()[headerBytes:])
	}
	f.Add([]byte{0x80, 0x00})
	f.Fuzz(func(t *testing.T, content []byte) {
		_, _ = DecodeRecord(content)
		blob := sealedBlob(content)
		record, err := DecodeRecord(blob)
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		assert.Equal(t, blob, record.Encode())
		blob[len(blob)-1]++
		_, err = DecodeRecord(blob)
		require.ErrorIs(t, err, ErrDamaged)
	})
}

func TestRecord_DecodeRecord_Bad(t *testing.T) {
	whole := (&Record{StoreID: "4f2a", ID: 5, Changes: []byte("changes")}).Encode()
	content := whole[headerBytes:]
	for name, blob := range map[string][]byte{
		"Empty":                  nil,
		"CutShort":               whole[:3],
		"AnotherVersion":         append([]byte{9}, whole[1:]...),
		"ContentCutShort":        sealedBlob(content[:len(content)-1]),
		"More":                   sealedBlob(append(content[:len(content):len(content)], 0)),
		"ALongerNumber":          sealedBlob(append([]byte{0x84, 0x00}, content[1:]...)),
		"ANumberTooLarge":        sealedBlob(append(append([]byte{4}, "4f2a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"...), content[6:]...)),
		"ANumberTooLong":         sealedBlob(append(append([]byte{4}, "4f2a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"...), content[6:]...)),
		"ATextLongerThanTheRest": sealedBlob([]byte{200, 1, 'x'}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeRecord(blob)
			require.ErrorIs(t, err, ErrDamaged)
		})
	}
}
