// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

func deleteCommand() *clientCommand {
	return &clientCommand{
		name:        "delete",
		columns:     []string{"REVISION"},
		usage:       "remove a key",
		description: "Removes a key, and prints the revision of this change. " + notFoundHelp,
		words:       []string{"NAMESPACE", "GROUP", "KEY"},
		flags:       []cli.Flag{newIfRevisionFlag("remove the key only if it has this `REVISION`")},
		examples: []string{
			"storebus delete acme config theme",
			"storebus delete acme config theme --if-revision 41",
		},
		run: deleteKey,
	}
}

func deleteKey(ctx context.Context, call *call) error {
	namespace, group, key := call.word(0), call.word(1), call.word(2)
	reply, err := call.store.Delete(ctx, namespace, group, key, client.DeleteOptions{IfRevision: call.ifRevision()})
	if err != nil {
		return err
	}
	if !reply.Deleted {
		return missingKey(group, key)
	}
	call.print(reply.Revision)
	return nil
}

// missingKey is the error of a key that is not there, where the reply is none.
func missingKey(group, key string) error {
	return subjects.ErrNotFound.New(fmt.Sprintf("%s/%s is not there", group, key))
}
