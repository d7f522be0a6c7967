// SPDX-License-Identifier: EUPL-1.2

// Package journal delivers points to an InfluxDB-compatible endpoint: in order, in batches, and
// until the endpoint has taken or refused each point. It takes the points from a Queue, which
// keeps each point until it is settled.
package journal
