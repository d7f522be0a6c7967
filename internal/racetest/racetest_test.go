// SPDX-License-Identifier: EUPL-1.2

package racetest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/internal/racetest"
)

func TestRacetest_Skip_Good(t *testing.T) {
	went := false
	t.Run("Skipped", func(t *testing.T) {
		racetest.Skip(t)
		went = true
	})
	assert.Equal(t, !racetest.Detects, went)
}
