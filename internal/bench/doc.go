// SPDX-License-Identifier: EUPL-1.2

// Package bench measures storebus on this machine, beside a bare NATS responder and
// JetStream KV. It decides the order of a run: which cases, how often, for how long. Its
// rooms do the rest:
//
//   - load sends the requests: closed loops, and companions beside them;
//   - stage has the parts: processes, files, connections, and the cases that use them;
//   - report keeps the figures, compares them, prints them and reads them again;
//   - chart draws lines.
//
// report and chart import nothing of the project. load imports report, stage imports both, and only
// the program imports bench. This process is the one client. It drives all parts with the
// same closed loop, over the same number of connections, with the same keys and values, in
// interleaved rounds: A B C, A B C. If a store defers work, that work is part of its round:
// the round ends when the sidecar reports that nothing is left to do.
//
// With --scale it measures instead how growth affects one sidecar: stores of several sizes,
// one after the other.
//
// Everything in this package runs on the goroutine that calls Run.
package bench
