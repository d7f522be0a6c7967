// SPDX-License-Identifier: EUPL-1.2

// Package web serves a sidecar over HTTP, for reading only: health, metrics, the verbs
// that read, a feed of changes as server-sent events, and a page that shows them.
//
//	server, err := web.Start(web.Config{Address: "127.0.0.1:4280"})
//	server.Open(web.Backend{Service: service})
package web
