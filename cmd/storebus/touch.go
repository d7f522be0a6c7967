// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

func touchCommand() *clientCommand {
	return &clientCommand{
		name:    "touch",
		columns: []string{"REVISION"},
		usage:   "set when a key expires",
		description: "Lets a key expire after a time, 60, 90s or 1h30m, or never, leaves its value as it is, and prints the revision that the key now stands at. " +
			"A key that is not there is \"not found\" on standard error, and exit status 3.",
		words: []string{"NAMESPACE", "GROUP", "KEY", "TIME"},
		flags: []cli.Flag{newIfRevisionFlag("touch it")},
		examples: []string{
			"storebus touch acme presence 42 90s",
			"storebus touch acme config theme never",
			"storebus touch acme sessions k3F 1h --if-revision 41",
		},
		run: touch,
	}
}

func touch(ctx context.Context, call *call) error {
	ttl, err := call.timeToLive(call.word(3))
	if err != nil {
		return err
	}
	reply, err := call.store.Touch(ctx, call.word(0), call.word(1), call.word(2), ttl, client.TouchOptions{IfRevision: call.ifRevision()})
	if err != nil {
		return err
	}
	call.print(reply.Revision)
	return nil
}
