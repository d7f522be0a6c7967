// SPDX-License-Identifier: EUPL-1.2

//go:build !race

package store_test

// Without -every a test has each so manieth of its faults, and of its images of a crash.
const (
	statementStride = 6
	operationStride = 90
	openingStride   = 3
	imageStride     = 3
)
