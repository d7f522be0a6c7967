// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
)

// rememberCommand has the store remember answers that were given elsewhere. An answer that it
// knows already stays.
type rememberCommand struct {
	answers []*batch.Answer
}

func (command rememberCommand) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	return commands.Outcome{}, batch.Remember(command.answers)
}

func (rememberCommand) Groups() []string { return nil }

// Grows reports true, see commands.Grows.
func (rememberCommand) Grows() bool { return true }
