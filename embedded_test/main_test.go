// SPDX-License-Identifier: EUPL-1.2

// Package embedded_test proves the promises of storebus on a real bus. It uses storebus as
// its users do: with a plain NATS client, with the Go client, and with the binary at a
// shell.
package embedded_test

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the tests. In a process that startBroker has started, it runs a broker
// instead.
func TestMain(m *testing.M) {
	if address := os.Getenv(brokerVariable); address != "" {
		if err := runBroker(address); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	removeBinary()
	os.Exit(code)
}
