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

// commandToTry gives a command line that works as it is on a broker that asks nobody for
// credentials. On another it says which flags are missing: the sidecar's own user may not
// be anybody else's.
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

// shellWord gives a text as a word that a shell takes as it is.
func shellWord(text string) string {
	if strings.ContainsFunc(text, func(letter rune) bool {
		return !unicode.IsLetter(letter) && !unicode.IsDigit(letter) && !strings.ContainsRune("/._-+:@%", letter)
	}) {
		return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return text
}

// invocation is how this program was called. "go run" builds it into a folder that
// is gone afterwards.
func invocation(program string) string {
	if strings.Contains(program, string(filepath.Separator)+"go-build") {
		return "go run ./cmd/storebus"
	}
	return program
}
