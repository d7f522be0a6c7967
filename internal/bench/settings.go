// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/stage"
	"dappco.re/go/storebus/store"
)

// ErrInterrupted is the cause that ends a run early. The report then has the complete
// rounds.
var ErrInterrupted = errors.New("interrupted")

// ErrUsage is wrapped by Run's error if the settings are invalid.
var ErrUsage = errors.New("bench")

// The defaults of Settings.
const (
	DefaultRounds      = 9
	DefaultDuration    = time.Second
	DefaultKeys        = 10_000
	DefaultValueBytes  = 128
	DefaultConnections = 1
	DefaultLongKeys    = 200_000
)

const (
	// bigValueBytes is the size of the large values.
	bigValueBytes = 16 << 10
	// maxValueBytes leaves room for names and headers in a message of 1 MiB.
	maxValueBytes = 900 << 10
	maxInFlight   = 10_000
)

// DefaultInFlight returns the default numbers of requests in flight: 1, 16, 64 and 256.
func DefaultInFlight() []int { return []int{1, 16, 64, 256} }

// Settings describes a run: its cases, and their durations.
type Settings struct {
	// Config describes the parts.
	stage.Config
	// Rounds is the number of measurements of each case, and Duration the time of each.
	Rounds   int
	Duration time.Duration
	// Cases are the names of the cases to measure. If it is empty, all are measured.
	Cases []string
	// InFlight are the numbers of requests in flight.
	InFlight []int
	// Large measures a store with a million keys too.
	Large bool
	// From is a file with the JSON of an earlier run. If it is not empty, nothing is measured
	// and that run is reported: all other settings but Format and Charts are ignored.
	From string
	// Charts is a folder for pictures of the figures. If it is empty, none is drawn.
	Charts string
	// Syscalls counts the system calls of the sidecars' sets, in a further round.
	Syscalls bool
	// Scale are numbers of keys. If it is not empty, a store of each size is measured
	// instead of the cases, and Cases, InFlight, Keys, LongKeys and Large are ignored.
	Scale []int
	// Format is FormatTable, FormatText or FormatJSON. If it is empty, it is FormatTable.
	Format string
}

// check returns an error for each invalid setting, with its flag.
func (settings *Settings) check() error {
	var failures []error
	within := func(flag string, value, most int) {
		if value < 1 || value > most {
			failures = append(failures, fmt.Errorf("--%s is %d: it is 1 to %d", flag, value, most))
		}
	}
	within("rounds", settings.Rounds, 1000)
	within("keys", settings.Keys, load.MaxKeys)
	within("value-bytes", settings.ValueBytes, maxValueBytes)
	within("connections", settings.Connections, 64)
	within("long-keys", settings.LongKeys, load.MaxKeys)
	for _, inFlight := range settings.InFlight {
		within("in-flight", inFlight, maxInFlight)
	}
	for _, keys := range settings.Scale {
		if keys < leastScale || keys > load.MaxKeys {
			failures = append(failures, fmt.Errorf("--scale is %d: it is %d to %d", keys, leastScale, load.MaxKeys))
		}
	}
	if len(settings.InFlight) == 0 {
		failures = append(failures, errors.New("--in-flight names no number"))
	}
	if !slices.Contains([]store.Durability{"", store.DurabilityFull, store.DurabilityRelaxed}, store.Durability(settings.Durability)) {
		failures = append(failures, fmt.Errorf("--durability is %q: it is %s or %s", settings.Durability, store.DurabilityFull, store.DurabilityRelaxed))
	}
	if settings.Duration <= 0 {
		failures = append(failures, fmt.Errorf("--duration is %s: it must be more than nothing", settings.Duration))
	}
	if settings.Syscalls {
		if err := stage.CheckTracer(); err != nil {
			failures = append(failures, fmt.Errorf("--syscalls: %w", err))
		}
	}
	if err := errors.Join(append(failures, settings.checkCases())...); err != nil {
		return fmt.Errorf("%w: %w; see storebus bench --help", ErrUsage, err)
	}
	return nil
}

// checkCases returns an error if a name is the name of no case.
func (settings *Settings) checkCases() error {
	known := stage.CaseNames()
	for _, name := range settings.Cases {
		if !slices.Contains(known, name) {
			return fmt.Errorf("--cases: there is no case %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	if slices.Contains(settings.Cases, "journal") && settings.Journal.URL == "" {
		return errors.New("--cases: journal needs an endpoint: name one with --journal-url and --journal-bucket")
	}
	if len(settings.chosen()) == 0 {
		return errors.New("--cases: with a broker that is there none of them can be measured")
	}
	return nil
}

// warmUp is the time that a case runs before its first counted round.
func (settings *Settings) warmUp() time.Duration { return settings.Duration/4 + time.Millisecond }
