// SPDX-License-Identifier: EUPL-1.2

// Package platform holds the few differences between operating systems: how to make the name of
// a file durable, the free space on a disk, and the error numbers of a full disk and of an
// address in use.
package platform
