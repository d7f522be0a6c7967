// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel end a child whose test run was cut short.
func dieWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
