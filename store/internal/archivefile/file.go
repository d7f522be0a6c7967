// SPDX-License-Identifier: EUPL-1.2

package archivefile

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"

	"github.com/klauspost/compress/zstd"
)

// The formats of an archive.
const (
	// Gzip is the default: lines of JSON in one member of gzip, *.jsonl.gz.
	Gzip = "gzip"
	// Zstd is lines of JSON in one frame of Zstandard, *.jsonl.zst.
	Zstd = "zstd"
)

const (
	// MaxLineBytes is the longest line of an archive, its end included. Entries of
	// NewJournalCommand are far shorter, but entries of the original library have no bound.
	MaxLineBytes = 16 << 20
	// maxWindow is the distance in bytes over which an archive in Zstandard refers back. A
	// reader needs that much memory.
	maxWindow = 4 << 20
)

// Suffixes are the endings of the names of archives, by format.
var Suffixes = map[string]string{Gzip: ".jsonl.gz", Zstd: ".jsonl.zst"}

// Bounds bounds the content of an archive. So a reader is safe from a small file that
// unpacks to a flood of data.
type Bounds struct {
	// Spans is the largest number of gaps between archived entries.
	Spans int
	// Ratio is the largest number of unpacked bytes for each byte of the file, if that is more
	// than bytes.
	Ratio, Bytes int64
}

// DefaultBounds are the bounds of every archive.
var DefaultBounds = Bounds{Spans: 100_000, Ratio: 1000, Bytes: 256 << 20}

// content returns the largest content of a file of a size.
func (bounds Bounds) content(size int64) int64 { return max(bounds.Bytes, bounds.Ratio*size) }

// File is an archive that is being written.
type File struct {
	file       *os.File
	buffer     *bufio.Writer
	compressor io.WriteCloser
	hash       hash.Hash
	// content counts the bytes of the lines, and size the bytes of the file. The compressor
	// may hold some bytes of the file back.
	content, size int64
	closed        bool
}

// Create creates a file that only its owner may read. It fails if the file exists.
func Create(path, format string) (*File, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	created := &File{file: file, buffer: bufio.NewWriterSize(file, 1<<16), hash: sha256.New()}
	if format == Gzip {
		created.compressor = gzip.NewWriter(countedWriter{created})
		return created, nil
	}
	created.compressor, err = zstd.NewWriter(countedWriter{created}, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(maxWindow))
	if err != nil {
		return nil, errors.Join(err, created.Close())
	}
	return created, nil
}

// countedWriter receives the compressed bytes.
type countedWriter struct{ *File }

// Write implements io.Writer.
func (writer countedWriter) Write(data []byte) (int, error) {
	written, err := writer.buffer.Write(data)
	writer.hash.Write(data[:written])
	writer.size += int64(written)
	return written, err
}

// Takes reports whether one more line is within the bounds.
func (file *File) Takes(line []byte, bounds Bounds) bool {
	return file.content+int64(len(line)) <= bounds.content(file.size)
}

func (file *File) Write(line []byte) error {
	file.content += int64(len(line))
	_, err := file.compressor.Write(line)
	return err
}

// Finish syncs the file to disk, and returns its SHA-256 in hex.
func (file *File) Finish() (string, error) {
	err := file.compressor.Close()
	if err == nil {
		err = file.buffer.Flush()
	}
	if err == nil {
		err = file.file.Sync()
	}
	if err == nil {
		err = file.Close()
	}
	return hex.EncodeToString(file.hash.Sum(nil)), err
}

// Close closes the file. If it is closed already, Close does nothing.
func (file *File) Close() error {
	if file.closed {
		return nil
	}
	file.closed = true
	return file.file.Close()
}
