// SPDX-License-Identifier: EUPL-1.2

//go:build !linux

package embedded_test

import "testing"

// What pages show is what a terminal shows, and these tests open one on Linux only.
func TestPages_Commands_Good(t *testing.T) {
	t.Skip("the commands of the pages are run at a terminal of Linux")
}
