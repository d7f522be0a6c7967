// SPDX-License-Identifier: EUPL-1.2

// Package bench measures storebus on the machine that it runs on, beside a bare
// NATS responder and JetStream KV.
//
// Every part is a process of its own: the brokers, the responder that only echoes,
// the sidecars, the subscribers. They are this same program, started again with a
// hidden command. One client process, this one, drives them all with the same closed
// loop over the same number of connections, with the same keys and values, in
// interleaved rounds: A B C, A B C. What a store puts off is part of its round, which
// ends when the sidecar says that nothing is left to do.
//
// With --scale it measures instead what growth costs one sidecar: stores of several
// sizes, one after the other.
package bench
