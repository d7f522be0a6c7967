// SPDX-License-Identifier: EUPL-1.2

// Package paging has the bounds of a page: its limit, and what fits into a message. It owns
// nothing. A Page belongs to the goroutine that fills it.
package paging
