// SPDX-License-Identifier: EUPL-1.2

// Package platform holds the few things that operating systems do differently: making the
// name of a file last, and the error numbers of a full disk and of an address in use.
package platform
