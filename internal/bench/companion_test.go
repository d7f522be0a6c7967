// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/report"
)

// recorder is a companion that remembers what it was asked, and fails where it is told to.
type recorder struct {
	name, failing string
	asked         *[]string
}

var errRecorder = errors.New("told to fail")

func (recorder recorder) record(step string) error {
	*recorder.asked = append(*recorder.asked, step+" "+recorder.name)
	if step == recorder.failing {
		return errRecorder
	}
	return nil
}

func (recorder recorder) begin(context.Context, *loop) error     { return recorder.record("begin") }
func (recorder recorder) end(context.Context) error              { return recorder.record("end") }
func (recorder recorder) settle(context.Context, *outcome) error { return recorder.record("settle") }
func (recorder recorder) note(*report.Round)                     { _ = recorder.record("note") }

func TestCompanion_Companions_Good(t *testing.T) {
	var asked []string
	both := companions{recorder{name: "a", asked: &asked}, recorder{name: "b", asked: &asked}}
	require.NoError(t, both.begin(t.Context(), nil))
	require.NoError(t, both.end(t.Context()))
	require.NoError(t, both.settle(t.Context(), nil))
	both.note(nil)
	assert.Equal(t, []string{"begin a", "begin b", "end a", "end b", "settle a", "settle b", "note a", "note b"}, asked)
}

func TestCompanion_Companions_Bad(t *testing.T) {
	for step, expected := range map[string][]string{"begin": {"begin a"}, "end": {"end a", "end b"}, "settle": {"settle a"}} {
		var asked []string
		both := companions{recorder{name: "a", failing: step, asked: &asked}, recorder{name: "b", asked: &asked}}
		err := map[string]func() error{
			"begin": func() error { return both.begin(t.Context(), nil) }, "end": func() error { return both.end(t.Context()) },
			"settle": func() error { return both.settle(t.Context(), nil) },
		}[step]()
		assert.ErrorIs(t, err, errRecorder)
		assert.Equal(t, expected, asked)
	}
}
