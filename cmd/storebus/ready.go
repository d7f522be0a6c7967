// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"unicode"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/subjects"
)

// announce prints the one line that scripts wait for.
func announce(output io.Writer, sidecar *storebus.Sidecar, databasePath string) {
	fmt.Fprintf(output, "storebus ready at %s serving %s.> from %s (durability %s)\n",
		sidecar.NATSURL(), sidecar.Prefix(), databasePath, sidecar.Durability())
}

// commandToTry returns a command line that works unchanged if the broker asks nobody for
// credentials. On another broker it names the missing flags: a client should not connect as
// the sidecar's own user.
//
//	commandToTry("storebus", "nats://127.0.0.1:4222", "store", &storebus.NATSConfig{}, true)  // storebus set acme config theme dark
func commandToTry(program, url, prefix string, config *storebus.NATSConfig, open bool) string {
	words := []string{invocation(program), "set acme config theme dark"}
	if url != nats.DefaultURL {
		words = append(words, "--nats", url)
	}
	if prefix != subjects.DefaultPrefix {
		words = append(words, "--prefix", prefix)
	}
	if config.AuthorityFile != "" {
		words = append(words, "--"+tlsCAFlag, shellWord(config.AuthorityFile))
	}
	missing := "--user, --creds or --nkey, and --inbox-prefix"
	switch line := strings.Join(words, " "); {
	case config.CertificateFile != "" && open:
		return line + ", with --tlscert and --tlskey of a client"
	case config.CertificateFile != "":
		missing += ", --tlscert and --tlskey"
		fallthrough
	case !open:
		return fmt.Sprintf("%s, with %s of a client (%s permissions acme prints its user)", line, missing, invocation(program))
	default:
		return line
	}
}

// shellWord quotes a text if a shell would not take it literally.
func shellWord(text string) string {
	if strings.ContainsFunc(text, func(letter rune) bool {
		return !unicode.IsLetter(letter) && !unicode.IsDigit(letter) && !strings.ContainsRune("/._-+:@%", letter)
	}) {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

// invocation is the command with which this program was called. The binary of "go run" does
// not outlive its run.
func invocation(program string) string {
	if strings.Contains(program, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/storebus"
	}
	return program
}
