// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"dappco.re/go/storebus/store/internal/batch"
)

// rememberCommand has the store remember answers that were given elsewhere. An answer that it
// knows already stays.
type rememberCommand struct {
	answers []*batch.Answer
}

func (command rememberCommand) Apply(batch *batch.Batch, _ batch.Origin) (Outcome, error) {
	return Outcome{}, batch.Remember(command.answers)
}

func (rememberCommand) Groups() []string { return nil }
