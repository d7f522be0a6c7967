// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

func journalCommitCommand() *clientCommand {
	return &clientCommand{
		name:    "commit",
		columns: []string{"ENTRY"},
		usage:   "put a point into the journal",
		description: "Puts a point into the journal, and prints its id. The point is on disk by then. storebus delivers it to the endpoint later. LINE is line protocol without a timestamp; storebus sets the time. " +
			"In LINE, 3i is an integer, 3u an unsigned integer and 3 a float. If LINE is -, each line of standard input is a point, and the command prints an id for each.",
		words: []string{"NAMESPACE", "LINE"},
		examples: []string{
			"storebus journal commit acme 'deploy,host=a1 seconds=12.5,tries=3i,who=\"Ada\"'",
			"storebus journal commit acme - < points.txt",
		},
		run: journalCommit,
	}
}

func journalCommit(ctx context.Context, call *call) error {
	text, err := call.value(call.word(1))
	if err != nil {
		return err
	}
	points, err := readPoints(text)
	if err != nil {
		return call.declared.usageError(err.Error())
	}
	var committed atomic.Int64
	tell := func(context.Context) string {
		return fmt.Sprintf("%d of %d points are on disk", committed.Load(), len(points))
	}
	return call.showProgress(ctx, tell, func(ctx context.Context) error { return call.commitPoints(ctx, points, &committed) })
}

func (call *call) commitPoints(ctx context.Context, points []point, committed *atomic.Int64) error {
	for _, point := range points {
		reply, err := call.store.JournalCommit(ctx, call.word(0), point.measurement, point.fields, client.JournalOptions{Tags: point.tags})
		if err != nil {
			return fmt.Errorf("line %d: %w", point.line, err)
		}
		call.print(reply.EntryID)
		committed.Add(1)
	}
	return nil
}

// point is a parsed line.
type point struct {
	line        int
	measurement string
	tags        map[string]string
	fields      map[string]any
}

// readPoints parses all lines before one is sent: a mistake in the last line leaves nothing
// half done. It skips empty lines and comments.
func readPoints(text []byte) (points []point, err error) {
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		read, err := readPoint(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		read.line = number
		points = append(points, read)
	}
	if len(points) == 0 {
		return nil, errors.New("there is no point: a line is a measurement, tags and fields, such as deploy,host=a1 seconds=12.5")
	}
	return points, nil
}

func readPoint(line []byte) (point point, err error) {
	if !bytes.ContainsRune(line, '=') {
		return point, fmt.Errorf("%q has no field: a point is MEASUREMENT[,TAG=VALUE...] FIELD=VALUE[,FIELD=VALUE...]", line)
	}
	decoder := lineprotocol.NewDecoderWithBytes(withBackslashes(line))
	defer func() { err = atColumn(err) }()
	decoder.Next()
	measurement, err := decoder.Measurement()
	if err != nil {
		return point, err
	}
	point.measurement = string(measurement)
	point.tags, err = readPart("tag", func() (name []byte, value string, err error) {
		name, text, err := decoder.NextTag()
		return name, string(text), err
	})
	if err != nil {
		return point, err
	}
	point.fields, err = readPart("field", func() (name []byte, value any, err error) {
		name, kind, text, err := decoder.NextFieldBytes()
		if err != nil || name == nil {
			return nil, nil, err
		}
		value, err = readField(string(name), kind, text)
		return name, value, err
	})
	if err != nil {
		return point, err
	}
	at, err := decoder.TimeBytes()
	if err == nil && at != nil {
		err = errors.New("a point gets its time in the journal; leave the time away")
	}
	return point, err
}

// atColumn replaces the decoder's error, which always says line 1, with its column alone.
func atColumn(err error) error {
	slip, ok := errors.AsType[*lineprotocol.DecodeError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("column %d: %w", slip.Column, slip.Err)
}

// readField reads a value. It refuses a number if a float would hold another one.
func readField(name string, kind lineprotocol.ValueKind, text []byte) (any, error) {
	value, err := lineprotocol.NewValueFromBytes(kind, text)
	if err != nil {
		return nil, fmt.Errorf("the field %q: %w", name, err)
	}
	number := withDigits(string(text))
	if kind != lineprotocol.Float || subjects.FloatHolds(number, value.FloatV()) {
		return value.Interface(), nil
	}
	if digits, whole := subjects.WholeNumber(number); whole {
		return nil, fmt.Errorf("the field %q: a float does not hold %s exactly: write %si for an integer of 64 bits, or %su for an unsigned one", name, text, digits, digits)
	}
	return nil, fmt.Errorf("the field %q: a float does not hold %s: write an integer of 64 bits as 3i or 3u, and any other number as a text", name, text)
}

// withDigits returns a number with digits on both sides of its point. Line protocol permits
// .5 and 1. without them, which become 0.5 and 1.0.
func withDigits(number string) string {
	mantissa, exponent := number, ""
	if index := strings.IndexAny(number, "eE"); index >= 0 {
		mantissa, exponent = number[:index], number[index:]
	}
	unsigned, negative := strings.CutPrefix(mantissa, "-")
	if strings.HasPrefix(unsigned, ".") {
		unsigned = "0" + unsigned
	}
	if strings.HasSuffix(unsigned, ".") {
		unsigned += "0"
	}
	if negative {
		unsigned = "-" + unsigned
	}
	return unsigned + exponent
}

// readPart calls next until it returns no name. It returns nil if there is no part.
func readPart[Value any](kind string, next func() (name []byte, value Value, err error)) (map[string]Value, error) {
	var values map[string]Value
	for {
		name, value, err := next()
		if err != nil || name == nil {
			return values, err
		}
		if _, there := values[string(name)]; there {
			return nil, fmt.Errorf("the %s %q stands there twice", kind, name)
		}
		if values == nil {
			values = map[string]Value{}
		}
		values[string(name)] = value
	}
}

// withBackslashes doubles the backslashes before n, r and t in texts, because the decoder
// would take them for escapes. InfluxDB reads "C:\temp" literally.
func withBackslashes(line []byte) []byte {
	kept := make([]byte, 0, len(line))
	inFields, inText := false, false
	for index := 0; index < len(line); index++ {
		letter := line[index]
		switch {
		case letter == '\\' && index+1 < len(line):
			index++
			if inText && bytes.IndexByte([]byte("nrt"), line[index]) >= 0 {
				kept = append(kept, '\\')
			}
			kept = append(kept, letter, line[index])
			continue
		case letter == ' ':
			inFields = true
		case letter == '"' && inText:
			inText = false
		case letter == '"' && inFields && line[index-1] == '=':
			inText = true
		}
		kept = append(kept, letter)
	}
	return kept
}
