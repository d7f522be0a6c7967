// SPDX-License-Identifier: EUPL-1.2

package report_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/internal/bench/stage"
)

func TestRatios_Bars_Good_AreAboutCasesThatThereAre(t *testing.T) {
	assert.Subset(t, stage.CaseNames(), report.Compared())
}
