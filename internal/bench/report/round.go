// SPDX-License-Identifier: EUPL-1.2

package report

import "time"

// The roles of the processes in a case.
const (
	RoleBroker      = "broker"
	RoleResponder   = "responder"
	RoleClient      = "client"
	RoleSubscribers = "subscribers"
)

// Round has the figures of one trial in one round, or the medians of several rounds.
type Round struct {
	// Requests counts the served requests. Errors counts the others: an error reply, or
	// none.
	Requests uint64 `json:"requests"`
	Errors   uint64 `json:"errors"`
	// Error is the first error.
	Error string `json:"error,omitzero"`
	// Seconds is the whole time until nothing was left to do. DrainSeconds is the part
	// after the last reply.
	Seconds      float64 `json:"seconds"`
	DrainSeconds float64 `json:"drain_seconds"`
	// Rate is requests a second over the whole time.
	Rate float64 `json:"requests_per_second"`
	// P50 and P99 are latencies in microseconds.
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
	// CPU is the processor time in microseconds a request, by the role of the process. If
	// the system does not report a figure, it is missing.
	CPU map[string]float64 `json:"cpu_us,omitzero"`
	// Idle is the share of the time in which the processors of the machine had nothing to
	// do. It is missing if the system does not report it.
	Idle *float64 `json:"idle_share,omitzero"`
	// WriteRate is the rate of the sets beside the trial, WriteP99 their latency in
	// microseconds.
	WriteRate float64 `json:"writes_per_second,omitzero"`
	WriteP99  float64 `json:"write_p99_us,omitzero"`
	// Events is the number of events at all subscribers together.
	Events uint64 `json:"events,omitzero"`
	// Scrapes is the number of scrapes of the metrics beside the trial.
	Scrapes uint64 `json:"scrapes,omitzero"`
	// Lag is a delay. For sets it is the time from the reply to the event. If the keys of
	// the case expire, it is the time from the deadline to the event. For points it is the
	// time from the reply to the delivery.
	Lag *Lag `json:"lag,omitzero"`
}

// Lag is in microseconds. It is negative if an event came before the reply.
type Lag struct {
	P50 float64 `json:"p50_us"`
	P99 float64 `json:"p99_us"`
}

// Microseconds returns a duration in the unit of the report.
func Microseconds(duration time.Duration) float64 {
	return float64(duration) / float64(time.Microsecond)
}
