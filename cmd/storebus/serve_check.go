// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"dappco.re/go/storebus"
)

const checkFlag = "check"

// errFaults ends --check if anything is wrong.
var errFaults = errors.New("a start would fail")

// check prints the faults that a start would meet. The exit status is the one of the worst
// fault: the command line before this machine, and this machine before an unreachable
// broker.
func (serving *serving) check(ctx context.Context, config storebus.Config) error {
	ctx, stop := serving.untilSignal(ctx)
	defer stop()
	findings := storebus.Check(ctx, config)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	write := writeFindings
	if serving.json {
		write = writeFindingsAsJSON
	}
	if err := write(serving.output, findings); err != nil {
		return err
	}
	return worst(findings)
}

func writeFindings(output io.Writer, findings []storebus.Finding) error {
	columns := tabwriter.NewWriter(output, 0, 0, 2, ' ', 0)
	for _, finding := range findings {
		state, text := "ok", withoutCalls(finding.Text)
		if finding.Err != nil {
			state, text = "fault", flagged(finding.Err)
		}
		fmt.Fprintf(columns, "%s\t%s\t%s\n", state, finding.Part, strings.ReplaceAll(text, "\n", "; "))
	}
	return columns.Flush()
}

func writeFindingsAsJSON(output io.Writer, findings []storebus.Finding) error {
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	for _, finding := range findings {
		line := struct {
			Part  string `json:"part"`
			Text  string `json:"text,omitempty"`
			Error string `json:"error,omitempty"`
		}{Part: finding.Part, Text: withoutCalls(finding.Text)}
		if finding.Err != nil {
			line.Error = flagged(finding.Err)
		}
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// flagged returns the text of a fault, with the flag that mends it.
func flagged(err error) string {
	text := plain(explained(err))
	for _, kind := range []error{errUsage, storebus.ErrConfig} {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	return strings.TrimSuffix(text, seeHelp)
}

// worst returns one error for all faults, nil if there is none.
func worst(findings []storebus.Finding) error {
	count, kind := uint64(0), error(nil)
	for _, finding := range findings {
		switch {
		case finding.Err == nil:
			continue
		case errors.Is(finding.Err, storebus.ErrConfig):
			kind = errUsage
		case !errors.Is(finding.Err, storebus.ErrBrokerAway):
			kind = orElse(kind, errFaults, errBroker)
		case kind == nil:
			kind = errBroker
		}
		count++
	}
	if count == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s found", kind, amount(count, "fault"))
}

// orElse returns better if current is nil or worse, and current otherwise.
func orElse(current, better, worse error) error {
	if current == nil || errors.Is(current, worse) {
		return better
	}
	return current
}
