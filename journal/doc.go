// SPDX-License-Identifier: EUPL-1.2

// Package journal delivers points to an InfluxDB-compatible endpoint: in order, in
// batches, and until the endpoint has taken or refused each of them. What it
// delivers it takes from a Queue, which keeps every point until it is settled.
package journal
