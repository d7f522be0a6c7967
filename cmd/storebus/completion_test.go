// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/testrun"
)

// commandCompletions asks for the possible words after the name of a command.
func commandCompletions(t *testing.T, line ...string) string {
	t.Helper()
	status, output, errorOutput := runProgram(append(line, completionFlag)...)
	require.Equal(t, exitDone, status)
	require.Empty(t, errorOutput)
	return output
}

// completions asks for the possible commands, in a process of its own: the library looks at
// the arguments of the process.
func completions(t *testing.T) string {
	t.Helper()
	command := exec.Command(os.Args[0], completionFlag)
	command.Env = append(os.Environ(), asProgram+"=1")
	output, err := command.Output()
	require.NoError(t, err)
	return string(output)
}

// suggested returns the words of completions without their descriptions.
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
}

// Behind a -- the flag of completion is an ordinary word.
func TestCompletion_EndsWithWord_Good(t *testing.T) {
	shell := newShell(t)
	status, output, errorOutput := runProgram("set", "acme", "g", "k", "--", completionFlag)
	assert.Equal(t, exitDone, status)
	assert.Equal(t, "1\n", output)
	assert.Empty(t, errorOutput)
	assert.Equal(t, completionFlag, shell.mustRun(t, "get", "acme", "g", "k"))
}

// A line is not executed if a shell asks about it.
func TestCompletion_EndsWithWord_Bad(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "g", "--", completionFlag, "kept")
	for _, variable := range []string{completionVariable, completingVariable} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv(variable, "")
			commandCompletions(t, "delete", "acme", "g", "--")
		})
	}
	_, output, _ := runProgram("get", "acme", "g", "--", completionFlag)
	assert.Equal(t, "kept", output)
	_, script, _ := runProgram("completion", "pwsh")
	assert.Contains(t, script, "$env:"+completingVariable)
}

func TestCompletion_Scripts_Good(t *testing.T) {
	for shell, line := range map[string]string{
		"bash": "complete -o bashdefault -o default -F __storebus_complete storebus",
		"zsh":  "#compdef storebus",
		"fish": "complete -c storebus -f -a '(__storebus_complete)'",
		"pwsh": "Register-ArgumentCompleter",
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

// Each script has a real shell complete the line in its first argument, and print a
// suggestion a line.
const (
	bashLine = `source <(storebus completion bash); COMP_LINE="$1"; COMP_POINT=${#1}; __storebus_complete; printf '%s\n' "${COMPREPLY[@]}"`
	zshLine  = `compdef() { :; }; source <(storebus completion zsh); compadd() { print -rl -- $names; }; _describe() { :; }; _files() { :; }
		words=("${(@z)1}"); [[ "$1" == *" " ]] && words+=(""); CURRENT=$#words; _storebus`
	fishLine = `storebus completion fish | source; complete -C $argv[1]`
)

// shellCompletions has a shell complete lines with this program.
func shellCompletions(t *testing.T, shell string, arguments ...string) func(line string) []string {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		t.Skip(shell + " is not installed")
	}
	folder := t.TempDir()
	program, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.Symlink(program, filepath.Join(folder, "storebus")))
	return func(line string) []string {
		command := exec.Command(shell, append(arguments, line)...) //nolint:gosec // a script of this test
		command.Env = append(os.Environ(), asProgram+"=1", "PATH="+folder+":"+os.Getenv("PATH"))
		output, err := command.Output()
		require.NoError(t, err, line)
		return strings.Split(strings.TrimSpace(string(output)), "\n")
	}
}

// newNamed starts a sidecar with names that a shell must quote or escape.
func newNamed(t *testing.T) {
	t.Helper()
	patientCompletion(t)
	shell := newShell(t)
	for _, group := range []string{"config", "user:42", "user:43", "two words", "two\nlines"} {
		shell.mustRun(t, "set", "acme", group, "key one", "v")
		shell.mustRun(t, "set", "acme", group, "theme", "v")
	}
	shell.mustRun(t, "set", "apex", "g", "k", "v")
	shell.mustRun(t, "workspace", "open", "acme", "import")
}

// patientCompletion gives a slow machine more time, in this process and in others.
func patientCompletion(t *testing.T) {
	t.Helper()
	bound := completionTime
	completionTime = patience
	t.Setenv(patientVariable, "1")
	t.Cleanup(func() { completionTime = bound })
}

func TestCompletion_Bash_Good(t *testing.T) {
	testrun.SkipUnderDetector(t)
	newNamed(t)
	complete := shellCompletions(t, "bash", "--norc", "-c", bashLine, "bash")
	for line, suggestions := range map[string][]string{
		"storebus t":                          {"touch", "transaction"},
		"storebus workspace q":                {"query"},
		"storebus del":                        {"delete", "delete-group", "delete-prefix"},
		"storebus touch acme c theme 60 --if": {"--if-revision"},
		"storebus get ":                       {"acme", "apex"},
		"storebus get ac":                     {"acme"},
		"storebus get acme us":                {"user:42", "user:43"},
		"storebus get acme user:":             {"42", "43"}, // bash has kept the text before the colon
		"storebus get acme user:42 ":          {`key\ one`, "theme"},
		"storebus get acme tw":                {`two\ words`}, // the name with a line break is left out
		`storebus get acme two\ words k`:      {`key\ one`},
		"storebus workspace put acme ":        {"import"},
		"storebus describe get":               {"get", "get_many"},
		"storebus usage a":                    {"acme", "apex"},
		"storebus get acme config theme ":     {""},
	} {
		assert.Equal(t, suggestions, complete(line), line)
	}
	t.Run("NothingIsEvaluated", func(t *testing.T) {
		witness := filepath.Join(t.TempDir(), "witness")
		complete("storebus get $(touch " + witness + ") ")
		assert.NoFileExists(t, witness)
	})
	t.Run("WithoutABroker", func(t *testing.T) {
		assert.Equal(t, []string{""}, complete("storebus get acme --nats "+nowhere+" "))
	})
	t.Run("FromTheBrokerOfTheLine", func(t *testing.T) {
		url := os.Getenv("STOREBUS_NATS")
		t.Setenv("STOREBUS_NATS", nowhere)
		assert.Equal(t, []string{"config"}, complete("storebus get acme --nats "+url+" c"))
	})
}

func TestCompletion_OtherShells_Good(t *testing.T) {
	testrun.SkipUnderDetector(t)
	for shell, arguments := range map[string][]string{"zsh": {"-f", "-c", zshLine, "zsh"}, "fish": {"--no-config", "-c", fishLine}} {
		t.Run(shell, func(t *testing.T) {
			newNamed(t)
			complete := shellCompletions(t, shell, arguments...)
			assert.Equal(t, []string{"user:42", "user:43"}, complete("storebus get acme us"))
			assert.Equal(t, []string{"two words"}, complete(`storebus get acme two\ w`))
			assert.Equal(t, []string{"key one", "theme"}, complete("storebus get acme user:42 "))
		})
	}
}

func TestCompletion_Names_Ugly(t *testing.T) {
	t.Run("ABrokerThatSaysNothing", func(t *testing.T) {
		isolate(t)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		t.Setenv("STOREBUS_NATS", "nats://"+listener.Addr().String())
		t.Setenv("STOREBUS_TIMEOUT", "1h") // it would wait an hour
		assert.Empty(t, commandCompletions(t, "get"))
	})
	t.Run("ASidecarThatSaysNothing", func(t *testing.T) {
		isolate(t)
		url := startBroker(t, server.Options{})
		t.Setenv("STOREBUS_NATS", url)
		_, err := dial(t).SubscribeSync("store.>")
		require.NoError(t, err)
		t.Setenv("STOREBUS_TIMEOUT", "1h")
		assert.Empty(t, commandCompletions(t, "get", "acme"))
	})
	t.Run("ALineThatIsWrong", func(t *testing.T) {
		newNamed(t)
		assert.Empty(t, commandCompletions(t, "get", "--bogus", "acme"))
		assert.Empty(t, commandCompletions(t, "get", "ac.me"))
		assert.Empty(t, commandCompletions(t, "archive", "verify"))
		t.Setenv("STOREBUS_TIMEOUT", "soon")
		assert.Empty(t, commandCompletions(t, "get"))
	})
	t.Run("NoMoreThanAShellCanShow", func(t *testing.T) {
		patientCompletion(t)
		shell := newShell(t)
		var sets []string
		for number := range mostSuggestions + 5 {
			sets = append(sets, fmt.Sprintf(`{"op":"set","group":"g","key":"key %d","value":""}`, number))
		}
		shell.input = `{"then":[` + strings.Join(sets, ",") + `]}`
		shell.mustRun(t, "transaction", "acme", "-")
		assert.Len(t, suggested(commandCompletions(t, "get", "acme", "g")), mostSuggestions)
	})
}
