// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

func touchCommand() *clientCommand {
	return &clientCommand{
		name:        "touch",
		columns:     []string{"REVISION"},
		usage:       "set when a key expires",
		description: "Sets when a key expires: after a TIME such as 60, 90s or 1h30m, or never. The value stays. The command prints the new revision of the key. " + notFoundHelp,
		words:       []string{"NAMESPACE", "GROUP", "KEY", "TIME"},
		flags:       []cli.Flag{newIfRevisionFlag("touch the key only if it has this `REVISION`")},
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
