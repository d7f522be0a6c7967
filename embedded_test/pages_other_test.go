// SPDX-License-Identifier: EUPL-1.2

//go:build !linux

package embedded_test

import "testing"

// The pages show the output at a terminal, and these tests can open a terminal on Linux
// only.
func TestPages_Commands_Good(t *testing.T) {
	t.Parallel()
	t.Skip("the commands of the pages are run at a terminal of Linux")
}
