// SPDX-License-Identifier: EUPL-1.2

// Package failure has the errors of the store that several packages return. Package store shows
// and documents each of them. Errors are values: every goroutine may use them, and nothing
// changes one.
package failure
