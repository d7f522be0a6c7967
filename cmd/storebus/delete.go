// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

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

// emptyTime bounds the check whether a namespace has any keys.
const emptyTime = 500 * time.Millisecond

// withEmptyNamespace adds to the error of a missing key if its namespace has no keys at
// all. The mistake is more likely in the name of the namespace then.
func (call *call) withEmptyNamespace(ctx context.Context, err error) error {
	words := call.declared.words
	if !errors.Is(err, subjects.ErrNotFound) || len(words) < 3 || words[0] != "NAMESPACE" || words[2] != "KEY" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, emptyTime)
	defer cancel()
	call.silent = true
	usage, usageError := call.store.Usage(ctx, call.word(0))
	call.silent = false
	if usageError != nil || usage.Keys > 0 {
		return err
	}
	return fmt.Errorf("%w: the namespace %s has no keys", err, call.word(0))
}

// missingKey is the error of a missing key if the reply is no error.
func missingKey(group, key string) error {
	return subjects.ErrNotFound.New(fmt.Sprintf("%s/%s is not there", group, key))
}
