// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/report"
)

// recorder is a companion that records its calls, and fails in the method that failing
// names.
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

func (recorder recorder) Begin(context.Context, *Loop) error     { return recorder.record("begin") }
func (recorder recorder) End(context.Context) error              { return recorder.record("end") }
func (recorder recorder) Settle(context.Context, *Outcome) error { return recorder.record("settle") }
func (recorder recorder) Note(*report.Round)                     { _ = recorder.record("note") }

func TestCompanion_Companions_Good(t *testing.T) {
	var asked []string
	both := Companions{recorder{name: "a", asked: &asked}, recorder{name: "b", asked: &asked}}
	require.NoError(t, both.Begin(t.Context(), nil))
	require.NoError(t, both.End(t.Context()))
	require.NoError(t, both.Settle(t.Context(), nil))
	both.Note(nil)
	assert.Equal(t, []string{"begin a", "begin b", "end a", "end b", "settle a", "settle b", "note a", "note b"}, asked)
}

func TestCompanion_Companions_Bad(t *testing.T) {
	for step, expected := range map[string][]string{"begin": {"begin a"}, "end": {"end a", "end b"}, "settle": {"settle a"}} {
		var asked []string
		both := Companions{recorder{name: "a", failing: step, asked: &asked}, recorder{name: "b", asked: &asked}}
		err := map[string]func() error{
			"begin": func() error { return both.Begin(t.Context(), nil) }, "end": func() error { return both.End(t.Context()) },
			"settle": func() error { return both.Settle(t.Context(), nil) },
		}[step]()
		assert.ErrorIs(t, err, errRecorder)
		assert.Equal(t, expected, asked)
	}
}
