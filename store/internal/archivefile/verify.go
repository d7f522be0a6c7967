// SPDX-License-Identifier: EUPL-1.2

package archivefile

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
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"dappco.re/go/storebus/store/internal/failure"
)

// Content describes the content of an archive.
type Content struct {
	Entries int64
	// SHA256 is the checksum of the file on disk, in hex; Bytes is its size.
	SHA256 string
	Bytes  int64
	// First and Last are the times of the first and the last entry.
	First time.Time
	Last  time.Time
}

// VerifyNamed verifies an archive whose name tells the format. It returns an error if no
// format has that suffix.
func VerifyNamed(path string) (Content, error) {
	for format, suffix := range Suffixes {
		if strings.HasSuffix(path, suffix) {
			return Verify(path, format, DefaultBounds, func() error { return nil })
		}
	}
	return Content{}, fmt.Errorf("%w: its name ends neither in %s nor in %s", failure.ErrInvalidArchive, Suffixes[Gzip], Suffixes[Zstd])
}

// Verify reads an archive. If checkStop returns an error, it stops with that error.
func Verify(path, format string, bounds Bounds, checkStop func() error) (Content, error) {
	// If the path is no file, opening it may block for ever.
	information, err := os.Stat(path)
	if err != nil {
		return Content{}, err
	}
	if !information.Mode().IsRegular() {
		return Content{}, fmt.Errorf("%w: it is no regular file", failure.ErrInvalidArchive)
	}
	file, err := os.Open(path)
	if err != nil {
		return Content{}, err
	}
	content, err := read(file, information.Size(), format, check{left: bounds.content(information.Size()), checkStop: checkStop})
	return content, errors.Join(err, file.Close())
}

func read(file *os.File, size int64, format string, check check) (Content, error) {
	sum := sha256.New()
	read := &countedReader{reader: io.TeeReader(file, sum)}
	buffered := bufio.NewReaderSize(read, 1<<16)
	lines, release, err := open(file, buffered, size, format)
	if err != nil {
		return Content{}, invalid(err)
	}
	defer release()
	if err := check.readAll(lines); err != nil {
		return Content{}, err
	}
	// If the format has no end of its own, the archive ends with the file.
	if rest, err := io.Copy(io.Discard, buffered); err != nil || rest > 0 {
		return Content{}, invalid(errors.Join(err, fmt.Errorf("%d bytes follow its end", rest)))
	}
	if read.bytes != size {
		return Content{}, invalid(fmt.Errorf("it has changed from %d to %d bytes while it was read", size, read.bytes))
	}
	check.content.SHA256, check.content.Bytes = hex.EncodeToString(sum.Sum(nil)), size
	return check.content, nil
}

func invalid(err error) error {
	return fmt.Errorf("%w: %w", failure.ErrInvalidArchive, err)
}

// countedReader counts the bytes read.
type countedReader struct {
	reader io.Reader
	bytes  int64
}

// Read implements io.Reader.
func (counted *countedReader) Read(buffer []byte) (int, error) {
	read, err := counted.reader.Read(buffer)
	counted.bytes += int64(read)
	return read, err
}

// open reads exactly one compressed piece.
func open(file io.ReaderAt, buffered *bufio.Reader, size int64, format string) (lines io.Reader, release func(), err error) {
	if format == Gzip {
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
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(2*maxWindow))
	if err != nil {
		return nil, nil, err
	}
	return frame, frame.Close, nil
}

// check reads the lines of an archive.
type check struct {
	content Content
	// left is the number of bytes that may still come.
	left      int64
	checkStop func() error
}

func (check *check) readAll(lines io.Reader) error {
	// If one byte more than permitted can be read, the content is too long.
	reader := bufio.NewReaderSize(io.LimitReader(lines, check.left+1), 1<<16)
	var line []byte
	for {
		if err := check.checkStop(); err != nil {
			return err
		}
		var err error
		line, err = readLine(reader, line[:0])
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0 && check.left >= 0:
			return check.end()
		case check.left < int64(len(line)):
			return invalid(errors.New("it unpacks to more than a file of its size may hold"))
		case errors.Is(err, io.EOF):
			err = errors.New("it has no end")
		case err == nil:
			err = check.checkLine(line)
		}
		if err != nil {
			return invalid(fmt.Errorf("line %d: %w", check.content.Entries+1, err))
		}
	}
}

// readLine appends a line, with its end, to the line so far.
func readLine(reader *bufio.Reader, line []byte) ([]byte, error) {
	for {
		part, err := reader.ReadSlice('\n')
		if len(line)+len(part) > MaxLineBytes {
			return line, fmt.Errorf("it is longer than %d bytes", MaxLineBytes)
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}

func (check *check) checkLine(line []byte) error {
	committedAt, err := ReadLine(bytes.TrimSuffix(line, []byte("\n")))
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

func (check *check) end() error {
	if check.content.Entries == 0 {
		return invalid(errors.New("it is empty"))
	}
	return nil
}
