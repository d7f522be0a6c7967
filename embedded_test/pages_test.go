// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// shellCommand is a command of a page, with what it prints; empty where the page does not say.
type shellCommand struct {
	line, output string
}

// shellCommands reads the commands of a section of a page of Markdown.
func shellCommands(t *testing.T, page, heading string) (commands []shellCommand) {
	t.Helper()
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	_, section, found := strings.Cut(string(text), "\n"+heading+"\n")
	require.True(t, found, heading)
	section, _, _ = strings.Cut(section, "\n## ")
	for line := range strings.Lines(section) {
		code, isCode := strings.CutPrefix(line, "    ")
		if !isCode {
			continue
		}
		if command, isCommand := strings.CutPrefix(code, "$ "); isCommand {
			commands = append(commands, shellCommand{line: strings.TrimSpace(command)})
		} else {
			commands[len(commands)-1].output += code
		}
	}
	return commands
}

// The journal's page works as it is typed, but for the addresses.
func TestPages_Journal_Good(t *testing.T) {
	endpoint := startInflux(t)
	endpoint.query(t, "CREATE DATABASE journal")
	const page = "../docs/how-to/journal.md"
	commands := append(shellCommands(t, page, "## Start"), shellCommands(t, page, "## Commit a point")...)
	require.Len(t, commands, 4)
	const program = "go run ./cmd/storebus "
	here := strings.NewReplacer("http://127.0.0.1:8086", endpoint.URL())
	serve, found := strings.CutPrefix(commands[0].line, program+"serve ")
	require.True(t, found)
	_, address := serveOwn(t, nil, append(strings.Fields(here.Replace(serve)), "--listen", "127.0.0.1:0")...)
	for _, example := range commands[1:] {
		command := exec.Command("sh", "-c", strings.ReplaceAll(example.line, program, storebusBinary(t)+" "))
		command.Env = append(cleanEnvironment(t), "STOREBUS_NATS="+address)
		output, err := command.CombinedOutput()
		require.NoError(t, err, "%s: %s", example.line, output)
		assert.Equal(t, here.Replace(example.output), string(output), example.line)
	}
}

// What the README says to begin with works as it is typed, but for the addresses: a change
// is written, read, and seen by whoever follows.
func TestPages_Start_Good(t *testing.T) {
	commands := shellCommands(t, "../README.md", "## Start")
	require.Len(t, commands, 3)
	const program = "go run ./cmd/storebus "
	require.Equal(t, program+"serve", commands[0].line)
	_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0")
	connection := connect(t, address)
	changes, err := connection.SubscribeSync("store.events.acme.>")
	require.NoError(t, err)
	require.NoError(t, connection.Flush())
	var output []byte
	for _, example := range commands[1:] {
		command := exec.Command("sh", "-c", strings.ReplaceAll(example.line, program, storebusBinary(t)+" "))
		command.Env = append(cleanEnvironment(t), "STOREBUS_NATS="+address)
		output, err = command.CombinedOutput()
		require.NoError(t, err, "%s: %s", example.line, output)
	}
	assert.Equal(t, "dark", string(output))
	change, err := changes.NextMsg(patience)
	require.NoError(t, err)
	assert.Contains(t, string(change.Data), `"key":"theme"`)
}
