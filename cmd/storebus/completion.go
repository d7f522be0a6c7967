// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bufio"
	"context"
	"embed"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
)

// completionScripts teach the shells the commands, the flags and the names of the store.
//
//go:embed completion
var completionScripts embed.FS

const (
	// completionVariable holds the word under the cursor. The scripts set it.
	completionVariable = "STOREBUS_COMPLETE"
	// completingVariable is set by a script that cannot pass the word: PowerShell has no
	// empty variables.
	completingVariable = "STOREBUS_COMPLETING"
	// completionFlag follows the command line in a question of a script.
	completionFlag = "--generate-shell-completion"
	// mostSuggestions bounds the names that a shell gets.
	mostSuggestions = 100
)

// completionTime bounds the questions to the broker and the sidecar. Together with the
// start of the program, a shell waits 200 ms at most.
var completionTime = 150 * time.Millisecond

// endsWithWord reports whether the flag of completion is an ordinary word, because it
// follows a --. A completion script may ask about such a line too, and sets a variable
// then. So a line is never executed while a person types it.
func endsWithWord(arguments []string) bool {
	last := len(arguments) - 1
	if last < 0 || arguments[last] != completionFlag || !slices.Contains(arguments[:last], "--") {
		return false
	}
	_, known := os.LookupEnv(completionVariable)
	_, completing := os.LookupEnv(completingVariable)
	return !known && !completing
}

// configureCompletion makes the command for the scripts visible, and installs the scripts
// of this program. The library's own scripts evaluate the line, and end a name at a colon.
func configureCompletion(command *cli.Command) {
	command.Hidden = false
	command.Usage = "print a script with which a shell completes commands, flags and names"
	command.Description = "Prints the script for a shell. The shell that has read it completes commands, flags, and the names in the store."
	for _, shell := range command.Commands {
		script, err := completionScripts.ReadFile("completion/storebus." + shell.Name)
		if err != nil {
			continue // the library's own script stays
		}
		shell.Usage = "print the script for " + shell.Name
		shell.Action = func(_ context.Context, command *cli.Command) error {
			_, err := command.Root().Writer.Write(script)
			return err
		}
	}
}

// complete prints possible next words: flags, or names in the store. It prints nothing if
// there is no answer.
func (declared *clientCommand) complete(ctx context.Context, command *cli.Command) {
	current, known := os.LookupEnv(completionVariable)
	// The library's own scripts pass the current word only if it is a flag.
	arguments := command.Args().Slice()
	if last := len(arguments) - 1; !known && last >= 0 && strings.HasPrefix(arguments[last], "-") {
		current = arguments[last]
	}
	if strings.HasPrefix(current, "-") {
		cli.DefaultCompleteWithFlags(ctx, command)
		return
	}
	for _, flag := range command.Flags {
		// The library reads the variables only before an action.
		if err := flag.PostParse(); err != nil {
			return
		}
	}
	words, given, err := splitWords(command)
	if err != nil || declared.local {
		return
	}
	call := &call{declared: declared, command: command, words: words, given: given, output: bufio.NewWriter(command.Root().Writer), silent: true}
	// An error is not shown: the line has no suggestions then.
	_ = call.suggest(ctx, current)
}

// suggest prints the names for the next word. If the connection takes too long, suggest
// returns and leaves it: the process ends.
func (call *call) suggest(ctx context.Context, begin string) error {
	names := nameFinders[call.nextWord()]
	if names == nil {
		return nil
	}
	if err := call.command.Set(timeoutFlag, completionTime.String()); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	found := make(chan []string, 1)
	go func() {
		defer close(found)
		if connection, err := call.connect(call.declared); err == nil {
			defer connection.Close()
			if call.newClient(connection, call.declared) == nil {
				list, _ := names(ctx, call, begin)
				found <- list
			}
		}
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case list := <-found:
		return call.printSuggestions(list)
	}
}

// printSuggestions prints a tab behind each name. It leaves out a name that a shell cannot
// take.
func (call *call) printSuggestions(names []string) error {
	for _, name := range names {
		if name != "" && printable(name) == name {
			fmt.Fprintf(call.output, "%s\t\n", name)
		}
	}
	return call.output.Flush()
}

// nextWord is the name of the next word, without its brackets and dots.
func (call *call) nextWord() string {
	words := call.declared.words
	if len(words) == 0 {
		return ""
	}
	last := words[len(words)-1]
	switch index := len(call.words); {
	case index < len(words):
		return strings.Trim(words[index], "[].")
	case strings.HasSuffix(last, "..."):
		return strings.Trim(last, "[].")
	}
	return ""
}

// nameFinders find names with a given beginning. The key is the name of the word; the call
// has the words before it.
var nameFinders = map[string]func(ctx context.Context, call *call, begin string) ([]string, error){
	"NAMESPACE": findNamespaces,
	"GROUP":     findGroups,
	"KEY":       findKeys,
	"WORKSPACE": findWorkspaces,
	"VERB":      findVerbs,
}

func findNamespaces(ctx context.Context, call *call, begin string) (names []string, err error) {
	page, err := call.store.Namespaces(ctx, client.NamespacesOptions{Prefix: begin, Limit: mostSuggestions})
	for _, each := range page.Namespaces {
		names = append(names, each.Namespace)
	}
	return names, err
}

func findGroups(ctx context.Context, call *call, begin string) (names []string, err error) {
	page, err := call.store.Groups(ctx, call.word(0), client.GroupsOptions{Prefix: begin, Limit: mostSuggestions})
	for _, each := range page.Groups {
		names = append(names, each.Group)
	}
	return names, err
}

func findKeys(ctx context.Context, call *call, begin string) (names []string, err error) {
	page, err := call.store.List(ctx, call.word(0), call.word(1), client.ListOptions{Prefix: begin, Limit: mostSuggestions, KeysOnly: true})
	for _, each := range page.Entries {
		names = append(names, each.Key)
	}
	return names, err
}

// findWorkspaces searches the first 1,000 workspaces: the verb has no prefix.
func findWorkspaces(ctx context.Context, call *call, begin string) (names []string, err error) {
	page, err := call.store.Workspaces(ctx, call.word(0), client.WorkspacesOptions{Limit: largestPage})
	for _, each := range page.Workspaces {
		if strings.HasPrefix(each.Workspace, begin) && len(names) < mostSuggestions {
			names = append(names, each.Workspace)
		}
	}
	return names, err
}

func findVerbs(ctx context.Context, call *call, begin string) (names []string, err error) {
	reply, err := call.store.Describe(ctx)
	for _, each := range reply.Verbs {
		if strings.HasPrefix(string(each.Name), begin) {
			names = append(names, string(each.Name))
		}
	}
	return names, err
}
