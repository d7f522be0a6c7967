// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"fmt"
	"io"
	"strconv"
)

// ScaleReport has all figures of a run with --scale.
type ScaleReport struct {
	Header[ScaleSetup]
	Sizes []SizeResult
}

// ScaleSetup has the settings on which the figures depend.
type ScaleSetup struct {
	Rounds       int     `json:"rounds"`
	RoundSeconds float64 `json:"round_seconds"`
	InFlight     int     `json:"in_flight"`
	ValueBytes   int     `json:"value_bytes"`
	Connections  int     `json:"connections"`
	Durability   string  `json:"durability"`
	// OutsideBroker says that the run used a broker that was running already.
	OutsideBroker bool `json:"outside_broker"`
}

// SizeResult has the figures of a store of one size.
type SizeResult struct {
	Keys       int `json:"keys"`
	Namespaces int `json:"namespaces"`
	// Groups is the number of groups in each namespace.
	Groups int `json:"groups_in_namespace"`
	// Fill is the writing of every key once, with the deferred work.
	Fill Round  `json:"fill"`
	Set  Result `json:"set"`
	Get  Result `json:"get"`
	// SetRatio and GetRatio are the rates divided by the rates of the first size.
	SetRatio float64 `json:"set_ratio"`
	GetRatio float64 `json:"get_ratio"`
	// Memory is the sidecar's memory afterwards. It is missing if the system does not
	// report it.
	Memory   *Memory  `json:"memory,omitzero"`
	Files    Files    `json:"files"`
	Pages    Pages    `json:"pages"`
	Recovery Recovery `json:"recovery"`
}

// Memory is the memory of a process in bytes: the present and the highest so far.
type Memory struct {
	Resident uint64 `json:"resident_bytes"`
	Peak     uint64 `json:"peak_bytes"`
}

// Pages is the time of a page of a hundred elements in microseconds. Each is the median of
// a hundred requests, one after the other.
type Pages struct {
	// Changes is a page with the last changes of a namespace.
	Changes float64 `json:"last_changes_us"`
	// First and Last are the first and the last page of a group.
	First float64 `json:"first_page_us"`
	Last  float64 `json:"last_page_us"`
}

// Recovery has the figures of a sidecar that starts on the files of one killed amid sets.
type Recovery struct {
	// Ready is the time from the start of the process to its ready line. FirstGet is the
	// time from the start to the reply to the first get. Both are in seconds.
	Ready    float64 `json:"ready_seconds"`
	FirstGet float64 `json:"first_get_seconds"`
	// Keys is the number of keys in its status: the keys from before the kill.
	Keys uint64 `json:"keys"`
}

// Files is the sizes of the database file and of its write-ahead log.
type Files struct {
	Database uint64 `json:"database_bytes"`
	Log      uint64 `json:"wal_bytes"`
}

// CompareSizes divides the rates by those of the first size. If the first size has served
// nothing, there are no ratios.
func CompareSizes(sizes []SizeResult) {
	first := &sizes[0]
	for index := range sizes {
		if first.Set.Median.Rate > 0 {
			sizes[index].SetRatio = sizes[index].Set.Median.Rate / first.Set.Median.Rate
		}
		if first.Get.Median.Rate > 0 {
			sizes[index].GetRatio = sizes[index].Get.Median.Rate / first.Get.Median.Rate
		}
	}
}

// lines are the run and its sizes.
func (report *ScaleReport) lines() []any {
	lines := []any{runLine[ScaleSetup]{"run", report.Header}}
	for _, size := range report.Sizes {
		lines = append(lines, sizeLine{"size", size})
	}
	return lines
}

// rows are keys, namespaces, seconds of the filling, sets a second and their p99 in
// microseconds, gets a second and their p99. The bytes of the database and of the
// write-ahead log, and the errors follow.
func (report *ScaleReport) rows() (rows [][]any) {
	for index := range report.Sizes {
		size := &report.Sizes[index]
		set, get := &size.Set.Median, &size.Get.Median
		rows = append(rows, []any{
			size.Keys, size.Namespaces, size.Fill.Seconds, set.Rate, set.P99, get.Rate, get.P99, size.Files.Database, size.Files.Log, set.Errors + get.Errors,
		})
	}
	return rows
}

// writeTable prints the table: a column for each size.
func (report *ScaleReport) writeTable(output io.Writer) error {
	text := &errorWriter{output: output}
	setup := &report.Setup
	fmt.Fprintf(text, "%s\nmedians of %d rounds of %gs; values of %s; requests in flight: %d; client connections: %d\n\n",
		report.Machine.text(setup.Durability), setup.Rounds, setup.RoundSeconds, Bytes(setup.ValueBytes), setup.InFlight, setup.Connections)
	report.table().write(text)
	report.writeErrors(text)
	return text.err
}

func (report *ScaleReport) table() table {
	var rows table
	for _, figure := range sizeFigures() {
		row := []string{figure.name}
		for index := range report.Sizes {
			row = append(row, figure.text(&report.Sizes[index]))
		}
		rows = append(rows, row)
	}
	return rows
}

// writeErrors prints the first error of each size.
func (report *ScaleReport) writeErrors(output io.Writer) {
	for _, size := range report.Sizes {
		for _, result := range []Result{size.Set, size.Get} {
			if result.Median.Error != "" {
				fmt.Fprintf(output, "%s keys, %s: the first error: %s\n", Thousands(float64(size.Keys)), result.Name, result.Median.Error)
			}
		}
	}
}

// sizeFigure is a row of the table.
type sizeFigure struct {
	name string
	text func(size *SizeResult) string
}

// sizeFigures returns the rows in order.
func sizeFigures() []sizeFigure {
	return []sizeFigure{
		{"keys", func(size *SizeResult) string { return Thousands(float64(size.Keys)) }},
		{"namespaces", func(size *SizeResult) string { return Thousands(float64(size.Namespaces)) }},
		{"groups in each", func(size *SizeResult) string { return strconv.Itoa(size.Groups) }},
		{"fill", func(size *SizeResult) string { return secondsText(size.Fill.Seconds) }},
		{"fill: drain", func(size *SizeResult) string { return secondsText(size.Fill.DrainSeconds) }},
		{"fill: sets/s", func(size *SizeResult) string { return Thousands(size.Fill.Rate) }},
		{"set: requests/s", func(size *SizeResult) string { return Thousands(size.Set.Median.Rate) }},
		{"set: ÷ the first", func(size *SizeResult) string { return fmt.Sprintf("%.2f", size.SetRatio) }},
		{"set: p99", func(size *SizeResult) string { return Latency(size.Set.Median.P99) }},
		{"get: requests/s", func(size *SizeResult) string { return Thousands(size.Get.Median.Rate) }},
		{"get: ÷ the first", func(size *SizeResult) string { return fmt.Sprintf("%.2f", size.GetRatio) }},
		{"get: p99", func(size *SizeResult) string { return Latency(size.Get.Median.P99) }},
		{"errors", func(size *SizeResult) string {
			return strconv.FormatUint(size.Set.Median.Errors+size.Get.Median.Errors, 10)
		}},
		{"resident memory", func(size *SizeResult) string {
			return size.Memory.text(func(memory *Memory) uint64 { return memory.Resident })
		}},
		{"resident memory: peak", func(size *SizeResult) string {
			return size.Memory.text(func(memory *Memory) uint64 { return memory.Peak })
		}},
		{"database file", func(size *SizeResult) string { return mebibytesText(size.Files.Database) }},
		{"write-ahead log", func(size *SizeResult) string { return mebibytesText(size.Files.Log) }},
		{"last 100 changes", func(size *SizeResult) string { return Latency(size.Pages.Changes) }},
		{"first page of a group", func(size *SizeResult) string { return Latency(size.Pages.First) }},
		{"last page of a group", func(size *SizeResult) string { return Latency(size.Pages.Last) }},
		{"after SIGKILL: ready", func(size *SizeResult) string { return secondsText(size.Recovery.Ready) }},
		{"after SIGKILL: first get", func(size *SizeResult) string { return secondsText(size.Recovery.FirstGet) }},
		{"after SIGKILL: keys", func(size *SizeResult) string { return Thousands(float64(size.Recovery.Keys)) }},
	}
}

// text formats a figure of the memory, "" if it is not known.
func (memory *Memory) text(figure func(*Memory) uint64) string {
	if memory == nil {
		return ""
	}
	return mebibytesText(figure(memory))
}
