// SPDX-License-Identifier: EUPL-1.2

// Package stage owns the parts of a measurement: the processes (brokers, a responder that
// only echoes, sidecars, subscribers), their files and the connections to them. It also
// knows the requests of each case. Each process is this same program, started again: a
// sidecar with serve, every other part with one of the hidden commands in Helpers.
//
// A Stage prepares the parts for the cases, measures one case at a time, and removes
// everything in Close. It uses load for requests, and report for figures. It does not know
// the order of a run.
//
// A Stage and its fields belong to one goroutine, which opens and closes it. One goroutine
// for each process reads its output. It shares with the first goroutine only the channels
// ready and ended, the flag stopping, and err once ended is closed.
package stage
