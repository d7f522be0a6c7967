// SPDX-License-Identifier: EUPL-1.2

// Package handler stands between NATS and the store. It turns requests into calls of the
// store and results into replies, and it publishes every change.
//
// A Service answers requests. The table verbs lists all of its endpoints. Every request
// takes one path: check the reply subject, decode, take a place in the queue, pass it to
// the store, and reply when the store calls back. A callback of NATS never blocks and
// never runs SQL.
//
// A Publisher republishes the change log, in order, on a connection of its own.
//
//	service, err := handler.Announce(ctx, handler.Config{Store: store, Space: space, Connection: connection})
//	publisher, err := handler.StartPublisher(handler.PublisherConfig{Store: store, Space: space, Connection: events, Service: service})
//	err = service.Serve(ctx)
package handler
