// SPDX-License-Identifier: EUPL-1.2

// Package subjects is the wire contract of storebus in Go. It builds and parses subjects,
// turns names into subject tokens, and defines requests, replies, events and errors. It
// imports no other package of the project, so that a client and a sidecar can share it.
//
//	space, err := subjects.NewSpace("store")
//	space.Request("acme", subjects.VerbSet)                 // store.acme.set
//	space.Raw("acme", subjects.VerbGet, "a.b", "theme")     // store.acme.get.a%2Eb.theme
//	space.Event("acme", "config")                           // store.events.acme.config
package subjects
