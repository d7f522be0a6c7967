// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"dappco.re/go/storebus/store/internal/kv"
)

// ArchiveContent describes the content of an archive.
type ArchiveContent struct {
	Entries int64
	// SHA256 is the checksum of the file on disk, in hex; Bytes is its size.
	SHA256 string
	Bytes  int64
	// First and Last are the times of the first and the last entry.
	First time.Time
	Last  time.Time
}

// VerifyArchive reads an archive, *.jsonl.gz or *.jsonl.zst, from beginning to end, and
// describes its content. It returns ErrInvalidArchive for a file that Compact cannot have
// written: a damaged file, a file that is cut off or continues after its end, a file whose
// lines are not one entry each in the order of their times, or a file made to exhaust its
// reader. It needs memory for a few lines of at most 16 MiB, whatever the file is.
//
//	content, err := store.VerifyArchive("./data/archive/journal-20261101T000000Z-….jsonl.gz")
func VerifyArchive(path string) (ArchiveContent, error) {
	content, err := verifyNamedArchive(path)
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
func (store *Store) VerifyArchive(path string) (ArchiveContent, error) {
	var content ArchiveContent
	err := store.unusable()
	if err == nil {
		content, err = verifyNamedArchive(path)
	}
	if err == nil {
		err = store.compareArchive(filepath.Base(path), content)
	}
	if err != nil {
		return ArchiveContent{}, fmt.Errorf("store.VerifyArchive: %s: %w", path, err)
	}
	return content, nil
}

func (store *Store) compareArchive(name string, content ArchiveContent) error {
	_, err := askJournal(store, func(journal *journal) (struct{}, error) {
		entries, sum, found, err := journal.archives.finished(name)
		switch {
		case err != nil:
		case !found:
			err = fmt.Errorf("%w: this store has written no archive of that name", kv.ErrNotFound)
		case sum != content.SHA256:
			err = fmt.Errorf("%w: %d entries and SHA-256 %s were written, %d and %s are there", kv.ErrInvalidArchive, entries, sum, content.Entries, content.SHA256)
		}
		return struct{}{}, err
	})
	return err
}

// verifyNamedArchive tells the format by the name.
func verifyNamedArchive(path string) (ArchiveContent, error) {
	for format, suffix := range archiveSuffixes {
		if strings.HasSuffix(path, suffix) {
			return verifyArchive(path, format, defaultArchiveBounds, func() error { return nil })
		}
	}
	return ArchiveContent{}, fmt.Errorf("%w: its name ends neither in %s nor in %s", kv.ErrInvalidArchive, archiveSuffixes[ArchiveGzip], archiveSuffixes[ArchiveZstd])
}

// verifyArchive reads an archive as long as goOn returns nil.
func verifyArchive(path, format string, bounds archiveBounds, goOn func() error) (ArchiveContent, error) {
	// Opening something other than a file can take for ever.
	information, err := os.Stat(path)
	if err != nil {
		return ArchiveContent{}, err
	}
	if !information.Mode().IsRegular() {
		return ArchiveContent{}, fmt.Errorf("%w: it is no regular file", kv.ErrInvalidArchive)
	}
	file, err := os.Open(path)
	if err != nil {
		return ArchiveContent{}, err
	}
	content, err := readArchive(file, information.Size(), format, archiveCheck{left: bounds.content(information.Size()), goOn: goOn})
	return content, errors.Join(err, file.Close())
}

func readArchive(file *os.File, size int64, format string, check archiveCheck) (ArchiveContent, error) {
	sum := sha256.New()
	read := &countedReader{reader: io.TeeReader(file, sum)}
	buffered := bufio.NewReaderSize(read, 1<<16)
	lines, release, err := openArchive(file, buffered, size, format)
	if err != nil {
		return ArchiveContent{}, invalidArchive(err)
	}
	defer release()
	if err := check.readAll(lines); err != nil {
		return ArchiveContent{}, err
	}
	// An entry without an end of its own in the format ends with the file.
	if rest, err := io.Copy(io.Discard, buffered); err != nil || rest > 0 {
		return ArchiveContent{}, invalidArchive(errors.Join(err, fmt.Errorf("%d bytes follow its end", rest)))
	}
	if read.bytes != size {
		return ArchiveContent{}, invalidArchive(fmt.Errorf("it has changed from %d to %d bytes while it was read", size, read.bytes))
	}
	check.content.SHA256, check.content.Bytes = hex.EncodeToString(sum.Sum(nil)), size
	return check.content, nil
}

func invalidArchive(err error) error {
	return fmt.Errorf("%w: %w", kv.ErrInvalidArchive, err)
}

// countedReader counts the bytes that are read.
type countedReader struct {
	reader io.Reader
	bytes  int64
}

// Read is io.Reader's.
func (counted *countedReader) Read(buffer []byte) (int, error) {
	read, err := counted.reader.Read(buffer)
	counted.bytes += int64(read)
	return read, err
}

// openArchive reads exactly one compressed piece.
func openArchive(file io.ReaderAt, buffered *bufio.Reader, size int64, format string) (lines io.Reader, release func(), err error) {
	if format == ArchiveGzip {
		member, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, nil, err
		}
		member.Multistream(false)
		return member, func() {}, nil
	}
	if err := checkFrame(file, size); err != nil {
		return nil, nil, err
	}
	frame, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(archiveWindow), zstd.WithDecoderMaxMemory(2*archiveWindow))
	if err != nil {
		return nil, nil, err
	}
	return frame, frame.Close, nil
}

// archiveCheck reads the lines of an archive.
type archiveCheck struct {
	content ArchiveContent
	// left is how many bytes there may still be.
	left int64
	goOn func() error
}

func (check *archiveCheck) readAll(lines io.Reader) error {
	// One byte more than there may be tells that there are more.
	reader := bufio.NewReaderSize(io.LimitReader(lines, check.left+1), 1<<16)
	var line []byte
	for {
		if err := check.goOn(); err != nil {
			return err
		}
		var err error
		line, err = readLine(reader, line[:0])
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0 && check.left >= 0:
			return check.end()
		case check.left < int64(len(line)):
			return invalidArchive(errors.New("it unpacks to more than a file of its size may hold"))
		case errors.Is(err, io.EOF):
			err = errors.New("it has no end")
		case err == nil:
			err = check.take(line)
		}
		if err != nil {
			return invalidArchive(fmt.Errorf("line %d: %w", check.content.Entries+1, err))
		}
	}
}

// readLine appends a line, with its end, to the line so far.
func readLine(reader *bufio.Reader, line []byte) ([]byte, error) {
	for {
		part, err := reader.ReadSlice('\n')
		if len(line)+len(part) > maxArchiveLineBytes {
			return line, fmt.Errorf("it is longer than %d bytes", maxArchiveLineBytes)
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func (check *archiveCheck) take(line []byte) error {
	committedAt, err := readArchiveLine(bytes.TrimSuffix(line, []byte("\n")))
	if err != nil {
		return err
	}
	if check.content.Entries > 0 && !committedAt.After(check.content.Last) {
		return errors.New("it is no later than the line before")
	}
	if check.content.Entries == 0 {
		check.content.First = committedAt
	}
	check.content.Entries++
	check.content.Last = committedAt
	check.left -= int64(len(line))
	return nil
}

func (check *archiveCheck) end() error {
	if check.content.Entries == 0 {
		return invalidArchive(errors.New("it is empty"))
	}
	return nil
}
