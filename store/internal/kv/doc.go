// SPDX-License-Identifier: EUPL-1.2

// Package kv is the vocabulary of the store: names and their limits, and errors. It has no
// state, so every goroutine may use it.
package kv
