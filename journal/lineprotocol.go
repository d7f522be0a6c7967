// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// namespaceTag carries the namespace of an entry.
const namespaceTag = "namespace"

// The characters that need a backslash, outside of quotes and within.
const (
	measurementSpecials = ", "
	keySpecials         = ",= "
	textSpecials        = `"\`
)

// batch are entries with their lines, in order.
type batch struct {
	points []point
	// lines are the lines of all points, one behind the other.
	lines []byte
}

// point is an entry. Its line ends at end; if it has no line, problem is the reason.
type point struct {
	Entry
	end     int
	problem error
}

func encode(entries []Entry) *batch {
	encoded := &batch{points: make([]point, len(entries))}
	for index := range entries {
		line := &line{text: encoded.lines}
		problem := line.write(&entries[index])
		if problem == nil {
			encoded.lines = line.text
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

// line writes one line and appends it to text. The encoder of influxdata/line-protocol is not
// used: it writes a tab in a text as \t, and no server reads that back as a tab.
type line struct {
	text []byte
}

// write appends the line of an entry. It returns an error if no line can carry the entry.
func (line *line) write(entry *Entry) error {
	if strings.HasPrefix(entry.Measurement, "#") {
		return fmt.Errorf("measurement %q would be a comment", entry.Measurement)
	}
	if err := line.bare("measurement", entry.Measurement, measurementSpecials); err != nil {
		return err
	}
	if err := line.tags(entry); err != nil {
		return err
	}
	if err := line.fields(entry.Fields); err != nil {
		return err
	}
	nanoseconds := entry.Time.UnixNano()
	if !time.Unix(0, nanoseconds).Equal(entry.Time) {
		return fmt.Errorf("the time %s is out of range", entry.Time.Format(time.RFC3339))
	}
	line.text = append(strconv.AppendInt(append(line.text, ' '), nanoseconds, 10), '\n')
	return nil
}

// tags come in the order of their keys, which is the quickest for an endpoint.
func (line *line) tags(entry *Entry) error {
	tags := entry.Tags
	if entry.Namespace != "" {
		tags = map[string]string{}
		maps.Copy(tags, entry.Tags)
		tags[namespaceTag] = entry.Namespace
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if tags[key] == "" {
			continue
		}
		line.text = append(line.text, ',')
		if err := line.bare("name of a tag", key, keySpecials); err != nil {
			return err
		}
		line.text = append(line.text, '=')
		if err := line.bare("value of a tag", tags[key], keySpecials); err != nil {
			return err
		}
	}
	return nil
}

func (line *line) fields(fields map[string]any) error {
	if len(fields) == 0 {
		return errors.New("the entry has no fields")
	}
	separator := byte(' ')
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		line.text = append(line.text, separator)
		separator = ','
		if err := line.bare("name of a field", key, keySpecials); err != nil {
			return err
		}
		line.text = append(line.text, '=')
		if err := line.value(key, fields[key]); err != nil {
			return err
		}
	}
	return nil
}

// bare appends a name or tag, which has no quotes. A control character could end the line, and
// a backslash at the end would change the meaning of the next character.
func (line *line) bare(kind, text, specials string) error {
	if text == "" || strings.HasSuffix(text, `\`) || !utf8.ValidString(text) || strings.ContainsFunc(text, isControl) {
		return fmt.Errorf("%s %q is empty, no UTF-8, ends with a backslash or holds a control character", kind, text)
	}
	line.escape(text, specials)
	return nil
}

func isControl(char rune) bool { return char < ' ' || char == '\x7f' }

func (line *line) escape(text, specials string) {
	for index := range len(text) {
		if strings.IndexByte(specials, text[index]) >= 0 {
			line.text = append(line.text, '\\')
		}
		line.text = append(line.text, text[index])
	}
}

func (line *line) value(key string, field any) error {
	switch field := field.(type) {
	case bool:
		line.text = strconv.AppendBool(line.text, field)
	case int64:
		line.text = append(strconv.AppendInt(line.text, field, 10), 'i')
	case uint64:
		line.text = append(strconv.AppendUint(line.text, field, 10), 'u')
	case float64:
		if math.IsNaN(field) || math.IsInf(field, 0) {
			return fmt.Errorf("field %q is %v, no finite number", key, field)
		}
		line.text = strconv.AppendFloat(line.text, field, 'g', -1, 64)
	case string:
		// Some endpoints end a line even inside quotes, and would read the rest as a line
		// of its own.
		if !utf8.ValidString(field) || strings.ContainsAny(field, "\n\r\x00") {
			return fmt.Errorf("field %q is no UTF-8, or holds the end of a line or a NUL", key)
		}
		line.text = append(line.text, '"')
		line.escape(field, textSpecials)
		line.text = append(line.text, '"')
	default:
		return fmt.Errorf("field %q is a %T, which is no value of a field", key, field)
	}
	return nil
}
