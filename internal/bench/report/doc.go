// SPDX-License-Identifier: EUPL-1.2

// Package report owns the figures of a measurement: rounds, their medians, and the ratios
// of comparable cases. It prints them as tables, text or JSON.
//
// It measures nothing and imports nothing of the project. Its values have no lock. A report
// and a Progress belong to the goroutine that creates them. Only Say may be called by
// another goroutine, while the first one waits.
package report
