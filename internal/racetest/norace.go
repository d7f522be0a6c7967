// SPDX-License-Identifier: EUPL-1.2

//go:build !race

package racetest

// Detects tells that the race detector is compiled in.
const Detects = false
