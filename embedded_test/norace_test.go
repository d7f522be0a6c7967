// SPDX-License-Identifier: EUPL-1.2

//go:build !race

package embedded_test

// raceEnabled says that the binary under test has the race detector, as the tests have.
const raceEnabled = false
