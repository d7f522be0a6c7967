// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel end a child if its parent is killed.
func dieWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
