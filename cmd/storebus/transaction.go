// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"os"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// errGuards and errNothing end a transaction whose guards did not hold. errGuards says that
// its else was executed; errNothing says that it has no else.
var (
	errGuards  = subjects.ErrRevisionConflict.New("the guards did not hold: else was carried out")
	errNothing = subjects.ErrRevisionConflict.New("the guards did not hold: nothing was changed")
)

func transactionCommand() *clientCommand {
	return &clientCommand{
		name:    "transaction",
		columns: []string{"OPERATION", "REVISION", "RESULT"},
		usage:   "run several writes atomically",
		description: "Runs a transaction that is read as JSON from FILE, or from standard input if FILE is -. If all guards (if) hold, the operations of then are run, and otherwise those of else. " +
			"Either all of these operations take effect, or none. The command prints a line for each operation: its name, and its new revision, its value, its sum or its number of keys. " +
			"If a guard does not hold, the exit status is 4.",
		words: []string{"NAMESPACE", "FILE"},
		examples: []string{
			"storebus transaction acme transfer.json",
			`echo '{"if":[{"key":"lock","exists":false}],"then":[{"op":"set","key":"lock","value":"mine","ttl":60}]}' | storebus transaction acme -`,
		},
		run: transaction,
	}
}

func transaction(ctx context.Context, call *call) error {
	text, err := call.file(call.word(1))
	if err != nil {
		return err
	}
	var request subjects.TransactionRequest
	if err := subjects.Decode(text, &request); err != nil {
		return fmt.Errorf("%s: %w", call.word(1), err)
	}
	reply, err := call.store.Transaction(ctx, call.word(0), client.NewTransaction(request))
	if err != nil {
		return err
	}
	for _, result := range reply.Results {
		call.print(resultRow(result)...)
	}
	switch {
	case reply.Succeeded:
		return nil
	case len(request.Else) == 0:
		return errNothing
	}
	return errGuards
}

// file returns the bytes of a file. If the word is a dash, it reads standard input.
func (call *call) file(word string) ([]byte, error) {
	if word == "-" {
		return call.value(word)
	}
	return os.ReadFile(word)
}

// resultRow returns the result of an operation as a row.
func resultRow(result client.Result) []any {
	switch {
	case result.Set != nil:
		return []any{"set", result.Set.Revision}
	case result.Get != nil && result.Get.Missing:
		return []any{"get", "not found"}
	case result.Get != nil:
		return []any{"get", result.Get.Revision, valueCell(result.Get.Value, result.Get.ValueOmitted)}
	case result.Delete != nil && !result.Delete.Deleted:
		return []any{"delete", "not found"}
	case result.Delete != nil:
		return []any{"delete", result.Delete.Revision}
	case result.Touch != nil:
		return []any{"touch", result.Touch.Revision}
	case result.Increment != nil:
		return []any{"increment", result.Increment.Revision, result.Increment.Value}
	}
	return []any{"delete_group", result.DeleteGroup.Revision, result.DeleteGroup.Deleted}
}
