// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFlagorder_FlagsAfterCommand_Good(t *testing.T) {
	root := rootCommand(func() {})
	for given, expected := range map[string]string{
		"-s nats://b get acme g k":                     "get -s nats://b acme g k",
		"--server=nats://b --json get acme g k":        "get --server=nats://b --json acme g k",
		"-o json --prefix other workspace open acme w": "workspace open -o json --prefix other acme w",
		"--timeout 3s journal commit acme -s nats://b": "journal commit --timeout 3s acme -s nats://b",
		"-s nats://b namespaces":                       "namespaces -s nats://b",
		"-s nats://b gett acme g k":                    "gett -s nats://b acme g k",
		"-s nats://b workspace opn acme":               "workspace -s nats://b opn acme",
		"-s nats://b workspace":                        "workspace -s nats://b",
	} {
		assert.Equal(t, expected, strings.Join(flagsAfterCommand(root, strings.Fields(given)), " "), given)
	}
}

func TestFlagorder_FlagsAfterCommand_Bad(t *testing.T) {
	root := rootCommand(func() {})
	for _, given := range []string{"", "--help", "--version", "get acme g k -s nats://b", "-s", "-s nats://b", "--unknown x get acme g k", "-- get"} {
		assert.Equal(t, given, strings.Join(flagsAfterCommand(root, strings.Fields(given)), " "), given)
	}
}
