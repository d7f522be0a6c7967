// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// namespaceTag carries the namespace of an entry.
const namespaceTag = "namespace"

// batch are entries with their lines, in order.
type batch struct {
	points []point
	// lines are those of all points, one behind the other.
	lines []byte
}

// point is an entry whose line ends at end, or that has none: then problem says why.
type point struct {
	Entry
	end     int
	problem error
}

func encode(entries []Entry) *batch {
	encoded := &batch{points: make([]point, len(entries))}
	var encoder lineprotocol.Encoder
	for index := range entries {
		encoder.Reset()
		problem := appendLine(&encoder, &entries[index])
		if problem == nil {
			encoded.lines = append(encoded.lines, encoder.Bytes()...)
		}
		encoded.points[index] = point{Entry: entries[index], end: len(encoded.lines), problem: problem}
	}
	return encoded
}

// between returns the lines of some of the points.
func (batch *batch) between(first, end int) []byte {
	begin := 0
	if first > 0 {
		begin = batch.points[first-1].end
	}
	return batch.lines[begin:batch.points[end-1].end]
}

// appendLine writes one line, or returns why there is none for the entry.
func appendLine(encoder *lineprotocol.Encoder, entry *Entry) error {
	if strings.HasPrefix(entry.Measurement, "#") {
		return fmt.Errorf("measurement %q would be a comment", entry.Measurement)
	}
	encoder.StartLine(entry.Measurement)
	tags := entry.Tags
	if entry.Namespace != "" {
		tags = maps.Clone(tags)
		if tags == nil {
			tags = map[string]string{}
		}
		tags[namespaceTag] = entry.Namespace
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if tags[key] != "" {
			encoder.AddTag(key, tags[key])
		}
	}
	if len(entry.Fields) == 0 {
		return errors.New("the entry has no fields")
	}
	for _, key := range slices.Sorted(maps.Keys(entry.Fields)) {
		value, err := fieldValue(key, entry.Fields[key])
		if err != nil {
			return err
		}
		encoder.AddField(key, value)
	}
	encoder.EndLine(entry.Time)
	return encoder.Err()
}

func fieldValue(key string, field any) (lineprotocol.Value, error) {
	// Some endpoints end a line inside quotes too: what follows would be a line of its own.
	if text, ok := field.(string); ok && strings.ContainsAny(text, "\n\r\x00") {
		return lineprotocol.Value{}, fmt.Errorf("field %q holds the end of a line or a NUL", key)
	}
	value, ok := lineprotocol.NewValue(field)
	if !ok {
		return value, fmt.Errorf("field %q is %v, which is no value of a field", key, field)
	}
	return value, nil
}
