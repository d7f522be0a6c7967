// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

func setCommand() *clientCommand {
	return &clientCommand{
		name:    "set",
		columns: []string{"REVISION"},
		usage:   "store a value under a key",
		description: "Stores a value under a key, and prints the new revision of the key. The value is on disk by then. If VALUE is -, it is read from standard input, byte by byte. " +
			"Put -- before a value that begins with a dash and a letter.",
		words: []string{"NAMESPACE", "GROUP", "KEY", "VALUE"},
		flags: []cli.Flag{
			newTTLFlag("60, 90s, 1h30m, never, or keep for no change (default: never)"),
			newIfRevisionFlag("store the key only if it has this `REVISION`; with 0, only if it does not exist"),
		},
		examples: []string{
			"storebus set acme config theme dark",
			"storebus set acme presence 42 online --ttl 90s",
			"storebus set acme files logo - < logo.png",
			"storebus set acme config theme light --if-revision 41",
			"storebus set acme notes first -- --not-a-flag",
		},
		run: set,
	}
}

func set(ctx context.Context, call *call) error {
	options := client.SetOptions{IfRevision: call.ifRevision()}
	ttl, err := call.ttl()
	if err != nil {
		return err
	}
	if ttl != nil {
		options.TTL = *ttl
	}
	value, err := call.value(call.word(3))
	if err != nil {
		return err
	}
	reply, err := call.store.Set(ctx, call.word(0), call.word(1), call.word(2), value, options)
	if err != nil {
		return err
	}
	call.print(reply.Revision)
	return nil
}

// value returns the bytes of a word. If the word is a dash, it reads standard input.
func (call *call) value(word string) ([]byte, error) {
	if word != "-" {
		return []byte(word), nil
	}
	value, err := io.ReadAll(call.command.Root().Reader)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return value, nil
}
