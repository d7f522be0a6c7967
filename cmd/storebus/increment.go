// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

func incrementCommand() *clientCommand {
	return &clientCommand{
		name:        "increment",
		columns:     []string{"VALUE"},
		usage:       "add to a number",
		description: "Adds a whole number to the number under a key, and prints the sum. Without a number it adds 1. A key that does not exist counts from 0.",
		words:       []string{"NAMESPACE", "GROUP", "KEY", "[NUMBER]"},
		flags:       []cli.Flag{newTTLFlag("60, 90s, 1h30m or never (default: no change)")},
		examples: []string{
			"storebus increment acme counters visits",
			"storebus increment acme stock apples -5",
			"storebus increment acme limits 192.0.2.1 --ttl 60s",
		},
		run: increment,
	}
}

func increment(ctx context.Context, call *call) error {
	by := int64(1)
	if len(call.words) > 3 {
		var err error
		if by, err = strconv.ParseInt(call.word(3), 10, 64); err != nil {
			return call.declared.usageError(fmt.Sprintf("%q is no value for NUMBER: %v", call.word(3), readable(call.word(3), err)))
		}
	}
	ttl, err := call.ttl()
	if err != nil {
		return err
	}
	reply, err := call.store.Increment(ctx, call.word(0), call.word(1), call.word(2), by, client.IncrementOptions{TTL: ttl})
	if err != nil {
		return err
	}
	call.print(reply.Value)
	return nil
}
