// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/subjects"
)

func TestHeaders_CheckMessageID_Good(t *testing.T) {
	for _, id := range []string{"a", "order-4711", "two words", "!~", strings.Repeat("x", subjects.MaxMessageIDBytes)} {
		assert.NoError(t, subjects.CheckMessageID(id), id)
	}
}

func TestHeaders_CheckMessageID_Bad(t *testing.T) {
	for _, id := range []string{"", " ", " a", "a ", "a\tb", "a\r\nb: c", "\x7f", "ü", "\xff", strings.Repeat("x", subjects.MaxMessageIDBytes+1)} {
		requireBadField(t, subjects.CheckMessageID(id), subjects.HeaderMessageID)
	}
}
