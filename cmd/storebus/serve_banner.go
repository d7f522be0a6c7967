// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
)

// countTimeout is the longest time that the banner waits for the number of keys.
const countTimeout = 2 * time.Second

// greet shows the sidecar's addresses and contents on standard error: as a block of text,
// or as one log record in JSON.
func (serving *serving) greet(ctx context.Context, sidecar *storebus.Sidecar, config *storebus.Config) {
	if !serving.logger.Enabled(ctx, slog.LevelInfo) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	summary, err := sidecar.Summary(ctx)
	try := commandToTry(os.Args[0], sidecar.NATSURL(), sidecar.Prefix(), &config.NATS, summary.Open)
	taken := takenAddress(config, summary.HTTPURL)
	if serving.json {
		serving.logger.LogAttrs(ctx, slog.LevelInfo, "serving", bannerAttributes(&summary, try, taken, err)...)
		return
	}
	printBanner(serving.errorOutput, &summary, try, taken, err)
}

// takenAddress is the configured address of HTTP if another program has it, otherwise "".
func takenAddress(config *storebus.Config, url string) string {
	if url == "" || !config.HTTPAnyPort || url == "http://"+config.HTTPAddress+"/" {
		return ""
	}
	return config.HTTPAddress
}

func webText(summary *storebus.Summary, taken string) string {
	if taken == "" {
		return orOff(summary.HTTPURL)
	}
	return summary.HTTPURL + " (" + taken + " is in use, so another port was taken)"
}

// printBanner writes a summary with an empty line before and after it. If err is not nil,
// the keys were not counted. taken is the address that HTTP could not use, "" if it could.
func printBanner(output io.Writer, summary *storebus.Summary, try, taken string, err error) {
	var text strings.Builder
	fmt.Fprintf(&text, "\nstorebus %s\n\n", storebus.Version)
	columns := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, line := range [][2]string{
		{"NATS", summary.NATSURL + " (" + brokerText(summary) + ")"},
		{"Web", webText(summary, taken)},
		{"Data", summary.DatabasePath + " (" + dataText(summary, err) + ")"},
		{"Journal", journalText(summary)},
		{"Durability", durabilityText(summary.Durability)},
		{"Try it", try},
	} {
		fmt.Fprintf(columns, "  %s\t%s\n", line[0], line[1])
	}
	_ = columns.Flush() // A strings.Builder never fails.
	// One write, so that no line of the log comes in between. If standard error is closed,
	// nobody can read a message about that.
	_, _ = fmt.Fprintln(output, text.String())
}

// bannerAttributes is the banner as the attributes of a log record.
func bannerAttributes(summary *storebus.Summary, try, taken string, err error) []slog.Attr {
	attributes := []slog.Attr{
		slog.String("version", storebus.Version),
		slog.String("nats", summary.NATSURL),
		slog.String("broker", brokerText(summary)),
		slog.String("web", orOff(summary.HTTPURL)),
		slog.String("database", summary.DatabasePath),
		slog.Int64("database_bytes", summary.DatabaseBytes),
		slog.String("journal", journalText(summary)),
		slog.String("durability", durabilityText(summary.Durability)),
		slog.String("try", try),
	}
	if taken != "" {
		attributes = append(attributes, slog.String("web_address_in_use", taken))
	}
	if err != nil {
		return append(attributes, slog.String("error", plain(err)))
	}
	return append(attributes, slog.Uint64("keys", summary.Keys), slog.Uint64("namespaces", summary.Namespaces))
}

// brokerText says who runs the broker, and whether it asks for credentials.
func brokerText(summary *storebus.Summary) string {
	whose, whom := "outside broker", "asks for credentials"
	if summary.OwnBroker {
		whose = "embedded broker"
	}
	if summary.Open {
		whom = "open: asks nobody for credentials"
	}
	return whose + ", " + whom
}

func dataText(summary *storebus.Summary, err error) string {
	held := "keys not counted"
	if err == nil {
		held = amount(summary.Keys, "key") + " in " + amount(summary.Namespaces, "namespace")
	}
	if summary.DatabasePath == store.MemoryDatabase {
		return held
	}
	return humanize.IBytes(uint64(summary.DatabaseBytes)) + ", " + held
}

func journalText(summary *storebus.Summary) string {
	if summary.JournalURL == "" {
		return orOff("")
	}
	return summary.JournalURL + ", bucket " + summary.JournalBucket
}

// durabilityText explains a success reply.
func durabilityText(durability store.Durability) string {
	switch durability {
	case store.DurabilityRelaxed:
		return "relaxed: survives a crash of storebus, not of the machine"
	case store.DurabilityMemory:
		return "memory: nothing is kept, data ends with this process"
	}
	return "full: a success reply means on disk; survives a power cut"
}

func orOff(text string) string {
	if text == "" {
		return "off"
	}
	return text
}

// amount returns a number with its unit.
//
//	amount(1234, "key") // 1,234 keys
func amount(count uint64, unit string) string {
	if count != 1 {
		unit += "s"
	}
	return humanize.Comma(int64(count)) + " " + unit
}
