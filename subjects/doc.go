// SPDX-License-Identifier: EUPL-1.2

// Package subjects is the wire contract of storebus as Go: how subjects are
// built and parsed, how names become subject tokens, what requests, replies,
// events and errors look like. It imports nothing of the project, so a client
// and a sidecar can share it.
//
//	space, err := subjects.NewSpace("store")
//	space.Request("acme", subjects.VerbSet)                 // store.acme.set
//	space.Raw("acme", subjects.VerbGet, "a.b", "theme")     // store.acme.get.a%2Eb.theme
//	space.Event("acme", "config")                           // store.events.acme.config
package subjects
