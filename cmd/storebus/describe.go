// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/subjects"
)

func describeCommand() *clientCommand {
	return &clientCommand{
		name:        "describe",
		columns:     []string{"VERB", "SUBJECT", "WRITES", "DESCRIPTION"},
		usage:       "print all verbs of the bus, or the fields of one verb",
		description: "Prints a line for each verb of the sidecar: its name, its subject, whether it writes, and its purpose. With a VERB, prints a line for each field of the request: name, type, and whether it is required. " + operatorHelp,
		words:       []string{"[VERB]"},
		examples: []string{
			"storebus describe",
			"storebus describe set",
			"storebus describe -o json | jq '.verbs[] | select(.writes).name'",
		},
		run: describe,
	}
}

func describe(ctx context.Context, call *call) error {
	reply, err := call.store.Describe(ctx)
	if err != nil {
		return err
	}
	if verb := call.word(0); verb != "" {
		return call.describeVerb(reply, verb)
	}
	for _, verb := range reply.Verbs {
		owner := "<namespace>"
		if verb.Admin {
			owner = "admin"
		}
		call.print(string(verb.Name), fmt.Sprintf("%s.%s.%s", call.command.String(prefixFlag), owner, verb.Name), yesOrNo(verb.Writes), verb.Description)
	}
	return nil
}

func (call *call) describeVerb(reply subjects.DescribeReply, name string) error {
	names := make([]string, len(reply.Verbs))
	for index, verb := range reply.Verbs {
		if names[index] = string(verb.Name); names[index] == name {
			call.columns("FIELD", "TYPE", "REQUIRED")
			call.printFields("", verb.Fields)
			return nil
		}
	}
	return subjects.ErrNotFound.New(fmt.Sprintf("the sidecar knows no verb %q%s", name, didYouMean(name, names)))
}

// printFields prints fields, and after each list the fields of its elements.
func (call *call) printFields(path string, fields []subjects.FieldDescription) {
	for _, field := range fields {
		call.print(path+field.Name, field.Type, yesOrNo(field.Required))
		call.printFields(path+field.Name+"/", field.Fields)
	}
}

func yesOrNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
