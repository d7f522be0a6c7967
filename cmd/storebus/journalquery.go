// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

func journalQueryCommand() *clientCommand {
	return &clientCommand{
		name:    "query",
		columns: []string{"ENTRY", "TIME", "MEASUREMENT", "TAGS", "FIELDS"},
		usage:   "print the points that match a Flux query",
		description: "Prints a line for each point: its id, its time, its measurement, its tags and its fields. Integers end with i, and unsigned integers with u. " +
			"FLUX may use from, range, filter, sort and limit. If FLUX is -, the query is read from standard input.",
		words: []string{"NAMESPACE", "FLUX"},
		flags: []cli.Flag{&cli.IntFlag{Config: decimalDigits, Name: limitFlag, Usage: "print at most this `NUMBER` of points, 1 to 1000 (default: 100)"}},
		examples: []string{
			`storebus journal query acme 'from(bucket: "journal") |> range(start: -1h) |> filter(fn: (r) => r._measurement == "deploy")'`,
			"storebus journal query acme - --json < latest.flux | jq .rows",
		},
		run: journalQuery,
	}
}

func journalQuery(ctx context.Context, call *call) error {
	flux, err := call.value(call.word(1))
	if err != nil {
		return err
	}
	reply, err := call.store.JournalQuery(ctx, call.word(0), string(flux), client.JournalQueryOptions{Limit: call.command.Int(limitFlag)})
	if err != nil || call.json {
		return err
	}
	for index := range reply.Rows {
		if err := call.printPoint(&reply.Rows[index]); err != nil {
			return err
		}
	}
	if reply.Truncated {
		fmt.Fprintln(call.command.Root().ErrWriter, "there are more points: narrow the query, or raise --limit")
	}
	return nil
}

func (call *call) printPoint(row *subjects.JournalRow) error {
	var tags, fields cellList
	for _, name := range slices.Sorted(maps.Keys(row.Tags)) {
		tags = append(tags, printable(name)+"="+printable(row.Tags[name]))
	}
	values, err := row.Fields.Values()
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fields = append(fields, printable(name)+"="+fieldText(values[name]))
	}
	if row.ValueOmitted {
		fields = append(fields, valueOmitted)
	}
	call.print(row.EntryID, moment(row.CommittedAt), row.Measurement, tags, fields)
	return nil
}

// fieldText formats the value of a field so that its type is visible.
func fieldText(value any) string {
	switch value := value.(type) {
	case string:
		return strconv.Quote(value)
	case int64:
		return strconv.FormatInt(value, 10) + "i"
	case uint64:
		return strconv.FormatUint(value, 10) + "u"
	}
	return fmt.Sprint(value)
}
