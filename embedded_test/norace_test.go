// SPDX-License-Identifier: EUPL-1.2

//go:build !race

package embedded_test

// raceEnabled says that the binary under test is built with the race detector, as
// the tests themselves are.
const raceEnabled = false
