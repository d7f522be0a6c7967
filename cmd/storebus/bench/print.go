// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"encoding/json"
	"io"
)

// printable is a report: what encodes as JSON with everything, and prints as tables.
type printable interface {
	writeText(output io.Writer) error
}

// write prints a report as one or the other.
func write(report printable, output io.Writer, asJSON bool) error {
	if !asJSON {
		return report.writeText(output)
	}
	encoder := json.NewEncoder(output)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
