// SPDX-License-Identifier: EUPL-1.2

package store

// rememberCommand has the store remember answers that were given elsewhere. An answer that it
// knows already stays.
type rememberCommand struct {
	answers []*answer
}

func (command rememberCommand) Apply(batch *batch, _ origin) (Outcome, error) {
	var unknown []*answer
	for _, given := range command.answers {
		earlier, err := batch.answer(given.requestName)
		if err != nil {
			return Outcome{}, err
		}
		if earlier == nil {
			unknown = append(unknown, given)
		}
	}
	for _, given := range unknown {
		answersIn.in(batch).add(given)
	}
	return Outcome{}, nil
}

func (rememberCommand) Groups() []string { return nil }
