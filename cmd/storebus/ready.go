// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/subjects"
)

// announce prints the one line that scripts wait for.
func announce(output io.Writer, sidecar *storebus.Sidecar, databasePath string) {
	fmt.Fprintf(output, "storebus ready at %s serving %s.> from %s (durability %s)\n",
		sidecar.NATSURL(), sidecar.Prefix(), databasePath, sidecar.Durability())
}

// commandToTry gives a command line that works as it is.
//
//	commandToTry("storebus", "nats://127.0.0.1:4222", "store")  // storebus set acme config theme dark
func commandToTry(program, url, prefix string) string {
	words := []string{invocation(program), "set acme config theme dark"}
	if url != nats.DefaultURL {
		words = append(words, "--nats", url)
	}
	if prefix != subjects.DefaultPrefix {
		words = append(words, "--prefix", prefix)
	}
	return strings.Join(words, " ")
}

// invocation is how this program was called. "go run" builds it into a folder that
// is gone afterwards.
func invocation(program string) string {
	if strings.Contains(program, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/storebus"
	}
	return program
}
