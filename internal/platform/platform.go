// SPDX-License-Identifier: EUPL-1.2

// Package platform hides the few differences between operating systems. It makes the name
// of a file durable, and reports the free space on a disk. It recognises the errors of a
// full disk and of an address in use.
package platform
