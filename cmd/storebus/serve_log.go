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

// logLevels and logFormats are the values of the flags.
var (
	logLevels  = []string{"debug", "info", "warn", "error"}
	logFormats = []string{"text", "json"}
)

// serving holds the outputs of serve, and the format of its log.
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

// choice returns the value of a flag that must be one of several words. An empty variable
// means the default.
func choice(command *cli.Command, name, usual string, words []string) (string, error) {
	given := cmp.Or(command.String(name), usual)
	for _, word := range words {
		if strings.EqualFold(given, word) {
			return word, nil
		}
	}
	return "", fmt.Errorf("%w: --%s is %q: use %s", errUsage, name, given, alternatives(words))
}

// alternatives returns words as a choice.
//
//	alternatives([]string{"debug", "info", "warn"}) // debug, info or warn
func alternatives(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// endedAtOnce writes the last message of a program that waits no longer.
func (serving *serving) endedAtOnce() {
	if serving.json {
		serving.logger.Error("ended at once")
		return
	}
	fmt.Fprintln(serving.errorOutput, "storebus: ended at once")
}

// loggedError is an error that is in the log already, and must not be printed again.
type loggedError struct{ error }

func (logged loggedError) Unwrap() error { return logged.error }

// logged writes an error to the log if the log is JSON: each of its lines is a JSON object.
func (serving *serving) logged(err error) error {
	if err == nil || !serving.json {
		return err
	}
	serving.logger.Error("ended", "error", plain(err))
	return loggedError{err}
}
