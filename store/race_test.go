// SPDX-License-Identifier: EUPL-1.2

//go:build race

package store_test

// faultStride is 1 to have each statement fail in each way, and imageStride to open each image.
const (
	faultStride = 45
	imageStride = 15
)
