// SPDX-License-Identifier: EUPL-1.2

// Package template fills templates in with the entries of a group. Parse takes a safe part
// of text/template and refuses the rest. A Group is a copy, so rendering needs nothing of the
// store, and each caller may render on its own goroutine. A template ends after MaxRenderTime.
package template
