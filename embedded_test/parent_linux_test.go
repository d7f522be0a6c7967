// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel end a child if the test run is killed.
func dieWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
