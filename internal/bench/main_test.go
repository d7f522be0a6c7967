// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"os"
	"testing"

	"dappco.re/go/storebus/internal/bench/benchtest"
	"dappco.re/go/storebus/internal/testrun"
)

func TestMain(m *testing.M) {
	testrun.WaitTogether()
	os.Exit(benchtest.Run(m))
}
