// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"time"
)

// Header says on which machine, when and with which settings a run was measured. Settings
// is Setup or ScaleSetup.
type Header[Settings any] struct {
	Machine Machine   `json:"machine"`
	BeganAt time.Time `json:"began_at"`
	Seconds float64   `json:"seconds"`
	Setup   Settings  `json:"settings"`
}

// Report has all figures of a run of the cases.
type Report struct {
	Header[Setup]
	Cases  []Result
	Ratios []Ratio
}

// Machine is the machine of the run, and the versions of the measured programs.
type Machine struct {
	Storebus        string `json:"storebus"`
	Broker          string `json:"nats_server"`
	Go              string `json:"go"`
	OperatingSystem string `json:"operating_system"`
	Architecture    string `json:"architecture"`
	Processors      int    `json:"processors"`
	// Fsync is the time to write 4 KiB to disk, in microseconds.
	Fsync float64 `json:"fsync_us"`
}

// Setup has the settings on which the figures depend.
type Setup struct {
	// Rounds is the number of complete rounds.
	Rounds       int     `json:"rounds"`
	RoundSeconds float64 `json:"round_seconds"`
	InFlight     []int   `json:"in_flight"`
	Keys         int     `json:"keys"`
	LongKeys     int     `json:"long_keys"`
	ValueBytes   int     `json:"value_bytes"`
	Connections  int     `json:"connections"`
	Durability   string  `json:"durability"`
	// OutsideBroker says that the run used a broker that was running already.
	OutsideBroker bool `json:"outside_broker"`
}

// Result is one case at one level, with values of one size.
type Result struct {
	Name string `json:"name"`
	// Target is the part that answered: echo, outside, embedded, large, kv, kv-always.
	Target     string  `json:"target"`
	InFlight   int     `json:"in_flight"`
	ValueBytes int     `json:"value_bytes"`
	Median     Round   `json:"median"`
	Rounds     []Round `json:"rounds"`
	// Syscalls is the system calls of the responder a request, by their names. They are
	// counted in a round of their own, if the settings ask for it.
	Syscalls map[string]float64 `json:"syscalls_a_request,omitzero"`
}

// NewMachine returns this machine, with the versions of storebus and of the broker, and the
// time of an fsync.
func NewMachine(version, broker string, fsync time.Duration) Machine {
	return Machine{
		Storebus:        version,
		Broker:          broker,
		Go:              runtime.Version(),
		OperatingSystem: runtime.GOOS,
		Architecture:    runtime.GOARCH,
		Processors:      runtime.NumCPU(),
		Fsync:           Microseconds(fsync),
	}
}

// text describes the machine in one line.
func (machine *Machine) text(durability string) string {
	return fmt.Sprintf("storebus %s (durability %s), nats-server %s, %s, %s/%s, %d processors; an fsync takes %s",
		machine.Storebus, durability, machine.Broker, machine.Go, machine.OperatingSystem, machine.Architecture, machine.Processors,
		Latency(machine.Fsync))
}

// NewResult returns a case with the medians of its rounds.
func NewResult(name, target string, inFlight, valueBytes int, rounds []Round) Result {
	return Result{Name: name, Target: target, InFlight: inFlight, ValueBytes: valueBytes, Median: medianRound(rounds), Rounds: rounds}
}

// lines are the run, its cases and their ratios.
func (report *Report) lines() []any {
	lines := []any{runLine[Setup]{"run", report.Header}}
	for _, result := range report.Cases {
		lines = append(lines, caseLine{"case", result})
	}
	for _, ratio := range report.Ratios {
		lines = append(lines, ratioLine{"ratio", ratio})
	}
	return lines
}

// rows are name, requests in flight, bytes of a value, requests a second, p50 and p99 in
// microseconds, and errors.
func (report *Report) rows() (rows [][]any) {
	for _, result := range report.Cases {
		median := &result.Median
		rows = append(rows, []any{result.Name, result.InFlight, result.ValueBytes, median.Rate, median.P50, median.P99, median.Errors})
	}
	return rows
}

// writeTable prints the tables.
func (report *Report) writeTable(output io.Writer) error {
	text := &errorWriter{output: output}
	fmt.Fprintln(text, report.heading())
	report.writeCases(text)
	report.writeNotes(text)
	report.writeRatios(text)
	return text.err
}

func (report *Report) heading() string {
	setup := &report.Setup
	return fmt.Sprintf("%s\nmedians of %d rounds of %gs a case; keys: %s; client connections: %d; processor time in µs a request; idle: of all processors",
		report.Machine.text(setup.Durability), setup.Rounds, setup.RoundSeconds, Thousands(float64(setup.Keys)), setup.Connections)
}

// writeCases prints a table for each level and size of values. Cases that are compared are
// in one table.
func (report *Report) writeCases(output io.Writer) {
	var rows table
	for index, result := range report.Cases {
		if index == 0 || result.InFlight != report.Cases[index-1].InFlight || result.ValueBytes != report.Cases[index-1].ValueBytes {
			rows.write(output)
			fmt.Fprintf(output, "\n%d in flight, values of %s\n", result.InFlight, Bytes(result.ValueBytes))
			rows = table{{"", "requests/s", "p50", "p99", "broker", "responder", "client", "idle", "errors"}}
		}
		median := &result.Median
		rows = append(rows, []string{
			result.Name, Thousands(median.Rate), Latency(median.P50), Latency(median.P99),
			cpuText(median, RoleBroker), cpuText(median, RoleResponder), cpuText(median, RoleClient), idleText(median.Idle), countText(median.Errors),
		})
	}
	rows.write(output)
}

// writeNotes prints the facts that have no column.
func (report *Report) writeNotes(output io.Writer) {
	rows := table{}
	for _, result := range report.Cases {
		median := &result.Median
		label := fmt.Sprintf("%s, %d in flight, %s:", result.Name, result.InFlight, Bytes(result.ValueBytes))
		if median.WriteRate > 0 {
			rows = append(rows, []string{label + " beside " + Thousands(median.WriteRate) + " sets/s"})
		}
		if median.Events > 0 {
			rows = append(rows, []string{label + " all of " + Thousands(float64(median.Events)) + " events a round arrived"})
		}
		if len(result.Syscalls) > 0 {
			rows = append(rows, []string{label + " " + callsText(result.Syscalls)})
		}
		if median.Error != "" {
			rows = append(rows, []string{label + " the first error: " + median.Error})
		}
	}
	if len(rows) > 0 {
		fmt.Fprintln(output)
	}
	rows.write(output)
}

func (report *Report) writeRatios(output io.Writer) {
	if len(report.Ratios) == 0 {
		return
	}
	rows := table{{"ratios of neighbouring rounds", "in flight", "value", "median", "lowest", "highest", "goal"}}
	for _, ratio := range report.Ratios {
		rows = append(rows, []string{
			ratio.Name, fmt.Sprint(ratio.InFlight), Bytes(ratio.ValueBytes),
			ratio.text(ratio.Value), ratio.text(ratio.Lowest), ratio.text(ratio.Highest), ratio.Goal,
		})
	}
	fmt.Fprintln(output)
	rows.write(output)
}

func (ratio *Ratio) text(value float64) string {
	switch {
	case ratio.Unit == "":
		return fmt.Sprintf("%.2f", value)
	case math.Abs(value) < 100:
		return fmt.Sprintf("%.1f µs", value)
	}
	return Latency(value)
}
