// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

const strictFlag = "strict"

func renderCommand() *clientCommand {
	return &clientCommand{
		name:  "render",
		usage: "fill a template with the values of a group",
		description: "Prints a template. In the template the keys of a group stand for their values. On a terminal a line break follows. The template may use the safe part of Go's text/template: " +
			"fields, index, len, comparisons, print, if, with, and range over the group. If TEMPLATE is -, it is read from standard input.",
		words: []string{"NAMESPACE", "GROUP", "TEMPLATE"},
		flags: []cli.Flag{&cli.BoolFlag{Name: strictFlag, Usage: "fail if a key does not exist; without this flag <no value> is printed"}},
		examples: []string{
			"storebus render acme config 'the theme is {{.theme}}'",
			"storebus render acme config - --strict < nginx.conf.template > nginx.conf",
		},
		run: render,
	}
}

func render(ctx context.Context, call *call) error {
	template, err := call.value(call.word(2))
	if err != nil {
		return err
	}
	text, err := call.store.Render(ctx, call.word(0), call.word(1), string(template), client.RenderOptions{Strict: call.command.Bool(strictFlag)})
	if err != nil {
		return err
	}
	call.printValue(text.Text)
	return nil
}
