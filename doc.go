// SPDX-License-Identifier: EUPL-1.2

// Package storebus is the whole sidecar as a library: a key-value store in one SQLite database,
// driven over NATS. Services in any language send requests on store.<namespace>.<verb>, and
// receive every change on store.events.<namespace>.<group>. A success reply means that the
// write is on disk.
//
//	sidecar, err := storebus.Start(ctx, storebus.Config{DatabasePath: "./data/storebus.db"})
//	if err != nil {
//		return err
//	}
//	defer sidecar.Close()
//	connection, err := nats.Connect(sidecar.NATSURL())
//
// If Config names no broker, the sidecar starts one of its own.
package storebus
