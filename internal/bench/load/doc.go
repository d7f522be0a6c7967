// SPDX-License-Identifier: EUPL-1.2

// Package load owns what asks: a closed loop of requests over some connections, the operations
// that it asks for, the keys and values that it takes, and the companions that go on beside it and
// measure what arrives. It needs connections and an address space, and starts no process: a test
// can drive a sidecar of its own with it.
//
//	loop := load.Loop{
//		Connections: connections, Operation: load.Set(space, load.Spread{}.Places("acme")), InFlight: 64,
//		Duration: time.Second, Keys: load.UniformKeys(10_000), Values: load.NewValuePool(128),
//	}
//	outcome, err := loop.Run(ctx)
//
// The package imports of the other rooms only report. A Loop is a value. The goroutine that starts
// a Drive waits for it, and any goroutine may stop it. Replies are received on the goroutines of
// the connections: Observe runs there, and each lane guards its state with its own mutex. Begin, End,
// Settle and Note of a Companion are called by one goroutine, in this order; what a companion
// shares with its subscriptions, its mutex or its channels guard.
package load
