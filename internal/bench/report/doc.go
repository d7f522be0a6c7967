// SPDX-License-Identifier: EUPL-1.2

// Package report owns the figures of a measurement: rounds, their medians, the ratios of
// comparable cases, and how all of them are printed as tables, text or JSON.
//
// It measures nothing and imports nothing of the project. Its values have no lock. A report and a
// Progress belong to the goroutine that makes them. Only Say may be called by another goroutine,
// while that one waits.
package report
