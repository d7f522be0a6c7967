// SPDX-License-Identifier: EUPL-1.2

//go:build race

package testrun

// RaceDetector tells that the race detector is compiled in.
const RaceDetector = true
