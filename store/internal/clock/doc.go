// SPDX-License-Identifier: EUPL-1.2

// Package clock is the time of the store, which never goes back: neither if the wall clock is set
// back, nor if a database was written while the wall clock was ahead. Every goroutine may use a
// Clock.
package clock
