// SPDX-License-Identifier: EUPL-1.2

package journal_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/journal"
)

// A point over which the endpoint fails each time is kept aside in the end, and not
// before the endpoint has taken another one.
func TestSuspicion_SendSuspect_Ugly(t *testing.T) {
	failing := func(t *testing.T, answer func(http.ResponseWriter, []string)) *bench {
		t.Helper()
		bench := startBench(t, nil)
		bench.endpoint.answerWith(answer)
		bench.queue.keep(1, 2, 3)
		for range 10 {
			_, err := flush(t, bench)
			require.ErrorIs(t, err, journal.ErrNotDelivered)
		}
		assert.Equal(t, 3, bench.queue.left(), "not too soon")
		return bench
	}
	t.Run("PointIsAtFault", func(t *testing.T) {
		bench := failing(t, refuse(500, "panic: runtime error", 1))
		outcome, err := flush(t, bench)
		require.NoError(t, err)
		assert.Equal(t, journal.FlushOutcome{Delivered: 2, Rejected: 1}, outcome)
		assert.Equal(t, int64(1), bench.queue.rejected[0].ID)
		assert.Equal(t, 500, bench.queue.rejected[0].Status)
		assert.Contains(t, bench.queue.rejected[0].Reason, "panic: runtime error")
	})
	t.Run("EndpointIsAtFault", func(t *testing.T) {
		bench := failing(t, refuse(500, "disk full", 1, 2, 3))
		for range 20 {
			_, err := flush(t, bench)
			require.ErrorIs(t, err, journal.ErrNotDelivered)
		}
		assert.Equal(t, 3, bench.queue.left())
	})
	t.Run("EndpointRecoversMeanwhile", func(t *testing.T) {
		firsts := 0
		bench := failing(t, func(writer http.ResponseWriter, lines []string) {
			if idOf(lines[0]) == 1 {
				firsts++
			}
			if idOf(lines[0]) == 1 && firsts < 12 {
				http.Error(writer, "busy", http.StatusInternalServerError)
				return
			}
			writer.WriteHeader(http.StatusNoContent)
		})
		outcome, err := flush(t, bench)
		require.NoError(t, err)
		assert.Equal(t, journal.FlushOutcome{Delivered: 3}, outcome)
	})
	t.Run("EndpointGoesAwayMeanwhile", func(t *testing.T) {
		firsts := 0
		bench := failing(t, func(writer http.ResponseWriter, lines []string) {
			if idOf(lines[0]) != 1 {
				writer.WriteHeader(http.StatusNoContent)
				return
			}
			if firsts++; firsts < 12 {
				http.Error(writer, "busy", http.StatusInternalServerError)
				return
			}
			http.Error(writer, "gone", http.StatusServiceUnavailable)
		})
		_, err := flush(t, bench)
		require.ErrorContains(t, err, "503")
		assert.Equal(t, 3, bench.queue.left())
	})
	t.Run("NothingIsBehindIt", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(refuse(500, "panic", 1))
		bench.queue.keep(1)
		for range 15 {
			_, err := flush(t, bench)
			require.ErrorIs(t, err, journal.ErrNotDelivered)
		}
		assert.Equal(t, 1, bench.queue.left(), "it holds up nobody")
	})
	t.Run("EndpointHasNoTime", func(t *testing.T) {
		bench := failing(t, refuse(503, "overloaded", 1))
		_, err := flush(t, bench)
		require.ErrorContains(t, err, "503")
		assert.Equal(t, 3, bench.queue.left())
	})
}
