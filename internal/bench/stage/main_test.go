// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"os"
	"testing"

	"dappco.re/go/storebus/internal/bench/benchtest"
)

func TestMain(m *testing.M) { os.Exit(benchtest.Run(m)) }
