// SPDX-License-Identifier: EUPL-1.2

package store

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

const (
	// maxArchiveLineBytes is the longest line of an archive, its end included. Entries of
	// NewJournalCommand are far shorter, but entries of the original library have no bound.
	maxArchiveLineBytes = 16 << 20
	// archiveWindow is the distance over which an archive in Zstandard refers back. A reader
	// has to keep so much in memory.
	archiveWindow = 4 << 20
)

// archiveSuffixes are the endings of the names of archives, by format.
var archiveSuffixes = map[string]string{ArchiveGzip: ".jsonl.gz", ArchiveZstd: ".jsonl.zst"}

// archiveBounds bounds the content of an archive. So a reader is safe from a small file that
// unpacks to a flood of data.
type archiveBounds struct {
	// spans is the largest number of gaps between archived entries.
	spans int
	// ratio is the largest number of unpacked bytes for each byte of the file, if that is more
	// than bytes.
	ratio, bytes int64
}

var defaultArchiveBounds = archiveBounds{spans: 100_000, ratio: 1000, bytes: 256 << 20}

// content returns the largest content of a file of a size.
func (bounds archiveBounds) content(size int64) int64 { return max(bounds.bytes, bounds.ratio*size) }

// archiveFile is an archive that is being written.
type archiveFile struct {
	file       *os.File
	buffer     *bufio.Writer
	compressor io.WriteCloser
	hash       hash.Hash
	// content counts the bytes of the lines, and size the bytes of the file. Some bytes of the
	// file come late.
	content, size int64
	closed        bool
}

// createArchive makes a file that only its owner may read, and that nobody else has made.
func createArchive(path, format string) (*archiveFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	created := &archiveFile{file: file, buffer: bufio.NewWriterSize(file, 1<<16), hash: sha256.New()}
	if format == ArchiveGzip {
		created.compressor = gzip.NewWriter(countedWriter{created})
		return created, nil
	}
	created.compressor, err = zstd.NewWriter(countedWriter{created}, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(archiveWindow))
	if err != nil {
		return nil, errors.Join(err, created.close())
	}
	return created, nil
}

// countedWriter takes the compressed bytes.
type countedWriter struct{ *archiveFile }

// Write is io.Writer's.
func (writer countedWriter) Write(data []byte) (int, error) {
	written, err := writer.buffer.Write(data)
	writer.hash.Write(data[:written])
	writer.size += int64(written)
	return written, err
}

// takes reports whether one more line is within the bounds.
func (file *archiveFile) takes(line []byte, bounds archiveBounds) bool {
	return file.content+int64(len(line)) <= bounds.content(file.size)
}

func (file *archiveFile) write(line []byte) error {
	file.content += int64(len(line))
	_, err := file.compressor.Write(line)
	return err
}

// finish brings all of the file to disk, and returns its SHA-256 in hex.
func (file *archiveFile) finish() (string, error) {
	err := file.compressor.Close()
	if err == nil {
		err = file.buffer.Flush()
	}
	if err == nil {
		err = file.file.Sync()
	}
	if err == nil {
		err = file.close()
	}
	return hex.EncodeToString(file.hash.Sum(nil)), err
}

func (file *archiveFile) close() error {
	if file.closed {
		return nil
	}
	file.closed = true
	return file.file.Close()
}
