// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFill_FillingInFlight_Good(t *testing.T) {
	assert.Equal(t, mostFilling, fillingInFlight(1))
	assert.Equal(t, mostFilling, fillingInFlight(128))
	assert.Equal(t, 1024, fillingInFlight(16<<10), "no more than the sidecar takes at once")
	assert.Equal(t, 1, fillingInFlight(fillingBytes+1))
}

func TestFill_Tell_Good(t *testing.T) {
	run := func(terminal bool) string {
		var output strings.Builder
		progress := newProgress(&output)
		progress.terminal = terminal
		filling := newFilling(progress, "20,000 keys", 20_000)
		for _, written := range []int{100, 2000, 2001, 9000, 20_000} {
			filling.tell(written)
		}
		return output.String()
	}
	t.Run("NothingElsewhere", func(t *testing.T) {
		assert.Empty(t, run(false))
	})
	t.Run("OneLineAgainAndAgainOnATerminal", func(t *testing.T) {
		assert.True(t, strings.HasSuffix(run(true), "\r\x1b[K20,000 keys: 9,000 written\r\x1b[K20,000 keys: 20,000 written"))
		assert.NotContains(t, run(true), "\n")
	})
}

func TestFill_Begin_Good(t *testing.T) {
	natsServer := startServer(t, false)
	responder := newResponder(t, connectTo(t, natsServer), echo)
	filling := newFilling(newProgress(&strings.Builder{}), "300 keys", 300)
	load := echoLoad(1, 16, connectTo(t, natsServer))
	require.NoError(t, filling.begin(t.Context(), &load))
	outcome, err := load.run(t.Context())
	require.NoError(t, err)
	require.NoError(t, filling.end(t.Context()))
	assert.Equal(t, uint64(300), outcome.served)
	assert.Equal(t, int64(300), filling.written.Load())
	assert.Len(t, responder.asked, 300)
}
