// SPDX-License-Identifier: EUPL-1.2

// Package stage owns the parts of a measurement: the processes (brokers, a responder that only
// echoes, sidecars, subscribers), their files, the connections to them, and what each case asks of
// which part. Each process is this same program, started again: a sidecar with serve, every other
// part with one of the hidden commands that Helpers names.
//
// A Stage prepares what the cases need, measures one case at a time, and removes everything in
// Close. It knows load, which asks, and report, which keeps the figures. It does not know what a
// run consists of.
//
// A Stage and its fields belong to one goroutine, the one that opens it and closes it. One
// goroutine for each process reads its output; it shares with that goroutine only the channels
// ready and ended, the flag stopping, and err once ended is closed.
package stage
