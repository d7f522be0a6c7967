// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// The states of a finding.
const (
	stateOK   = "ok"
	stateWarn = "warn"
	stateFail = "fail"
)

// stateColours are the colours of the states at a terminal.
var stateColours = map[string]string{stateOK: "32", stateWarn: "33", stateFail: "31"}

func doctorCommand() *clientCommand {
	return &clientCommand{
		name:    "doctor",
		columns: []string{"CHECK", "STATE", "FINDING", "REMEDY"},
		usage:   "find problems, and print a remedy for each",
		description: "Checks the broker, the sidecar and your permissions. It prints a line for each check: its name, its state (ok, warn or fail), the finding, and a remedy if the state is not ok. " +
			"With a NAMESPACE it also checks your permissions and the quota of this namespace. It changes nothing. The checks of the disk, the clock, the events and the journal need the permissions of an operator. " +
			"The exit status is 0 if no check fails, 5 if there is no broker or no sidecar, and 1 for any other failed check.",
		words: []string{"[NAMESPACE]"},
		examples: []string{
			"storebus doctor",
			"storebus doctor acme --context berlin",
			"storebus doctor -o json | jq 'select(.state != \"ok\")'",
		},
		diagnoses: true,
		run:       doctor,
	}
}

// finding is the result of a check, as -o json prints it.
type finding struct {
	Check   string `json:"check"`
	State   string `json:"state"`
	Finding string `json:"finding"`
	// Remedy says what to do, "" if nothing is wrong.
	Remedy string `json:"remedy,omitzero"`
}

func fine(check, format string, values ...any) finding {
	return finding{Check: check, State: stateOK, Finding: fmt.Sprintf(format, values...)}
}

func (found finding) warns(remedy string) finding {
	found.State, found.Remedy = stateWarn, remedy
	return found
}

func (found finding) fails(remedy string) finding {
	found.State, found.Remedy = stateFail, remedy
	return found
}

// examination is one run of doctor.
type examination struct {
	call       *call
	space      subjects.Space
	connection *nats.Conn
	failed     []string
	// unavailable says that a sidecar is missing, or does not answer.
	unavailable bool
}

func doctor(ctx context.Context, call *call) error {
	space, err := subjects.NewSpace(call.command.String(prefixFlag))
	if err != nil {
		return call.declared.usageError(err.Error())
	}
	namespace := call.word(0)
	if namespace != "" {
		if err := subjects.CheckNamespace(namespace); err != nil {
			return call.declared.usageError(err.Error())
		}
	}
	examination := &examination{call: call, space: space}
	if err := examination.broker(); err != nil {
		return err
	}
	defer examination.connection.Close()
	ctx, cancel := context.WithTimeout(ctx, call.command.Duration(timeoutFlag))
	defer cancel()
	if err := examination.sidecar(ctx); err != nil {
		return err
	}
	examination.operator(ctx)
	if namespace != "" {
		examination.namespace(ctx, namespace)
	}
	return examination.result()
}

// report prints findings.
func (examination *examination) report(findings ...finding) {
	call := examination.call
	for _, found := range findings {
		if found.State == stateFail {
			examination.failed = append(examination.failed, found.Check)
		}
		if call.json {
			// The writer keeps an error and returns it from Flush.
			_ = call.printJSON(found)
			continue
		}
		var state any = found.State
		if call.table != nil && os.Getenv("NO_COLOR") == "" && isTerminal(call.command.Root().Writer) {
			state = painted{found.State, stateColours[found.State]}
		}
		call.print(found.Check, state, found.Finding, found.Remedy)
	}
}

// noReply is the finding if a request has no success reply.
func (examination *examination) noReply(check, subject string, err error) finding {
	if kindOf(err).status == exitUnavailable {
		examination.unavailable = true
		return fine(check, "%s: %s", subject, plain(err)).fails("start storebus serve on this broker, give the sidecar's --prefix, or allow more time with --timeout")
	}
	return fine(check, "%s: %s", subject, plain(err)).fails("look at the log of the sidecar")
}

// result is an error if a check has failed.
func (examination *examination) result() error {
	if len(examination.failed) == 0 {
		return nil
	}
	text := fmt.Sprintf("%s: %s", counted(uint64(len(examination.failed)), "failed check"), strings.Join(examination.failed, ", "))
	if examination.unavailable {
		return subjects.ErrUnavailable.New(text)
	}
	return errors.New(text)
}
