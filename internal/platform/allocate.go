// SPDX-License-Identifier: EUPL-1.2

package platform

import "os"

// writeZeros fills a file with zeros, because not every file system takes room otherwise.
func writeZeros(file *os.File, bytes int64) error {
	zeros := make([]byte, 64<<10)
	for offset := int64(0); offset < bytes; offset += int64(len(zeros)) {
		if _, err := file.WriteAt(zeros[:min(int64(len(zeros)), bytes-offset)], offset); err != nil {
			return err
		}
	}
	return nil
}
