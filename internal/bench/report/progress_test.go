// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// named is a trial that has only a name.
type named string

func (name named) String() string { return string(name) }

func TestProgress_Measuring_Good(t *testing.T) {
	run := func(terminal bool) string {
		var output strings.Builder
		progress := NewProgress(&output)
		progress.Terminal = terminal
		progress.Tell("2 cases")
		progress.Say("writing")
		set := named("set, 64 in flight, 128 B")
		progress.Measuring("round 1 of 2", set, time.Second)
		progress.Measuring("round 1 of 2", set, time.Second)
		progress.Note("kv is left out")
		progress.Clear()
		return output.String()
	}
	t.Run("OnlyWhatIsWrongElsewhere", func(t *testing.T) {
		assert.Equal(t, "kv is left out\n", run(false))
	})
	t.Run("OneLineAgainAndAgainOnATerminal", func(t *testing.T) {
		assert.Regexp(t, `^\r\x1b\[K2 cases\n\r\x1b\[Kwriting\r\x1b\[Kround 1 of 2: set, 64 in flight, 128 B\r\x1b\[Kround 1 of 2: set, 64 in flight, 128 B, about .*s left\r\x1b\[Kkv is left out\n\r\x1b\[K$`, run(true))
	})
}

func TestProgress_IsTerminal_Good(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/log")
	require.NoError(t, err)
	defer file.Close()
	assert.False(t, isTerminal(file))
	assert.False(t, isTerminal(&strings.Builder{}))
}
