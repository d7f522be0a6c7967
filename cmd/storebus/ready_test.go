// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReady_CommandToTry_Good(t *testing.T) {
	assert.Equal(t, "storebus set acme config theme dark", commandToTry("storebus", "nats://127.0.0.1:4222", "store"))
	assert.Equal(t, "./storebus set acme config theme dark --nats nats://127.0.0.1:5555 --prefix berlin",
		commandToTry("./storebus", "nats://127.0.0.1:5555", "berlin"))
	assert.Equal(t, "go run ./cmd/storebus set acme config theme dark",
		commandToTry("/tmp/go-build123/b001/exe/storebus", "nats://127.0.0.1:4222", "store"))
	assert.Equal(t, "go run ./cmd/storebus set acme config theme dark",
		commandToTry("/root/.cache/go-build/ab/abc-d/storebus", "nats://127.0.0.1:4222", "store"))
}
