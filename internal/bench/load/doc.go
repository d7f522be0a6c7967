// SPDX-License-Identifier: EUPL-1.2

// Package load sends the requests of a measurement. It has a closed loop over some
// connections, and the operations, keys and values of the requests. Companions work beside
// the loop and measure arrivals. It needs connections and an address space, and starts no
// process: a test can drive a sidecar of its own with it.
//
//	loop := load.Loop{
//		Connections: connections, Operation: load.Set(space, load.Spread{}.Places("acme")), InFlight: 64,
//		Duration: time.Second, Keys: load.UniformKeys(10_000), Values: load.NewValuePool(128),
//	}
//	outcome, err := loop.Run(ctx)
//
// Of the other rooms it imports only report. A Loop is a value. The goroutine that starts a
// Drive waits for it, and any goroutine may stop it. Replies are received on the goroutines
// of the connections. Observe runs there, and each lane guards its state with its own
// mutex. One goroutine calls Begin, End, Settle and Note of a Companion, in this order. If
// a companion shares state with its subscriptions, its mutex or its channels guard that
// state.
package load
