// SPDX-License-Identifier: EUPL-1.2

//go:build race

package store_test

// Without -every a test has each so manieth of its faults, and of its images of a crash.
const (
	statementStride = 45
	operationStride = 300
	openingStride   = 9
	imageStride     = 15
)
