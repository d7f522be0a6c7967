// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"
)

// The flags of destructive commands.
const (
	forceFlag  = "force"
	dryRunFlag = "dry-run"
)

// destroyHelp ends the description of a destructive command.
const destroyHelp = "The command first tells what it will do, and asks. Without a terminal it needs --force."

// errNotConfirmed ends a command if its question was not confirmed.
var errNotConfirmed = errors.New("not confirmed: nothing was done")

// loss says what a command would remove, as --dry-run prints it.
type loss struct {
	// Text completes the sentence "this would …".
	Text    string  `json:"would"`
	Keys    *uint64 `json:"keys,omitzero"`
	Groups  *uint64 `json:"groups,omitzero"`
	Entries *uint64 `json:"entries,omitzero"`
}

func destroyFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: forceFlag, Usage: "do not ask; required without a terminal"},
		&cli.BoolFlag{Name: dryRunFlag, Usage: "print what the command would do, and change nothing"},
	}
}

// destroy runs a destructive command after --force, or after a confirmation at a terminal. If
// there is nothing to destroy, it runs the command without a question.
func (call *call) destroy(ctx context.Context, find func(context.Context) (loss, error), execute func(context.Context) error) error {
	dryRun := call.command.Bool(dryRunFlag)
	if call.command.Bool(forceFlag) && !dryRun {
		return execute(ctx)
	}
	call.silent = true
	found, err := find(ctx)
	call.silent = false
	switch {
	case err != nil:
		return err
	case dryRun && call.json:
		return call.printJSON(found)
	case dryRun:
		call.columns("WHAT WOULD HAPPEN")
		call.print(found.Text)
		return nil
	case !found.isNothing():
		if err := call.confirm(ctx, found.Text); err != nil {
			return err
		}
	}
	return execute(ctx)
}

// isNothing reports whether the command certainly removes nothing.
func (loss loss) isNothing() bool {
	return loss.Keys != nil && *loss.Keys == 0 || loss.Entries != nil && *loss.Entries == 0
}

// confirm asks at the terminal.
func (call *call) confirm(ctx context.Context, text string) error {
	root := call.command.Root()
	if !isTerminal(root.Reader) || !isTerminal(root.ErrWriter) {
		return call.declared.usageError(fmt.Sprintf("this would %s: give --force if that is meant, or --dry-run to look first", text))
	}
	fmt.Fprintf(root.ErrWriter, "This would %s. Go on? [y/N] ", visible(text))
	answers := make(chan string, 1)
	go func() {
		// If the input fails, the answer is empty.
		answer, _ := bufio.NewReader(root.Reader).ReadString('\n')
		answers <- answer
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case answer := <-answers:
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
			return nil
		}
	}
	return errNotConfirmed
}

// counted returns a number with its noun.
//
//	counted(1, "key")  // 1 key
func counted(number uint64, noun string) string {
	if number == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", number, noun)
}
