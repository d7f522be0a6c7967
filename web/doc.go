// SPDX-License-Identifier: EUPL-1.2

// Package web serves a sidecar over HTTP, for reading alone: health, metrics, the verbs
// that read, a feed of changes as server-sent events, and a page that shows them.
package web
