// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestClientCommands_Help_Good(t *testing.T) {
	isolate(t)
	shell := &shell{}
	for _, command := range clientCommands() {
		t.Run(command.Name, func(t *testing.T) {
			long := shell.mustRun(t, command.Name, "--help")
			assert.Contains(t, long, "EXAMPLE:\n   storebus "+command.Name)
			assert.Contains(t, long, "STOREBUS_NATS")
			assert.Contains(t, long, "--json")
			assert.Equal(t, long, shell.mustRun(t, command.Name, "-h"))
			assert.Equal(t, long, shell.mustRun(t, "help", command.Name))
			assert.Equal(t, long, shell.mustRun(t, command.Name, "words", "do", "not", "matter", "-h"))
		})
	}
}

func TestClientCommands_Usage_Bad(t *testing.T) {
	isolate(t)
	shell := &shell{}
	for name, test := range map[string]struct {
		arguments []string
		says      string
	}{
		"TooFewWords":     {[]string{"set", "acme", "config", "theme"}, `set: it takes NAMESPACE GROUP KEY VALUE, and was given ["acme" "config" "theme"]; for example: storebus set acme config theme dark`},
		"TooManyWords":    {[]string{"get", "acme", "config", "theme", "dark"}, "it takes NAMESPACE GROUP KEY"},
		"NoWords":         {[]string{"list"}, "it takes NAMESPACE GROUP, and was given []"},
		"NoOptionalWord":  {[]string{"watch"}, "it takes NAMESPACE [GROUP]"},
		"WordsForNothing": {[]string{"status", "acme"}, "it takes no words"},
		"UnknownFlag":     {[]string{"get", "acme", "config", "theme", "--yaml"}, "there is no flag --yaml"},
		"ValueLikeAFlag":  {[]string{"set", "acme", "config", "theme", "-dark"}, "Words that begin with - come after --"},
		"FlagWithoutAValue": {
			[]string{"set", "acme", "config", "theme", "dark", "--ttl"}, "flag --ttl needs a value",
		},
		"FlagWithABadValue": {
			[]string{"delete", "acme", "config", "theme", "--if-revision", "-1"}, `"-1" is no value for flag --if-revision`,
		},
		"TimeThatIsNone": {[]string{"set", "acme", "config", "theme", "dark", "--ttl", "soon"}, `not "soon"`},
		"NoTimeout":      {[]string{"status", "--timeout", "0s"}, "--timeout is 0s"},
		"TwoBrokers":     {[]string{"status", "--nats", "nats://a", "--context", "b"}, "--nats and --context both"},
	} {
		t.Run(name, func(t *testing.T) {
			output, err := shell.run(t, test.arguments...)
			require.ErrorIs(t, err, errUsage)
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "for example: storebus "+test.arguments[0])
			assert.Empty(t, output)
		})
	}
	t.Run("PrefixThatIsNone", func(t *testing.T) {
		_, err := newShell(t).run(t, "status", "--prefix", "_INBOX")
		assert.ErrorIs(t, err, errUsage)
	})
}

func TestClientCommands_ExitStatus_Good(t *testing.T) {
	newShell(t).mustRun(t, "set", "acme", "config", "language", "en")
	for name, test := range map[string]struct {
		line           []string
		status         int
		output, errors string
	}{
		"Done":       {[]string{"set", "acme", "config", "theme", "dark"}, exitDone, "2\n", ""},
		"MissingKey": {[]string{"get", "acme", "config", "missing"}, exitNotFound, "", "storebus: not found: config/missing is not there\n"},
		"Usage": {[]string{"get", "acme"}, exitUsage, "",
			"storebus: usage: storebus get: it takes NAMESPACE GROUP KEY, and was given [\"acme\"]; for example: storebus get acme config theme\n"},
		"Refused": {[]string{"get", "events", "config", "theme"}, exitUsage, "",
			"storebus: \"events\" is reserved and cannot be a namespace\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var output, errors bytes.Buffer
			status := run(t.Context(), append([]string{"storebus"}, test.line...), &bytes.Buffer{}, &output, &errors)
			assert.Equal(t, test.status, status)
			assert.Equal(t, test.output, output.String())
			assert.Equal(t, test.errors, errors.String())
		})
	}
}

func TestClientCommands_Output_Ugly(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	for _, command := range [][]string{
		{"get", "acme", "config", "theme"},
		{"get", "acme", "config", "theme", "--json"},
		{"list", "acme", "config"},
		{"status"},
	} {
		err := runShell(t.Context(), &bytes.Buffer{}, fullDisk{}, &bytes.Buffer{}, command...)
		assert.ErrorIs(t, err, errFullDisk, command)
	}
}
