// SPDX-License-Identifier: EUPL-1.2

package changelog

import "encoding/binary"

// Sections puts together the blob of Record.Sections: for each table the number of the table
// and a text, which only the table understands.
//
//	var sections changelog.Sections
//	sections.Add(2, func(buffer []byte) []byte { return changelog.AppendText(buffer, "acme") })
//	record.Sections = sections.Blob()
type Sections struct{ blob, text []byte }

// Add adds the section of a table, whose text is appended by a function.
func (sections *Sections) Add(table int, appendText func(buffer []byte) []byte) {
	if sections.blob == nil {
		sections.blob = make([]byte, headerBytes, 256)
	}
	sections.text = appendText(sections.text[:0])
	sections.blob = binary.AppendUvarint(sections.blob, uint64(table))
	sections.blob = AppendText(sections.blob, sections.text)
}

// Blob seals the sections. It is empty if there are none.
func (sections *Sections) Blob() []byte {
	if sections.blob != nil {
		seal(sections.blob)
	}
	return sections.blob
}

// ReadSections calls visit with the number and the text of each section of a blob. It returns
// ErrDamaged for a blob that Sections cannot have made, and for a text that visit has not read
// to its end.
func ReadSections(blob []byte, visit func(table uint64, text *Reader) error) error {
	if len(blob) == 0 {
		return nil
	}
	content, err := open(blob)
	if err != nil {
		return err
	}
	reader := newReader(string(content))
	for reader.More() {
		table, text := reader.Number(), newReader(reader.Text())
		if reader.Failed() {
			break
		}
		if err := visit(table, &text); err != nil {
			return err
		}
		if err := text.End(); err != nil {
			return err
		}
	}
	return reader.End()
}
