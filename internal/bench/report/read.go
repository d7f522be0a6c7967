// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Read reads a report that Write has printed as JSON. The ratios are computed again from
// the rounds, with the present goals.
//
//	file, _ := os.Open("bench.jsonl")
//	read, err := report.Read(file)
func Read(input io.Reader) (Printable, error) {
	cases, sizes, header := &Report{}, &ScaleReport{}, json.RawMessage(nil)
	for decoder := json.NewDecoder(input); ; {
		var line json.RawMessage
		if err := decoder.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoReport, err)
		}
		var object struct{ Type string }
		err := json.Unmarshal(line, &object)
		switch object.Type {
		case "run":
			header = line
		case "case":
			cases.Cases, err = appendLine(cases.Cases, line)
		case "size":
			sizes.Sizes, err = appendLine(sizes.Sizes, line)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNoReport, err)
		}
	}
	if header == nil {
		return nil, errNoReport
	}
	var read Printable = cases
	var into any = &cases.Header
	if len(sizes.Sizes) > 0 {
		read, into = sizes, &sizes.Header
	}
	if err := json.Unmarshal(header, into); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoReport, err)
	}
	cases.Ratios = Ratios(cases.Cases)
	return read, nil
}

var errNoReport = errors.New("this is not what storebus bench -o json prints")

func appendLine[Object any](objects []Object, line json.RawMessage) ([]Object, error) {
	var object Object
	err := json.Unmarshal(line, &object)
	return append(objects, object), err
}
