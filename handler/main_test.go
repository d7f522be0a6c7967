// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
