// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/testrun"
	"dappco.re/go/storebus/store"
)

// archiveLines are so many lines of an archive.
func archiveLines(count int) []byte {
	var lines []byte
	for index := range count {
		lines = fmt.Appendf(lines, `{"entry_id":%d,"committed_at":"2026-11-22T10:00:00.%09dZ","namespace":"acme","measurement":"m","fields":{"a":1},"tags":{}}`+"\n", index+1, index)
	}
	return lines
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, err := writer.Write(content)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	return packed.Bytes()
}

func zstandard(t testing.TB, content []byte, options ...zstd.EOption) []byte {
	t.Helper()
	var packed bytes.Buffer
	writer, err := zstd.NewWriter(&packed, append([]zstd.EOption{zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(4 << 20)}, options...)...)
	require.NoError(t, err)
	_, err = writer.Write(content)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	return packed.Bytes()
}

// verify writes an archive and verifies it.
func verify(t testing.TB, suffix string, content []byte) (store.ArchiveContent, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a"+suffix)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return store.VerifyArchive(path)
}

func TestArchiveverify_VerifyArchive_Good(t *testing.T) {
	for suffix, packed := range map[string][]byte{
		".jsonl.gz":  gzipped(t, archiveLines(1000)),
		".jsonl.zst": zstandard(t, archiveLines(1000)),
	} {
		content, err := verify(t, suffix, packed)
		require.NoError(t, err)
		first := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		assert.Equal(t, []any{int64(1000), int64(len(packed)), first, first.Add(999)}, []any{content.Entries, content.Bytes, content.First, content.Last})
	}
	content, err := verify(t, ".jsonl.zst", zstandard(t, archiveLines(1), zstd.WithSingleSegment(true)))
	require.NoError(t, err)
	assert.Equal(t, int64(1), content.Entries)
}

func TestArchiveverify_VerifyArchive_Bad(t *testing.T) {
	line := string(archiveLines(1))
	changed := func(from, to string) []byte {
		require.Contains(t, line, from)
		return gzipped(t, []byte(strings.Replace(line, from, to, 1)))
	}
	packed, framed := gzipped(t, archiveLines(1000)), zstandard(t, archiveLines(1000))
	broken := func(content []byte, at int) []byte {
		content = slices.Clone(content)
		content[at] ^= 0x55
		return content
	}
	for name, test := range map[string]struct {
		suffix  string
		content []byte
		text    string
	}{
		"Empty":               {".jsonl.gz", nil, "EOF"},
		"EmptyZstd":           {".jsonl.zst", nil, "unexpected EOF"},
		"NoLines":             {".jsonl.gz", gzipped(t, nil), "it is empty"},
		"NoLinesZstd":         {".jsonl.zst", zstandard(t, nil, zstd.WithZeroFrames(true)), "it is empty"},
		"OtherFormat":         {".jsonl.gz", framed, "gzip: invalid header"},
		"OtherFormatZstd":     {".jsonl.zst", packed, "magic"},
		"PlainText":           {".jsonl.gz", archiveLines(1), "gzip: invalid header"},
		"AnotherName":         {".json", archiveLines(1), "its name ends neither in .jsonl.gz nor in .jsonl.zst"},
		"Truncated":           {".jsonl.gz", packed[:len(packed)-1], "unexpected EOF"},
		"TruncatedInside":     {".jsonl.gz", packed[:len(packed)/2], "unexpected EOF"},
		"TruncatedZstd":       {".jsonl.zst", framed[:len(framed)-1], "unexpected EOF"},
		"TruncatedZstdBlock":  {".jsonl.zst", framed[:len(framed)/2], "unexpected EOF"},
		"TruncatedHeader":     {".jsonl.zst", framed[:6], "unexpected EOF"},
		"TrailingBytes":       {".jsonl.gz", append(slices.Clone(packed), "rest"...), "4 bytes follow its end"},
		"TrailingZeros":       {".jsonl.gz", append(slices.Clone(packed), 0), "1 bytes follow its end"},
		"TrailingBytesZstd":   {".jsonl.zst", append(slices.Clone(framed), "rest"...), "4 bytes follow its end"},
		"TwoMembers":          {".jsonl.gz", append(slices.Clone(packed), packed...), "bytes follow its end"},
		"TwoFrames":           {".jsonl.zst", append(slices.Clone(framed), framed...), "bytes follow its end"},
		"FrameToSkip":         {".jsonl.zst", append([]byte("\x50\x2a\x4d\x18\x01\x00\x00\x00x"), framed...), "begins with a frame to be skipped"},
		"SumOfTheContent":     {".jsonl.gz", broken(packed, len(packed)-5), "checksum"},
		"SumOfTheFrame":       {".jsonl.zst", broken(framed, len(framed)-1), "CRC check failed"},
		"Damaged":             {".jsonl.zst", broken(framed, len(framed)/2), "line"},
		"NoSumOfTheFrame":     {".jsonl.zst", zstandard(t, archiveLines(1000), zstd.WithEncoderCRC(false)), "it has no checksum"},
		"LargeWindow":         {".jsonl.zst", []byte("\x28\xb5\x2f\xfd\x04\x68\x01\x00\x00xxxx"), "it needs a window of 8388608 bytes, 4194304 are allowed"},
		"GiganticWindow":      {".jsonl.zst", []byte("\x28\xb5\x2f\xfd\x04\xa8\x01\x00\x00xxxx"), "it needs a window of"},
		"GiganticContent":     {".jsonl.zst", append([]byte("\x28\xb5\x2f\xfd\xe4"), binary.LittleEndian.AppendUint64(nil, 1<<40)...), "it needs a window of"},
		"Dictionary":          {".jsonl.zst", []byte("\x28\xb5\x2f\xfd\x05\x58\x07\x01\x00\x00xxxx"), "it needs dictionary 7"},
		"BlockThatThereIsNot": {".jsonl.zst", []byte("\x28\xb5\x2f\xfd\x04\x58\x07\x00\x00xxxx"), "a block of a kind that there is not"},
		"NoEndOfTheLine":      {".jsonl.gz", gzipped(t, []byte(strings.TrimSuffix(line, "\n"))), "line 1: it has no end"},
		"EmptyLine":           {".jsonl.gz", gzipped(t, []byte(line+"\n")), "line 2: "},
		"NoObject":            {".jsonl.gz", gzipped(t, []byte("[]\n")), "line 1: "},
		"Null":                {".jsonl.gz", gzipped(t, []byte("null\n")), "line 1: it has not all of entry_id"},
		"TwoObjectsOnALine":   {".jsonl.gz", gzipped(t, []byte("{}{}\n")), "line 1: "},
		"MissingField":        {".jsonl.gz", changed(`"namespace":"acme",`, ``), "it has not all of entry_id"},
		"UnknownField":        {".jsonl.gz", changed(`"namespace"`, `"name":"","namespace"`), `"name"`},
		"RepeatedField":       {".jsonl.gz", changed(`"namespace"`, `"entry_id":1,"namespace"`), "duplicate"},
		"RepeatedInFields":    {".jsonl.gz", changed(`{"a":1}`, `{"a":1,"a":1}`), "duplicate"},
		"NoUTF8":              {".jsonl.gz", changed(`"m"`, "\"\xff\""), "UTF-8"},
		"NoTime":              {".jsonl.gz", changed(`2026-11`, `2026-13`), "line 1: "},
		"FieldsAreAList":      {".jsonl.gz", changed(`{"a":1}`, `[1]`), "line 1: fields are no object"},
		"FieldsAreNull":       {".jsonl.gz", changed(`{"a":1}`, `null`), "line 1: fields are no object"},
		"FieldIsNull":         {".jsonl.gz", changed(`{"a":1}`, `{"a":null}`), `line 1: field "a" is no string, boolean, number or integer of 64 bits`},
		"FieldIsAnObject":     {".jsonl.gz", changed(`{"a":1}`, `{"a":{"integer":"1","unsigned":"1"}}`), `field "a" is no`},
		"FieldIsTooLarge":     {".jsonl.gz", changed(`{"a":1}`, `{"a":{"integer":"9223372036854775808"}}`), `field "a" is no`},
		"TagIsANumber":        {".jsonl.gz", changed(`"tags":{}`, `"tags":{"a":1}`), "line 1: tags are no object of texts"},
		"TagsAreNull":         {".jsonl.gz", changed(`"tags":{}`, `"tags":null`), "line 1: tags are no object of texts"},
		"TheSameTwice":        {".jsonl.gz", gzipped(t, []byte(line+line)), "line 2: it is no later than the line before"},
	} {
		t.Run(name, func(t *testing.T) {
			content, err := verify(t, test.suffix, test.content)
			require.ErrorIs(t, err, store.ErrInvalidArchive)
			require.ErrorContains(t, err, test.text)
			require.ErrorContains(t, err, "store.VerifyArchive: ")
			assert.Equal(t, store.ArchiveContent{}, content)
		})
	}
	t.Run("EveryByteOfAnArchiveCounts", func(t *testing.T) {
		for suffix, content := range map[string][]byte{".jsonl.gz": gzipped(t, archiveLines(2)), ".jsonl.zst": zstandard(t, archiveLines(2))} {
			whole, err := verify(t, suffix, content)
			require.NoError(t, err)
			for at := range content {
				damaged, err := verify(t, suffix, broken(content, at))
				assert.True(t, err != nil || damaged.SHA256 != whole.SHA256, "%s byte %d", suffix, at)
				_, err = verify(t, suffix, content[:at])
				require.ErrorIs(t, err, store.ErrInvalidArchive, "%s cut at %d", suffix, at)
			}
		}
	})
	t.Run("NoFile", func(t *testing.T) {
		_, err := store.VerifyArchive(filepath.Join(t.TempDir(), "away.jsonl.gz"))
		require.ErrorIs(t, err, os.ErrNotExist)
		folder := filepath.Join(t.TempDir(), "folder.jsonl.gz")
		require.NoError(t, os.Mkdir(folder, 0o700))
		_, err = store.VerifyArchive(folder)
		require.ErrorContains(t, err, "it is no regular file")
	})
	t.Run("NotTheOneThatWasWritten", func(t *testing.T) {
		opened, folder := openStore(t, store.StoreConfig{DatabasePath: databasePath(t)}), t.TempDir()
		journalled(t, opened, "acme", 1)
		path := filepath.Join(folder, compact(t, opened, folder).Archive)
		require.NoError(t, os.WriteFile(path, packed, 0o600))
		_, err := opened.VerifyArchive(path)
		require.ErrorIs(t, err, store.ErrInvalidArchive)
		require.ErrorContains(t, err, "1 entries and SHA-256")
		require.NoError(t, os.WriteFile(path, packed[1:], 0o600))
		_, err = opened.VerifyArchive(path)
		require.ErrorContains(t, err, "gzip: invalid header")
		other := filepath.Join(folder, "other.jsonl.gz")
		require.NoError(t, os.WriteFile(other, packed, 0o600))
		_, err = opened.VerifyArchive(other)
		require.ErrorIs(t, err, store.ErrNotFound)
		require.NoError(t, opened.Close())
		_, err = opened.VerifyArchive(other)
		require.ErrorIs(t, err, store.ErrClosed)
	})
}

// A small file that unpacks to a flood is refused before it has done harm.
func TestArchiveverify_Bombs_Ugly(t *testing.T) {
	testrun.SkipUnderDetector(t)
	t.Parallel()
	large := func(text int) []byte {
		return []byte(strings.Replace(string(archiveLines(1)), `"m"`, `"`+strings.Repeat("m", text)+`"`, 1))
	}
	for suffix, pack := range map[string]func([]byte) []byte{
		".jsonl.gz":  func(content []byte) []byte { return gzipped(t, content) },
		".jsonl.zst": func(content []byte) []byte { return zstandard(t, content) },
	} {
		_, err := verify(t, suffix, pack(large(17<<20)))
		require.ErrorIs(t, err, store.ErrInvalidArchive)
		require.ErrorContains(t, err, "line 1: it is longer than 16777216 bytes")
		_, err = verify(t, suffix, pack(large(15<<20)))
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), "a"+suffix)
		content := pack(archiveLines(10_000))
		require.NoError(t, os.WriteFile(path, content, 0o600))
		bytes, size := int64(len(archiveLines(10_000))), int64(len(content))
		require.NoError(t, store.VerifyArchiveWithin(path, 1, bytes))
		require.ErrorContains(t, store.VerifyArchiveWithin(path, 1, bytes-1), "it unpacks to more than a file of its size may hold")
		require.NoError(t, store.VerifyArchiveWithin(path, bytes/size+1, 0))
		require.ErrorContains(t, store.VerifyArchiveWithin(path, bytes/size, 0), "it unpacks to more than a file of its size may hold")
	}
}

func FuzzVerifyArchive(f *testing.F) {
	f.Add(true, gzipped(f, archiveLines(2)))
	f.Add(false, zstandard(f, archiveLines(2)))
	f.Fuzz(func(t *testing.T, zipped bool, content []byte) {
		suffix := ".jsonl.zst"
		if zipped {
			suffix = ".jsonl.gz"
		}
		found, err := verify(t, suffix, content)
		if err != nil {
			require.ErrorIs(t, err, store.ErrInvalidArchive)
			return
		}
		assert.Positive(t, found.Entries)
	})
}
