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

// The errors that a command line ends with before a sidecar has answered.
var (
	// errUsage is wrapped by the errors of a command line that cannot be carried out.
	errUsage = errors.New("usage")
	// errBroker is wrapped by the errors of a connection that cannot be made.
	errBroker = errors.New("the broker cannot be reached")
)

// Remedies of several kinds.
const (
	userRemedy    = "give a user that the broker knows: --user, --creds, --nkey or --context"
	silenceRemedy = "find the cause with storebus doctor, or allow more time with --timeout"
)

// failureKind is what errors of one kind have in common.
type failureKind struct {
	cause  error
	status int
	// wire is the error of the contract that stands for the kind where no reply says more.
	wire *subjects.Error
	// remedy says what to do, "" if nothing can be said.
	remedy func(failure *subjects.Error) string
}

// failureKinds is searched from the top. Certain kinds stand before likely ones.
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

// wireError gives an error as a reply would report it: what the sidecar said, with the
// words that a person reads.
func (kind *failureKind) wireError(err error) *subjects.Error {
	failure := *kind.wire
	if said, ok := errors.AsType[*subjects.Error](err); ok && said.Name == failure.Name {
		failure = *said
	}
	failure.Message = plain(err)
	return &failure
}

// callNames are the names of calls that an error has gathered on its way:
// client.Set: store.Set: ….
var callNames = regexp.MustCompile(`(^|: )(?:(?:client|handler|journal|store|storebus|subjects)\.[A-Z]\w*: )+`)

// withoutCalls gives a text without the names of the calls that it has gathered.
func withoutCalls(text string) string { return callNames.ReplaceAllString(text, "$1") }

// silence is how Go tells that time is up; the text before it says what there was no time for.
var silence = regexp.MustCompile(`(^|: )context deadline exceeded`)

// plain gives the text of an error for a person: without the names of the calls that it
// came through, and without the words of Go for a time that is up.
func plain(err error) string {
	text := withoutCalls(err.Error())
	return cmp.Or(silence.ReplaceAllString(text, ""), "there was no reply in time")
}

// report prints an error, as JSON if that is wanted, and gives the exit status that it
// stands for.
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
	// Nobody is left to be told that standard error is gone.
	_ = encoder.Encode(subjects.ErrorBody{Error: failure})
}

// wantsJSON reports whether a command line asks for JSON. It is read as it stands, for
// it may be what cannot be carried out.
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

// exitHelp is the part of the help that tells the exit statuses.
func exitHelp() string {
	var text strings.Builder
	text.WriteString("\nEXIT STATUS:\n")
	for _, each := range exitStatuses {
		fmt.Fprintf(&text, "   %d  %s\n", each.status, each.meaning)
	}
	return text.String()
}
