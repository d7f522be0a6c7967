// SPDX-License-Identifier: EUPL-1.2

// Package embedded_test proves the promises of storebus on a real bus, as its
// users see them: a plain NATS client, the Go client, and the binary at a shell.
package embedded_test

import (
	"fmt"
	"os"
	"testing"
)

// TestMain runs the tests, or, in a process that a test has started for it, a
// broker (see startBroker).
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
