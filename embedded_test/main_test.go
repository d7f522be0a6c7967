// SPDX-License-Identifier: EUPL-1.2

// Package embedded_test proves the promises of storebus on a real bus. It uses storebus as
// its users do: with a plain NATS client, with the Go client, and with the binary at a
// shell.
package embedded_test

import (
	"fmt"
	"os"
	"testing"

	"dappco.re/go/storebus/internal/testrun"
)

// programs are what this test binary is in a process that a test has started, by the variables that
// say so.
var programs = map[string]func(value string) error{brokerVariable: runBroker}

// TestMain runs the tests, or one of programs.
func TestMain(m *testing.M) {
	for variable, program := range programs {
		if value := os.Getenv(variable); value != "" {
			if err := program(value); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			return
		}
	}
	testrun.WaitTogether()
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	removeBinary()
	os.Exit(code)
}
