// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRatios_Bars_Good(t *testing.T) {
	for _, bar := range bars() {
		assert.Contains(t, CaseNames(), bar.above)
		assert.True(t, bar.below == "" || slices.Contains(CaseNames(), bar.below), bar.below)
		assert.Equal(t, bar.below == "", bar.unit != "", bar.name)
	}
}
