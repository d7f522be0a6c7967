// SPDX-License-Identifier: EUPL-1.2

package testrun_test

import (
	"flag"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/testrun"
)

func TestTestrun_SkipUnderDetector_Good(t *testing.T) {
	went := false
	t.Run("Skipped", func(t *testing.T) {
		testrun.SkipUnderDetector(t)
		went = true
	})
	assert.Equal(t, !testrun.RaceDetector, went)
}

func TestTestrun_WaitTogether_Good(t *testing.T) {
	parallel := flag.Lookup("test.parallel").Value
	before := parallel.String()
	t.Cleanup(func() { require.NoError(t, parallel.Set(before)) })
	require.NoError(t, parallel.Set("1000"))
	testrun.WaitTogether()
	assert.Equal(t, "1000", parallel.String(), "a flag is obeyed")
	require.NoError(t, parallel.Set(strconv.Itoa(runtime.GOMAXPROCS(0))))
	testrun.WaitTogether()
	assert.Equal(t, strconv.Itoa(2*runtime.GOMAXPROCS(0)), parallel.String())
}
