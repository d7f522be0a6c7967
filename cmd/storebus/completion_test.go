// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// completionFlag is what the scripts of the shells put behind the line that they ask
// about.
const completionFlag = "--generate-shell-completion"

// commandCompletions asks what may come next after the name of a command.
func commandCompletions(t *testing.T, line ...string) string {
	t.Helper()
	status, output, errorOutput := runProgram(append(line, completionFlag)...)
	require.Equal(t, exitDone, status)
	require.Empty(t, errorOutput)
	return output
}

// completions asks which command may come first, in a process of its own: the library
// looks at the arguments of the process then.
func completions(t *testing.T) string {
	t.Helper()
	command := exec.Command(os.Args[0], completionFlag)
	command.Env = append(os.Environ(), asProgram+"=1")
	output, err := command.Output()
	require.NoError(t, err)
	return string(output)
}

// suggested gives the words of completions without what they mean.
func suggested(output string) (words []string) {
	for line := range strings.Lines(output) {
		word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		words = append(words, word)
	}
	return words
}

func TestCompletion_Commands_Good(t *testing.T) {
	output := completions(t)
	words := suggested(output)
	for _, command := range clientCommands() {
		assert.Contains(t, words, command.Name)
	}
	assert.Subset(t, words, []string{"serve", "bench", "completion", "journal", "workspace", "archive"})
	assert.Subset(t, suggested(commandCompletions(t, "archive")), []string{"verify"})
	assert.Equal(t, []string{"--before"}, suggested(commandCompletions(t, "compact", "--b")))
	assert.Subset(t, suggested(commandCompletions(t, "workspace")), []string{"open", "put", "aggregate", "query", "commit", "discard", "list"})
	assert.Equal(t, []string{"--limit"}, suggested(commandCompletions(t, "workspace", "query", "acme", "--l")))
	assert.Contains(t, output, "touch:set when a key expires\n")
	assert.Subset(t, suggested(commandCompletions(t, "completion")), []string{"bash", "zsh", "fish"})
}

func TestCompletion_Flags_Good(t *testing.T) {
	for _, command := range clientCommands() {
		words := suggested(commandCompletions(t, command.Name, "-"))
		for _, flag := range command.Flags {
			assert.Contains(t, words, "--"+flag.Names()[0], command.Name)
		}
	}
	assert.Equal(t, []string{"--ttl", "--tlscert", "--tlskey", "--tlsca", "--timeout"}, suggested(commandCompletions(t, "set", "acme", "config", "--t")))
	assert.Equal(t, []string{"--nats", "--nkey"}, suggested(commandCompletions(t, "serve", "--n")))
	assert.Empty(t, commandCompletions(t, "get", "acme"), "what comes next is a name, which the shell cannot know")
}

func TestCompletion_Scripts_Good(t *testing.T) {
	for shell, line := range map[string]string{
		"bash": "complete -o bashdefault -o default -F __storebus_bash_autocomplete storebus",
		"zsh":  "#compdef storebus",
		"fish": "complete -c storebus -f -a '(__storebus_perform_completion)'",
	} {
		status, output, errorOutput := runProgram("completion", shell)
		assert.Equal(t, exitDone, status)
		assert.Contains(t, output, line)
		assert.Empty(t, errorOutput)
	}
}

func TestCompletion_Scripts_Bad(t *testing.T) {
	status, output, errorOutput := runProgram("completion", "tcsh")
	assert.Equal(t, exitUsage, status)
	assert.Empty(t, output)
	assert.Contains(t, errorOutput, "tcsh")
}

// bashTest completes a line in a real bash. bash-completion's function is what its
// package defines, cut down to what the script needs of it.
const bashTest = `
_get_comp_words_by_ref() { cur="${COMP_WORDS[COMP_CWORD]}"; words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; }
source <(storebus completion bash)
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
__storebus_bash_autocomplete
printf '%s\n' "${COMPREPLY[@]}"
`

func TestCompletion_Bash_Good(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is not installed")
	}
	folder := t.TempDir()
	program, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.Symlink(program, filepath.Join(folder, "storebus")))
	complete := func(words ...string) []string {
		command := exec.Command("bash", append([]string{"--norc", "-c", bashTest, "bash"}, words...)...) //nolint:gosec // a script of this test
		command.Env = append(os.Environ(), asProgram+"=1", "PATH="+folder+":"+os.Getenv("PATH"))
		output, err := command.CombinedOutput()
		require.NoError(t, err, string(output))
		return strings.Fields(string(output))
	}
	assert.Equal(t, []string{"touch", "transaction"}, complete("storebus", "t"))
	assert.Equal(t, []string{"query"}, complete("storebus", "workspace", "q"))
	assert.Equal(t, []string{"delete", "delete-group", "delete-prefix"}, complete("storebus", "del"))
	assert.Equal(t, []string{"--if-revision"}, complete("storebus", "touch", "acme", "config", "theme", "60", "--if"))
	assert.Contains(t, complete("storebus", "scan", "acme", "--"), "--group-prefix")
}
