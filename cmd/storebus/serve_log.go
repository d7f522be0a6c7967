// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/urfave/cli/v3"
)

const (
	logLevelFlag  = "log-level"
	logFormatFlag = "log-format"
	defaultLevel  = "info"
	defaultFormat = "text"
)

// logLevels and logFormats are the values that the flags take.
var (
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"text", "json"}
)

// serving is what serve writes to, and how.
type serving struct {
	output, errorOutput io.Writer
	logger              *slog.Logger
	// json says that every line of standard error is a JSON object.
	json bool
}

// newServing reads the flags of the log.
func newServing(command *cli.Command) (*serving, error) {
	level, levelErr := choice(command, logLevelFlag, defaultLevel, logLevels)
	format, formatErr := choice(command, logFormatFlag, defaultFormat, logFormats)
	if err := errors.Join(levelErr, formatErr); err != nil {
		return nil, err
	}
	serving := &serving{output: command.Root().Writer, errorOutput: command.Root().ErrWriter, json: format == "json"}
	options := &slog.HandlerOptions{}
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, err
	}
	options.Level = least
	var handler slog.Handler = slog.NewTextHandler(serving.errorOutput, options)
	if serving.json {
		handler = slog.NewJSONHandler(serving.errorOutput, options)
	}
	serving.logger = slog.New(handler)
	return serving, nil
}

// choice gives the value of a flag that takes one of several words; an empty variable is
// the usual one.
func choice(command *cli.Command, name, usual string, words []string) (string, error) {
	given := cmp.Or(command.String(name), usual)
	for _, word := range words {
		if strings.EqualFold(given, word) {
			return word, nil
		}
	}
	return "", fmt.Errorf("%w: --%s is %q: use %s", errUsage, name, given, alternatives(words))
}

// alternatives gives words as a choice.
//
//	alternatives([]string{"debug", "info", "warn"}) // debug, info or warn
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// endedAtOnce is the last word of a program that waits for nothing more.
func (serving *serving) endedAtOnce() {
	if serving.json {
		serving.logger.Error("ended at once")
		return
	}
	fmt.Fprintln(serving.errorOutput, "storebus: ended at once")
}

// loggedError is an error that needs not be printed any more.
type loggedError struct{ error }

func (logged loggedError) Unwrap() error { return logged.error }

// logged writes an error into a log in JSON, whose lines have no other form.
func (serving *serving) logged(err error) error {
	if err == nil || !serving.json {
		return err
	}
	serving.logger.Error("ended", "error", plain(err))
	return loggedError{err}
}
