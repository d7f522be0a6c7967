// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// The exit statuses of every command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitUnavailable = 5
	exitTooMuch     = 6
)

// exitStatuses says what each status means, for the help and the documents.
var exitStatuses = []struct {
	status  int
	meaning string
}{
	{exitDone, "done"},
	{exitFailed, "failed for another reason, such as a full disk"},
	{exitUsage, "usage: the command line or the request is not valid"},
	{exitNotFound, "not found: no such key, workspace or entry"},
	{exitConflict, "conflict: a guard or --if-revision did not hold, or the log no longer reaches back far enough"},
	{exitUnavailable, "unavailable: no broker, no sidecar, or no reply in time"},
	{exitTooMuch, "too much: a quota is used up, or a value is too large"},
}

// The errors of a command line that ends before a sidecar has answered.
var (
	// errUsage is wrapped by the error of a bad command line.
	errUsage = errors.New("usage")
	// errBroker is wrapped by the error of a failed connection.
	errBroker = errors.New("the broker cannot be reached")
)

// Remedies for several kinds of failure.
const (
	userRemedy    = "give a user that the broker knows: --user, --creds, --nkey or --context"
	silenceRemedy = "find the cause with storebus doctor, or allow more time with --timeout"
)

// failureKind is the exit status, the error on the wire and the remedy of a kind of errors.
type failureKind struct {
	cause  error
	status int
	// wire is the error of the contract for this kind. It is used if no reply says more.
	wire *subjects.Error
	// remedy says what to do, "" if nothing helps.
	remedy func(failure *subjects.Error) string
}

// failureKinds is searched from the top. Specific kinds come before general kinds.
var failureKinds = []failureKind{
	{errUsage, exitUsage, subjects.ErrBadRequest, noRemedy},
	{subjects.ErrBadRequest, exitUsage, subjects.ErrBadRequest, noRemedy},
	{subjects.ErrNotFound, exitNotFound, subjects.ErrNotFound, noRemedy},
	{subjects.ErrRevisionConflict, exitConflict, subjects.ErrRevisionConflict, conflictRemedy},
	{subjects.ErrCompacted, exitConflict, subjects.ErrCompacted, compactedRemedy},
	{subjects.ErrTooLarge, exitTooMuch, subjects.ErrTooLarge, noRemedy},
	{subjects.ErrQuotaExceeded, exitTooMuch, subjects.ErrQuotaExceeded, say("remove keys, or have an operator raise the limit with storebus quota")},
	{nats.ErrMaxPayload, exitTooMuch, subjects.ErrTooLarge, say("the broker's max_payload is the limit")},
	{subjects.ErrOutcomeUnknown, exitUnavailable, subjects.ErrOutcomeUnknown, say("read what stands there before you repeat the command; storebus doctor says what hinders replies")},
	{nats.ErrAuthorization, exitUnavailable, subjects.ErrUnavailable, say(userRemedy)},
	{nats.ErrAuthExpired, exitUnavailable, subjects.ErrUnavailable, say(userRemedy)},
	{errBroker, exitUnavailable, subjects.ErrUnavailable, noRemedy},
	{nats.ErrNoResponders, exitUnavailable, subjects.ErrUnavailable, say("start storebus serve on this broker, or give the sidecar's --prefix")},
	{subjects.ErrUnavailable, exitUnavailable, subjects.ErrUnavailable, unavailableRemedy},
	{subjects.ErrDeadlineExceeded, exitUnavailable, subjects.ErrDeadlineExceeded, say("allow more time with --timeout")},
	{nats.ErrPermissionViolation, exitUnavailable, subjects.ErrDeadlineExceeded, say("storebus doctor says what this user may do, and what to change")},
	{context.DeadlineExceeded, exitUnavailable, subjects.ErrDeadlineExceeded, say(silenceRemedy)},
	{nats.ErrTimeout, exitUnavailable, subjects.ErrDeadlineExceeded, say(silenceRemedy)},
	{nats.ErrConnectionClosed, exitUnavailable, subjects.ErrUnavailable, noRemedy},
}

// otherFailure is the kind of an error that matches none of failureKinds.
var otherFailure = failureKind{nil, exitFailed, subjects.ErrInternal, noRemedy}

func say(remedy string) func(*subjects.Error) string {
	return func(*subjects.Error) string { return remedy }
}

func noRemedy(*subjects.Error) string { return "" }

func conflictRemedy(failure *subjects.Error) string {
	if failure.CurrentRevision == nil {
		return ""
	}
	return fmt.Sprintf("read it again, then repeat the command with --if-revision %d", *failure.CurrentRevision)
}

func compactedRemedy(failure *subjects.Error) string {
	if failure.Revision == nil {
		return "read everything again"
	}
	return fmt.Sprintf("read everything again, then go on with --after %d", *failure.Revision)
}

func unavailableRemedy(failure *subjects.Error) string {
	if failure.RetryAfter == "" {
		return "try again"
	}
	return "try again in " + failure.RetryAfter
}

// kindOf finds the kind of an error.
func kindOf(err error) *failureKind {
	for index := range failureKinds {
		if errors.Is(err, failureKinds[index].cause) {
			return &failureKinds[index]
		}
	}
	return &otherFailure
}

// wireError returns an error in the form of an error reply: the sidecar's own fields, with
// the text for a person.
func (kind *failureKind) wireError(err error) *subjects.Error {
	failure := *kind.wire
	if said, ok := errors.AsType[*subjects.Error](err); ok && said.Name == failure.Name {
		failure = *said
	}
	failure.Message = plain(err)
	return &failure
}

// callNames are the names of calls in the text of an error, such as client.Set: store.Set:
// ….
var callNames = regexp.MustCompile(`(^|: )(?:(?:client|handler|journal|store|storebus|subjects)\.[A-Z]\w*: )+`)

// withoutCalls removes the names of calls from a text.
func withoutCalls(text string) string { return callNames.ReplaceAllString(text, "$1") }

// silence matches Go's text for an expired deadline. The text before it names the call.
var silence = regexp.MustCompile(`(^|: )context deadline exceeded`)

// plain returns the text of an error for a person. It removes the names of calls, and Go's
// text for an expired deadline.
func plain(err error) string {
	text := withoutCalls(err.Error())
	return cmp.Or(silence.ReplaceAllString(text, ""), "there was no reply in time")
}

// report prints an error, as JSON if asJSON is set, and returns the exit status.
func report(output io.Writer, err error, asJSON bool) int {
	if err == nil {
		return exitDone
	}
	kind := kindOf(err)
	if _, logged := errors.AsType[loggedError](err); logged {
		return kind.status
	}
	failure := kind.wireError(err)
	if asJSON {
		printFailure(output, failure)
		return kind.status
	}
	text := failure.Message
	if kind.status == exitNotFound && !strings.Contains(text, "not found") {
		text = "not found: " + text
	}
	if remedy := kind.remedy(failure); remedy != "" {
		text += "; " + remedy
	}
	fmt.Fprintln(output, "storebus:", visible(text))
	return kind.status
}

// printFailure writes the body of a reply that reports an error, on one line.
func printFailure(output io.Writer, failure *subjects.Error) {
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	// If standard error is closed, nobody can read a message about that.
	_ = encoder.Encode(subjects.ErrorBody{Error: failure})
}

// wantsJSON reports whether a command line asks for JSON. It reads the raw arguments,
// because the command line may be faulty.
func wantsJSON(arguments []string) bool {
	for index, argument := range arguments {
		switch argument {
		case "--":
			return false
		case "--json", "-json", "-o=json", "--o=json", "--output=json", "-output=json":
			return true
		case "-o", "--o", "--output", "-output":
			if index+1 < len(arguments) && arguments[index+1] == "json" {
				return true
			}
		}
	}
	return false
}

// exitHelp is the section of the help about exit statuses.
func exitHelp() string {
	var text strings.Builder
	text.WriteString("\nEXIT STATUS:\n")
	for _, each := range exitStatuses {
		fmt.Fprintf(&text, "   %d  %s\n", each.status, each.meaning)
	}
	return text.String()
}
