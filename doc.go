// SPDX-License-Identifier: EUPL-1.2

// Package storebus is the whole sidecar as a library: a key-value store in one
// SQLite database, driven over NATS. Services in any language send requests on
// store.<namespace>.<verb> and hear of every change on
// store.events.<namespace>.<group>; a success reply means on disk.
//
//	sidecar, err := storebus.Start(ctx, storebus.Config{DatabasePath: "./data/storebus.db"})
//	if err != nil {
//		return err
//	}
//	defer sidecar.Close()
//	connection, err := nats.Connect(sidecar.NATSURL())
//
// Without a broker of its own to connect to, a sidecar starts one.
package storebus
