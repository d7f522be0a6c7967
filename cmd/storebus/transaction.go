// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// errGuards is what a transaction ends with that has carried out its else.
var errGuards = subjects.ErrRevisionConflict.New("the guards did not hold: else was carried out")

func transactionCommand() *clientCommand {
	return &clientCommand{
		name:  "transaction",
		usage: "carry out a list of operations, all of it or nothing",
		description: "Reads a transaction from a file, or from standard input for -, as JSON: guards (if), what is done where all of them hold (then), and what is done else. " +
			"Prints a line for each operation that was carried out: its name, and the revision that it left, the value that it read, the sum, or the number of keys. " +
			"Guards that do not hold are exit status 4.",
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
		call.printUnlessJSON(resultColumns(result)...)
	}
	if !reply.Succeeded {
		return errGuards
	}
	return nil
}

// file gives the bytes of a file, or those of standard input for a dash.
func (call *call) file(word string) ([]byte, error) {
	if word == "-" {
		return call.value(word)
	}
	return os.ReadFile(word)
}

// resultColumns gives what an operation did as the columns of a line.
func resultColumns(result client.Result) []string {
	switch {
	case result.Set != nil:
		return []string{"set", strconv.FormatUint(result.Set.Revision, 10)}
	case result.Get != nil && result.Get.Missing:
		return []string{"get", "not found"}
	case result.Get != nil:
		return append([]string{"get", strconv.FormatUint(result.Get.Revision, 10)}, valueColumns(result.Get.Value, result.Get.ValueOmitted)...)
	case result.Delete != nil && !result.Delete.Deleted:
		return []string{"delete", "not found"}
	case result.Delete != nil:
		return []string{"delete", strconv.FormatUint(result.Delete.Revision, 10)}
	case result.Touch != nil:
		return []string{"touch", strconv.FormatUint(result.Touch.Revision, 10)}
	case result.Increment != nil:
		return []string{"increment", strconv.FormatUint(result.Increment.Revision, 10), strconv.FormatInt(result.Increment.Value, 10)}
	}
	return []string{"delete_group", strconv.FormatUint(result.DeleteGroup.Revision, 10), strconv.FormatUint(result.DeleteGroup.Deleted, 10)}
}
