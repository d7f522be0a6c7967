// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// codeBlock is a fenced block of code. The words after the language say its purpose: "text
// storebus watch" is the terminal of that command, "json transfer.json" the content of that
// file.
type codeBlock struct {
	line     int
	language string
	purpose  string
	text     string
}

// fileLanguages are the languages of blocks that a reader saves as files.
var fileLanguages = []string{"conf", "go", "js", "json", "python", "yaml"}

var fence = regexp.MustCompile("(?ms)^( *)```([a-z]*) ?([^\n]*)\n(.*?)^ *```$")

// codeBlocks reads the fenced blocks of a page.
func codeBlocks(t *testing.T, page string) (blocks []codeBlock) {
	t.Helper()
	content := text(t, page)
	for _, found := range fence.FindAllStringSubmatchIndex(content, -1) {
		part := func(number int) string { return content[found[2*number]:found[2*number+1]] }
		unindented := regexp.MustCompile("(?m)^"+part(1)).ReplaceAllString(part(4), "")
		blocks = append(blocks, codeBlock{strings.Count(content[:found[0]], "\n") + 1, part(2), part(3), unindented})
	}
	return blocks
}

// shellCommand is a command of a page.
type shellCommand struct {
	line string
	// output is the output on the page, if shown is set. An ellipsis stands for a part that
	// differs each time.
	output string
	shown  bool
}

// commands reads the commands of a block for the shell. In sh each line is one; in a
// console each line after a dollar sign, with its output below. A command continues after a
// backslash, in a document between two marks, and in the lines of a loop.
func (block codeBlock) commands() (commands []shellCommand) {
	isConsole := block.language == "console"
	if !isConsole && block.language != "sh" && block.language != "bash" && block.language != "shell" {
		return nil
	}
	end := ""
	for line := range strings.Lines(block.text) {
		last := len(commands) - 1
		begun, isBegun := strings.CutPrefix(line, "$ ")
		switch {
		case end != "":
			commands[last].line += line
			if strings.TrimSpace(line) == end {
				end = ""
			}
			continue
		case last >= 0 && goesOnWith(commands[last].line, line, isConsole):
			commands[last].line += line
		case isConsole && !isBegun:
			commands[last].output += line
			continue
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
			continue
		case isConsole:
			commands = append(commands, shellCommand{line: begun, shown: true})
		default:
			commands = append(commands, shellCommand{line: line})
		}
		if mark := regexp.MustCompile(`<<'?([A-Z]+)'?`).FindStringSubmatch(line); mark != nil {
			end = mark[1]
		}
	}
	return commands
}

// goesOnWith reports whether a line belongs to the command before it.
func goesOnWith(command, line string, isConsole bool) bool {
	return strings.HasSuffix(command, "\\\n") || !isConsole && regexp.MustCompile(`^(  |done|fi|})`).MatchString(line)
}

// reader follows a page from top to bottom: in one folder, with one storebus, and with a
// terminal for each command that does not end.
type reader struct {
	page        string
	folder      string
	environment []string
	http        string
	nats        string
	here        []string // pairs: a text of the page, and its replacement here
	terminals   []*terminal
	status      int // of the last command, for a line with $?
	// before prepares each command and may replace it, if it is set.
	before func(line string) string
}

// newReader is a reader of a page in an empty folder, with storebus in the path. Another
// storebus may use the default ports, so other ports stand in for them.
func newReader(t *testing.T, page string) *reader {
	t.Helper()
	programs := t.TempDir()
	require.NoError(t, os.Symlink(storebusBinary(t), filepath.Join(programs, "storebus")))
	reader := &reader{page: page, folder: t.TempDir(), nats: freeAddress(t), http: freeAddress(t)}
	reader.environment = append(cleanEnvironment(t), "NO_COLOR=1", "TERM=dumb",
		"STOREBUS_LISTEN="+reader.nats, "STOREBUS_HTTP="+reader.http, "NATS_URL=nats://"+reader.nats)
	reader.addProgramFolder(programs)
	require.NoError(t, os.WriteFile(filepath.Join(reader.home(), ".curlrc"), []byte("fail\nsilent\nshow-error\n"), 0o600)) // an HTTP error is an error of curl
	reader.here = []string{"127.0.0.1:4222", reader.nats, "127.0.0.1:4280", reader.http, "go run ./cmd/storebus", "storebus"}
	return reader
}

// home is the folder of the reader's own settings.
func (reader *reader) home() (folder string) {
	for _, variable := range reader.environment {
		if value, isHome := strings.CutPrefix(variable, "HOME="); isHome {
			folder = value
		}
	}
	return folder
}

func (reader *reader) addProgramFolder(folder string) {
	for index, variable := range reader.environment {
		if path, isPath := strings.CutPrefix(variable, "PATH="); isPath {
			reader.environment[index] = "PATH=" + folder + string(filepath.ListSeparator) + path
		}
	}
}

// useGo lets the reader use Go with the caches of the person who runs the test. Installed
// programs go to a folder of their own.
func (reader *reader) useGo(t *testing.T) {
	t.Helper()
	output, err := exec.Command("go", "env", "GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS").Output()
	require.NoError(t, err)
	values := strings.Split(string(output), "\n")
	programs := t.TempDir()
	reader.environment = append(reader.environment, "GOCACHE="+values[0], "GOMODCACHE="+values[1], "GOPROXY="+values[2], "GOFLAGS="+values[3], "GOBIN="+programs)
	reader.addProgramFolder(programs)
}

// useServer gives the reader the real nats-server.
func (reader *reader) useServer(t *testing.T) {
	t.Helper()
	programs := t.TempDir()
	output, err := exec.Command("go", "build", "-o", filepath.Join(programs, "nats-server"), "github.com/nats-io/nats-server/v2").CombinedOutput()
	require.NoError(t, err, "%s", output)
	reader.addProgramFolder(programs)
}

// replace replaces texts in the commands and the files of the page. pairs are old and new
// texts.
func (reader *reader) replace(pairs ...string) { reader.here = append(pairs, reader.here...) }

// start starts a sidecar before the page begins, and then runs commands.
func (reader *reader) start(t *testing.T, commands ...string) {
	t.Helper()
	reader.open(t, "storebus serve", "")
	for _, command := range commands {
		reader.do(t, command)
	}
}

// do runs a command that is not on the page.
func (reader *reader) do(t *testing.T, command string) {
	t.Helper()
	done := openTerminal(t, reader.folder, reader.environment, command)
	require.NoError(t, done.wait(t), "%s\n%s", command, done.text())
}

// forget removes variables that the page has set.
func (reader *reader) forget(beginnings ...string) {
	reader.environment = slices.DeleteFunc(reader.environment, func(variable string) bool {
		return slices.ContainsFunc(beginnings, func(beginning string) bool { return strings.HasPrefix(variable, beginning) })
	})
}

// put writes a file into the folder of the reader.
func (reader *reader) put(t *testing.T, name, content string) {
	t.Helper()
	path := filepath.Join(reader.folder, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
}

// follow runs the commands of the page and saves its files.
func (reader *reader) follow(t *testing.T) {
	t.Helper()
	stands := strings.NewReplacer(reader.here...)
	for _, block := range codeBlocks(t, reader.page) {
		switch commands := block.commands(); {
		case commands != nil:
			for index, command := range commands {
				asked := index+1 < len(commands) && strings.Contains(commands[index+1].line, "$?")
				reader.run(t, block, command, asked, stands)
			}
		case block.purpose == "":
		case block.language == "text":
			reader.look(t, block, stands)
		case slices.Contains(fileLanguages, block.language):
			reader.put(t, block.purpose, stands.Replace(block.text))
		}
	}
}

// goesOn matches commands that do not end by themselves. ends matches the flags with which
// they do.
var (
	goesOn = regexp.MustCompile(`^(storebus serve\b|storebus watch\b|curl -N|nats sub\b|nats-server\b|go run \.$)`)
	ends   = regexp.MustCompile(` --(check|limit|signal)\b`)
)

// run types a command and compares its output with the page. The command may fail only if
// the next line of the page asks for its exit status.
func (reader *reader) run(t *testing.T, block codeBlock, command shellCommand, asked bool, stands *strings.Replacer) {
	t.Helper()
	if reason := reasonNotToRun(reader.page, command.line); reason != "" {
		return
	}
	line := strings.TrimSpace(stands.Replace(command.line))
	if reader.before != nil {
		line = reader.before(line)
	}
	if variables, isExport := strings.CutPrefix(line, "export "); isExport {
		reader.environment = append(reader.environment, strings.Fields(variables)...)
		return
	}
	if folder, isMove := strings.CutPrefix(line, "cd "); isMove {
		require.DirExists(t, folder, "%s:%d", reader.page, block.line)
		reader.folder = folder
		return
	}
	if goesOn.MatchString(line) && !ends.MatchString(line) {
		reader.open(t, line, stands.Replace(command.output))
		return
	}
	done := openTerminal(t, reader.folder, reader.environmentOf(line), fmt.Sprintf("(exit %d)\n%s", reader.status, line))
	err := done.wait(t)
	reader.status = done.command.ProcessState.ExitCode()
	if !asked {
		require.NoError(t, err, "%s:%d: %s\n%s", reader.page, block.line, line, done.text())
	}
	if command.shown {
		want, got := trimLines(stands.Replace(command.output)), trimLines(done.text())
		if !matchesText(want, got) {
			assert.Equal(t, want, got, "%s:%d: %s", reader.page, block.line, line)
		}
	}
}

// environmentOf is the environment of a command. A sidecar on another broker listens at no
// port of its own. A check of the settings ignores that the default port is in use.
func (reader *reader) environmentOf(line string) []string {
	return slices.DeleteFunc(slices.Clone(reader.environment), func(variable string) bool {
		return strings.HasPrefix(line, "storebus serve") &&
			(strings.Contains(line, "--nats ") && strings.HasPrefix(variable, "STOREBUS_LISTEN=") ||
				strings.Contains(line, "--check") && strings.HasPrefix(variable, "STOREBUS_HTTP="))
	})
}

// ready is the text that a server prints when it serves.
var ready = map[string]string{"storebus serve": readyLine, "nats-server": "Server is ready"}

// open starts a command that does not end, and waits until its output matches the page. A
// server replaces the running server of the same name.
func (reader *reader) open(t *testing.T, line, output string) {
	t.Helper()
	for server := range ready {
		if strings.HasPrefix(line, server) {
			reader.close(t, server)
		}
	}
	started := openTerminal(t, reader.folder, reader.environmentOf(line), "exec "+line)
	reader.terminals = append(reader.terminals, started)
	for server, text := range ready {
		if strings.HasPrefix(line, server) {
			started.awaits(t, text, func(screen string) bool { return strings.Contains(screen, text) })
		}
	}
	started.awaits(t, output, func(screen string) bool { return showsText(output, screen) })
}

// close ends a running server.
func (reader *reader) close(t *testing.T, server string) {
	t.Helper()
	for _, opened := range reader.terminals {
		if strings.HasPrefix(opened.line, "exec "+server) {
			opened.interrupt(t)
		}
	}
}

// look waits until the newest terminal of a command matches the page.
func (reader *reader) look(t *testing.T, block codeBlock, stands *strings.Replacer) {
	t.Helper()
	for index := len(reader.terminals) - 1; index >= 0; index-- {
		if strings.HasPrefix(strings.TrimPrefix(reader.terminals[index].line, "exec "), block.purpose) {
			want := stands.Replace(block.text)
			reader.terminals[index].awaits(t, want, func(screen string) bool { return showsText(want, screen) })
			return
		}
	}
	require.FailNow(t, "no such command goes on", "%s:%d: %s", reader.page, block.line, block.purpose)
}

// showsText reports whether a part of the screen matches the page.
func showsText(want, screen string) bool {
	return matchesText(ellipsis+trimLines(want)+ellipsis, trimLines(screen))
}

// trimLines removes white space at the ends of lines and of the text.
func trimLines(text string) string {
	return strings.TrimSpace(regexp.MustCompile(`(?m)[ \r]+$`).ReplaceAllString(text, ""))
}
