// SPDX-License-Identifier: EUPL-1.2

package archivefile

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// The blocks of a frame of Zstandard: three bytes of header, then the content.
const (
	frameBlockHeaderBytes = 3
	frameChecksumBytes    = 4
	frameBlockRepeated    = 1
	frameBlockReserved    = 3
)

// checkFrame checks, by the headers alone, that a file is exactly one frame of Zstandard
// with a checksum. A decoder would ignore data behind a frame, and would reserve as much
// memory as the header says.
func checkFrame(file io.ReaderAt, size int64) error {
	var buffer [zstd.HeaderMaxSize]byte
	read, err := file.ReadAt(buffer[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var header zstd.Header
	if err := header.Decode(buffer[:read]); err != nil {
		return err
	}
	window := header.WindowSize
	if header.SingleSegment {
		window = header.FrameContentSize
	}
	switch {
	case header.Skippable:
		return errors.New("it begins with a frame to be skipped")
	case header.DictionaryID != 0:
		return fmt.Errorf("it needs dictionary %d", header.DictionaryID)
	case !header.HasCheckSum:
		return errors.New("it has no checksum")
	case window > maxWindow:
		return fmt.Errorf("it needs a window of %d bytes, %d are allowed", window, maxWindow)
	}
	end, err := frameEnd(file, int64(header.HeaderSize))
	switch {
	case err != nil:
		return err
	case end > size:
		return io.ErrUnexpectedEOF
	case end < size:
		return fmt.Errorf("%d bytes follow its end", size-end)
	}
	return nil
}

// frameEnd goes from block to block, and returns the offset of the frame's end.
func frameEnd(file io.ReaderAt, at int64) (int64, error) {
	for {
		var block [frameBlockHeaderBytes]byte
		if _, err := file.ReadAt(block[:], at); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		header := int64(block[0]) | int64(block[1])<<8 | int64(block[2])<<16
		kind, length := header>>1&3, header>>3
		switch kind {
		case frameBlockRepeated:
			length = 1
		case frameBlockReserved:
			return 0, errors.New("it has a block of a kind that there is not")
		}
		at += frameBlockHeaderBytes + length
		if header&1 != 0 {
			return at + frameChecksumBytes, nil
		}
	}
}
