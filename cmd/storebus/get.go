// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

func getCommand() *clientCommand {
	return &clientCommand{
		name:        "get",
		usage:       "print a value",
		description: "Prints the value of a key, byte by byte, and nothing else. On a terminal a line break follows. " + notFoundHelp,
		words:       []string{"NAMESPACE", "GROUP", "KEY"},
		flags:       []cli.Flag{newTTLFlag("60, 90s, 1h30m or never (default: no change)")},
		examples: []string{
			"storebus get acme config theme",
			"storebus get acme files logo > logo.png",
			"storebus get acme config theme --json",
			"storebus get acme sessions k3F --ttl 1h",
		},
		run: get,
	}
}

func get(ctx context.Context, call *call) error {
	entry, err := call.entry(ctx)
	if err != nil {
		return err
	}
	call.printValue(entry.Value)
	return nil
}

// entry reads the entry, and touches it if --ttl is given.
func (call *call) entry(ctx context.Context) (client.Entry, error) {
	ttl, err := call.ttl()
	if err != nil {
		return client.Entry{}, err
	}
	if ttl == nil {
		return call.store.Get(ctx, call.word(0), call.word(1), call.word(2))
	}
	return call.store.GetAndTouch(ctx, call.word(0), call.word(1), call.word(2), *ttl)
}
