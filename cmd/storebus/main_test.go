// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// asProgram makes the test binary behave as the program.
const asProgram = "STOREBUS_TEST_AS_PROGRAM"

// patientVariable gives completion in a child process more time, for a slow machine.
const patientVariable = "STOREBUS_TEST_PATIENT_COMPLETION"

func TestMain(m *testing.M) {
	// The helpers of bench have no variable of storebus, and must not run the tests again.
	if os.Getenv(asProgram) != "" || len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		if os.Getenv(patientVariable) != "" {
			completionTime = patience
		}
		main()
	}
	os.Exit(m.Run())
}

// runProgram executes a command line in this process.
func runProgram(arguments ...string) (status int, output, errorOutput string) {
	var out, errorOut bytes.Buffer
	status = run(context.Background(), append([]string{"storebus"}, arguments...), strings.NewReader(""), &out, &errorOut)
	return status, out.String(), errorOut.String()
}

func TestMain_Run_Good(t *testing.T) {
	for _, arguments := range [][]string{{}, {"--help"}, {"help"}} {
		status, output, errorOutput := runProgram(arguments...)
		assert.Equal(t, exitDone, status)
		assert.Contains(t, output, "serve")
		assert.Contains(t, output, "watch")
		assert.Empty(t, errorOutput)
	}
	status, output, _ := runProgram("serve", "--help")
	assert.Equal(t, exitDone, status)
	assert.Contains(t, output, "EXAMPLES:")
	assert.Contains(t, output, "$STOREBUS_JOURNAL_URL")
	for _, group := range []string{"workspace", "journal"} {
		status, output, _ = runProgram(group)
		assert.Equal(t, exitDone, status)
		assert.Contains(t, output, "storebus "+group+" [command")
	}
	status, output, _ = runProgram("workspace", "query", "--help")
	assert.Equal(t, exitDone, status)
	assert.Contains(t, output, "storebus workspace query [options] NAMESPACE WORKSPACE SQL")
	status, output, _ = runProgram("--version")
	assert.Equal(t, exitDone, status)
	assert.Contains(t, output, "storebus version ")
}

func TestMain_Run_Bad(t *testing.T) {
	for text, arguments := range map[string][]string{
		`there is no command "sevre"`: {"sevre"},
		`there is no command "lst"; did you mean "list"? storebus --help lists all`:   {"lst", "acme", "-o", "table"},
		`no command "stat"; did you mean "status"? storebus journal --help`:           {"journal", "stat", "acme", "--limit", "5"},
		"-bogus; see storebus --help":                                                 {"--bogus"},
		"-bogus; see storebus serve":                                                  {"serve", "--bogus"},
		`serve takes no words`:                                                        {"serve", "now"},
		`no command "opne"; did you mean "open"? storebus workspace --help lists all`: {"workspace", "opne"},
		"-bogus; see storebus workspace --help":                                       {"workspace", "--bogus"},
		"storebus workspace open: it takes NAMESPACE":                                 {"workspace", "open", "acme"},
		"--listen is the address":                                                     {"serve", "--listen", "127.0.0.1:0", "--nats", "nats://127.0.0.1:1"},
		"--listen is the address of":                                                  {"serve", "--listen", "127.0.0.1:0", "--context", "berlin"},
		`is no size`:                                                                  {"serve", "--cache-bytes", "many"},
		"invalid value":                                                               {"serve", "--purge-interval", "often"},
		`prefix "a..b"`:                                                               {"serve", "--prefix", "a..b"},
		`use "full" or "relaxed"`:                                                     {"serve", "--listen", "127.0.0.1:0", "--durability", "none"},
		"NATS.URL and NATS.Context":                                                   {"serve", "--nats", "nats://127.0.0.1:1", "--context", "berlin"},
		"HTTPAddress":                                                                 {"serve", "--http", "8080"},
		"QueueLimit":                                                                  {"serve", "--queue-limit", "-1"},
	} {
		t.Run(text, func(t *testing.T) {
			t.Chdir(t.TempDir())
			status, output, errorOutput := runProgram(arguments...)
			assert.Equal(t, exitUsage, status, errorOutput)
			assert.Contains(t, errorOutput, text)
			assert.Empty(t, output)
		})
	}
	t.Run("OfWhatHasBegunItIsAFailure", func(t *testing.T) {
		for _, line := range [][]string{{"get", "acme", "g", "k"}, {"workspace", "list", "acme"}, {"journal", "status", "acme"}} {
			status, _, errorOutput := runProgram(append(line, "--nats", "nats://127.0.0.1:1")...)
			assert.Equal(t, exitUnavailable, status)
			assert.Contains(t, errorOutput, "storebus: connect to")
		}
	})
	t.Run("AVariableThatCannotBeRead", func(t *testing.T) {
		t.Setenv("STOREBUS_QUEUE_BYTES", "many")
		status, _, errorOutput := runProgram("serve")
		assert.Equal(t, exitUsage, status)
		assert.Contains(t, errorOutput, "STOREBUS_QUEUE_BYTES")
	})
}

func TestMain_Group_Good(t *testing.T) {
	for _, group := range []string{"archive", "journal"} {
		status, output, errorOutput := runProgram(group)
		assert.Equal(t, exitDone, status)
		assert.Contains(t, output, "storebus "+group+" [command")
		assert.Empty(t, errorOutput)
	}
}

func TestMain_Group_Bad(t *testing.T) {
	status, output, errorOutput := runProgram("journal", "stat")
	assert.Equal(t, exitUsage, status)
	assert.Empty(t, output)
	assert.Contains(t, errorOutput, `there is no command "stat"; did you mean "status"? storebus journal --help lists all`)
	status, _, errorOutput = runProgram("archive", "verify", "--sum")
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, errorOutput, "there is no flag --sum")
	t.Setenv("STOREBUS_NATS", "nats://127.0.0.1:1")
	status, _, _ = runProgram("journal", "status", "acme")
	assert.Equal(t, exitUnavailable, status, "the command line was right")
}
