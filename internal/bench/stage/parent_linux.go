// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel end a child whose parent was killed.
func dieWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
}
