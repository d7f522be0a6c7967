// SPDX-License-Identifier: EUPL-1.2

// Package bench measures storebus on the machine that it runs on, beside a bare
// NATS responder and JetStream KV. It owns the order of a run: which cases, how often, for how
// long. Its rooms do the rest:
//
//   - load asks: closed loops of requests, and what goes on beside them;
//   - stage has the parts: processes, files, connections, and the cases that are about them;
//   - report keeps the figures, compares them and prints them.
//
// report imports nothing of the project, load only report of the rooms, stage both; nothing imports bench but the
// program. One client process, this one, drives all parts with the same closed
// loop over the same number of connections, with the same keys and values, in
// interleaved rounds: A B C, A B C. What a store puts off is part of its round, which
// ends when the sidecar says that nothing is left to do.
//
// With --scale it measures instead what growth costs one sidecar: stores of several
// sizes, one after the other.
//
// Everything in this package runs on the goroutine that calls Run.
package bench
