// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSize_Set_Good(t *testing.T) {
	for text, bytes := range map[string]int64{
		"0": 0, "1": 1, "65536": 65536, "64KiB": 64 << 10, "64MiB": 64 << 20, "2GiB": 2 << 30,
	} {
		var size byteSize
		require.NoError(t, size.Set(text))
		assert.Equal(t, bytes, int64(size))
		var again byteSize
		require.NoError(t, again.Set(size.String()))
		assert.Equal(t, size, again)
	}
	size := byteSize(64 << 20)
	assert.Equal(t, "64MiB", size.String())
}

func TestSize_Set_Bad(t *testing.T) {
	for _, text := range []string{"", "-1", "1.5MiB", "64MB", "64 MiB", "MiB", "9223372036854775807KiB", "9999999999GiB", "-1.0", "64.0MiB"} {
		size := byteSize(7)
		assert.Error(t, size.Set(text), text)
		assert.Equal(t, byteSize(7), size)
	}
	size := byteSize(0)
	assert.ErrorContains(t, size.Set("64.0MiB"), "write 64MiB")
	assert.ErrorContains(t, size.Set("1e3"), "write 1000")
	assert.NotContains(t, size.Set("-1.0").Error(), "write")
}
