// SPDX-License-Identifier: EUPL-1.2

// Package kv is the vocabulary of the store: names, ranges and realms of names, the states of
// entries, groups and namespaces, and limits. It has no state of its own, so every goroutine
// may use it. An EntryVersion is shared and must not be changed.
package kv
