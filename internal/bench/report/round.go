// SPDX-License-Identifier: EUPL-1.2

package report

import "time"

// The roles of the processes that a case keeps busy.
const (
	RoleBroker      = "broker"
	RoleResponder   = "responder"
	RoleClient      = "client"
	RoleSubscribers = "subscribers"
)

// Round is what one trial came to in one round, or the medians of several.
type Round struct {
	// Requests were served, Errors were not: a reply that reports an error, or none.
	Requests uint64 `json:"requests"`
	Errors   uint64 `json:"errors"`
	// Error is the first of them.
	Error string `json:"error,omitzero"`
	// Seconds is the whole time, until nothing was left to do; the drain is the part of
	// it after the last reply.
	Seconds      float64 `json:"seconds"`
	DrainSeconds float64 `json:"drain_seconds"`
	// Rate is requests a second of the whole time.
	Rate float64 `json:"requests_per_second"`
	// P50 and P99 are latencies in microseconds.
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
	// CPU is the processor time in microseconds a request by the role of the process.
	// What the system does not say is not there.
	CPU map[string]float64 `json:"cpu_us,omitzero"`
	// WriteRate is the sets a second that went on beside, WriteP99 their latency in
	// microseconds.
	WriteRate float64 `json:"writes_per_second,omitzero"`
	WriteP99  float64 `json:"write_p99_us,omitzero"`
	// Events are those that arrived at all the subscribers together.
	Events uint64 `json:"events,omitzero"`
	// Scrapes are how often the metrics were read beside.
	Scrapes uint64 `json:"scrapes,omitzero"`
	// Lag is how long after the reply to a set its event arrived; where the keys of the
	// case expire, how long after the deadline that event did; and of points, how long
	// after the reply they were delivered.
	Lag *Lag `json:"lag,omitzero"`
}

// Lag is in microseconds, and less than nothing where an event came before the reply.
type Lag struct {
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
}

// Microseconds gives a duration in the unit of the report.
func Microseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Microsecond)
}
