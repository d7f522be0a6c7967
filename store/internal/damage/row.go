// SPDX-License-Identifier: EUPL-1.2

package damage

import "dappco.re/go/storebus/store/internal/kv"

// Row is a row of a damaged entry as it is in the table.
type Row struct {
	kv.EntryName
	kv.EntryState
	Checksum kv.Checksum
}

// Checksum is the checksum that the row of an entry should have.
type Checksum struct {
	kv.EntryName
	kv.Checksum
}
