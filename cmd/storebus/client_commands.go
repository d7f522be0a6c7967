// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// clientCommands returns the commands that call a sidecar: the verbs of the bus, for a
// person at a shell.
func clientCommands() []*cli.Command {
	declared := []*clientCommand{
		setCommand(),
		getCommand(),
		deleteCommand(),
		existsCommand(),
		touchCommand(),
		incrementCommand(),
		transactionCommand(),
		listCommand(),
		scanCommand(),
		groupsCommand(),
		countCommand(),
		renderCommand(),
		splitCommand(),
		fieldsCommand(),
		deleteGroupCommand(),
		deletePrefixCommand(),
		watchCommand(),
		changesCommand(),
		usageCommand(),
		quotaCommand(),
		namespacesCommand(),
		purgeCommand(),
		backupCommand(),
		compactCommand(),
		statusCommand(),
		describeCommand(),
		doctorCommand(),
	}
	commands := make([]*cli.Command, len(declared))
	for index, command := range declared {
		commands[index] = command.command()
	}
	return commands
}

// clientCategory is the category of the commands that call a sidecar.
const clientCategory = "client"

// Sentences that several descriptions use.
const (
	operatorHelp = "You need the permissions of an operator."
	notFoundHelp = `If the key does not exist, the command prints "not found" on standard error, and the exit status is 3.`
	quotedHelp   = `Names and values with tabs, line breaks or other control characters are printed in quotes: "two\nlines".`
)

// clientCommand is the declaration of one command. Each command has a file of its own.
type clientCommand struct {
	name, usage, description string
	// group is the word before the name, "" if there is none: see commandGroup.
	group string
	// words are the names of the command's words, in order. A name in brackets is optional:
	// "[GROUP]". The last may repeat: "NAMESPACE...".
	words []string
	// columns are the names of the printed columns, none if the command prints a value or
	// nothing.
	columns []string
	flags   []cli.Flag
	// examples are complete command lines. An error of usage shows the first.
	examples []string
	// lasting says that the command has no time limit: its connection comes back after an
	// outage, and it prints --json itself.
	lasting bool
	// local says that the command needs no sidecar: it opens no connection, and has no
	// flags for one.
	local bool
	// diagnoses says that the command opens the connection itself, and reports on it.
	diagnoses bool
	run       func(ctx context.Context, call *call) error
}

// commandGroup puts commands behind a word of their own, such as storebus workspace list.
func commandGroup(name, usage string, declared ...*clientCommand) *cli.Command {
	group := &cli.Command{Name: name, Usage: usage, Category: clientCategory}
	for _, command := range declared {
		command.group = name
		group.Commands = append(group.Commands, command.command())
	}
	return group
}

// call is one run of a command.
type call struct {
	declared *clientCommand
	command  *cli.Command
	words    []string
	// given names the flags on the command line.
	given map[string]bool
	// json says that replies are printed unchanged, and nothing else.
	json bool
	// silent keeps replies out of the output while the command asks for its own purposes.
	silent bool
	// table gathers rows. It is nil if rows are printed as text.
	table  *table
	output *bufio.Writer
	// connection and store are nil if the command calls no sidecar.
	connection *nats.Conn
	store      *client.Client
}

// command builds the library's command. It parses the flags itself: see splitWords.
func (declared *clientCommand) command() *cli.Command {
	return &cli.Command{
		Name:               declared.name,
		Usage:              declared.usage,
		ArgsUsage:          strings.Join(declared.words, " "),
		Description:        declared.description,
		Category:           declared.category(),
		Flags:              append(declared.flags, declared.sharedFlags()...),
		CustomHelpTemplate: cli.CommandHelpTemplate + declared.exampleHelp() + exitHelp(),
		SkipFlagParsing:    true,
		HideHelpCommand:    true, // or no namespace could be called help
		Action:             declared.action,
		ShellComplete:      declared.complete,
	}
}

// category is the heading in the help: commands that call a sidecar stand together.
func (declared *clientCommand) category() string {
	if declared.local {
		return ""
	}
	return clientCategory
}

func (declared *clientCommand) exampleHelp() string {
	indented := "\nEXAMPLE:\n   " + strings.Join(declared.examples, "\n   ") + "\n"
	return strings.ReplaceAll(indented, "{{", `{{"{{"}}`)
}

func (declared *clientCommand) action(ctx context.Context, command *cli.Command) error {
	words, given, err := splitWords(command)
	if err != nil {
		return declared.usageError(err.Error())
	}
	if command.Bool("help") {
		return cli.ShowCommandHelp(ctx, command.Lineage()[1], declared.name)
	}
	if err := declared.checkWords(words); err != nil {
		return err
	}
	call := &call{
		declared: declared, command: command, words: words, given: given,
		output: bufio.NewWriter(command.Root().Writer),
	}
	if err := call.readFormat(); err != nil {
		return err
	}
	if declared.local || declared.diagnoses {
		return call.run(ctx)
	}
	connection, err := call.connect(declared)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := call.newClient(connection, declared); err != nil {
		return err
	}
	return call.run(ctx)
}

// run executes the command and writes its output.
func (call *call) run(ctx context.Context) error {
	err := call.withEmptyNamespace(ctx, call.declared.run(ctx, call))
	if call.table != nil && (err == nil || len(call.table.rows) > 0) {
		call.flushTable()
	}
	if flushError := call.output.Flush(); err == nil {
		err = flushError
	}
	return err
}

// newClient creates the client. If --json is given, the client prints the replies itself.
// It does not wait for a missing sidecar: the person at the shell sees an error at once.
func (call *call) newClient(connection *nats.Conn, declared *clientCommand) error {
	config := client.Config{Prefix: call.command.String(prefixFlag), Timeout: call.command.Duration(timeoutFlag), Patience: -1}
	if call.json && !declared.lasting {
		config.ReplyFunc = func(_ string, body []byte) {
			if !call.silent {
				call.printLine(string(body))
			}
		}
	}
	store, err := client.New(connection, config)
	if err != nil {
		return declared.usageError(err.Error())
	}
	call.connection, call.store = connection, store
	return nil
}

// word returns a word by its place, "" if it was left out.
func (call *call) word(index int) string {
	if index < len(call.words) {
		return call.words[index]
	}
	return ""
}

// group returns the second word, a group, "" if it was left out.
func (call *call) group() (string, error) {
	if len(call.words) < 2 {
		return "", nil
	}
	return call.words[1], subjects.CheckGroup(call.words[1])
}

// ifRevision returns the value of --if-revision, nil if it was not given.
func (call *call) ifRevision() *uint64 {
	if !call.given[ifRevisionFlag] {
		return nil
	}
	return client.Revision(call.command.Uint64(ifRevisionFlag))
}

// checkWords returns an error of usage if there are too many words, or too few.
func (declared *clientCommand) checkWords(words []string) error {
	least := 0
	for _, word := range declared.words {
		if !strings.HasPrefix(word, "[") {
			least++
		}
	}
	most := len(declared.words)
	if most > 0 && strings.HasSuffix(declared.words[most-1], "...") {
		most = len(words)
	}
	if least <= len(words) && len(words) <= most {
		return nil
	}
	expected := "no words"
	if len(declared.words) > 0 {
		expected = strings.Join(declared.words, " ")
	}
	return declared.usageError(fmt.Sprintf("it takes %s, and was given %q", expected, words))
}

// usageError names the mistake in the command line, and shows a correct example.
func (declared *clientCommand) usageError(problem string) error {
	name := strings.TrimSpace(declared.group + " " + declared.name)
	return fmt.Errorf("%w: storebus %s: %s; for example: %s", errUsage, name, problem, declared.examples[0])
}
