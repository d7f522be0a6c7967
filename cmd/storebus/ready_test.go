// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus"
)

func TestReady_CommandToTry_Good(t *testing.T) {
	open := func(program, url, prefix string) string {
		return commandToTry(program, url, prefix, &storebus.NATSConfig{}, true)
	}
	assert.Equal(t, "storebus set acme config theme dark", open("storebus", "nats://127.0.0.1:4222", "store"))
	assert.Equal(t, "./storebus set acme config theme dark --nats nats://127.0.0.1:5555 --prefix berlin",
		open("./storebus", "nats://127.0.0.1:5555", "berlin"))
	assert.Equal(t, "go run ./cmd/storebus set acme config theme dark",
		open("/tmp/go-build123/b001/exe/storebus", "nats://127.0.0.1:4222", "store"))
	assert.Equal(t, "go run ./cmd/storebus set acme config theme dark",
		open("/root/.cache/go-build/ab/abc-d/storebus", "nats://127.0.0.1:4222", "store"))
}

func TestReady_CommandToTry_Good_OnASecuredBroker(t *testing.T) {
	const line = "storebus set acme config theme dark --nats tls://broker:4222 --tlsca "
	try := func(config storebus.NATSConfig, open bool) string {
		return commandToTry("storebus", "tls://broker:4222", "store", &config, open)
	}
	assert.Equal(t, line+"'my ca.pem'", try(storebus.NATSConfig{AuthorityFile: "my ca.pem"}, true))
	assert.Equal(t, line+"ca.pem, with --tlscert and --tlskey of a client",
		try(storebus.NATSConfig{AuthorityFile: "ca.pem", CertificateFile: "a", KeyFile: "b"}, true))
	assert.Equal(t, line+"ca.pem, with --user, --creds or --nkey, and --inbox-prefix of a client (storebus permissions acme prints its user)",
		try(storebus.NATSConfig{AuthorityFile: "ca.pem", NATSCredentials: storebus.NATSCredentials{User: "sidecar", Password: "secret"}}, false))
	assert.Contains(t, try(storebus.NATSConfig{AuthorityFile: "ca.pem", CertificateFile: "a", KeyFile: "b"}, false), "--inbox-prefix, --tlscert and --tlskey of a client")
}
