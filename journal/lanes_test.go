// SPDX-License-Identifier: EUPL-1.2

package journal_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/journal"
)

// keepFor makes points of a namespace pending without a signal.
func (queue *queue) keepFor(namespace string, ids ...int64) {
	queue.keep(ids...)
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	for index := range queue.entries[len(queue.entries)-len(ids):] {
		entry := &queue.entries[len(queue.entries)-len(ids)+index]
		entry.Namespace, entry.Measurement = namespace, "m"
	}
}

// idsOf are the numbers of the points of a request, whatever their namespaces.
func idsOf(lines []string) (ids []int64) {
	for _, line := range lines {
		var id, at int64
		var tags string
		if _, err := fmt.Sscanf(line, "%s v=%di %d", &tags, &id, &at); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// answerFor answers with a status to requests that have one of the bad points.
func answerFor(status int, bad func(id int64) bool) func(http.ResponseWriter, []string) {
	return func(writer http.ResponseWriter, lines []string) {
		if slices.ContainsFunc(idsOf(lines), bad) {
			http.Error(writer, "no", status)
			return
		}
		writer.WriteHeader(http.StatusNoContent)
	}
}

// lastRequestOf is the last request with one of the points, counted from 1.
func (bench *bench) lastRequestOf(ids ...int64) (last int) {
	bench.endpoint.mutex.Lock()
	defer bench.endpoint.mutex.Unlock()
	for index, lines := range bench.endpoint.requests {
		for _, id := range idsOf(lines) {
			if slices.Contains(ids, id) {
				last = index + 1
			}
		}
	}
	return last
}

func span(first, last int64) (ids []int64) {
	for id := first; id <= last; id++ {
		ids = append(ids, id)
	}
	return ids
}

func TestLanes_Refusals_Good(t *testing.T) {
	t.Run("OneRequestForAllAsLongAsAllIsWell", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.queue.keepFor("a", 1, 4)
		bench.queue.keepFor("b", 2)
		bench.queue.keepFor("", 3)
		_, err := flush(t, bench)
		require.NoError(t, err)
		assert.Len(t, bench.endpoint.requests, 1)
	})
	t.Run("NamespacesAreTakenApart", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(answerFor(400, func(id int64) bool { return id <= 500 }))
		bench.queue.keepFor("bad", span(1, 500)...)
		for namespace := range int64(20) {
			bench.queue.keepFor(fmt.Sprint("good", namespace), span(1000+10*namespace, 1009+10*namespace)...)
		}
		outcome, err := flush(t, bench)
		require.NoError(t, err)
		assert.Equal(t, journal.FlushOutcome{Delivered: 200, Rejected: 500}, outcome)
		assert.LessOrEqual(t, bench.lastRequestOf(span(1000, 1199)...), 10, "they wait for no division of the bad ones")
		assert.LessOrEqual(t, len(bench.endpoint.requests), 540, "one request for each of many bad points")
		var rejected []int64
		for _, rejection := range bench.queue.rejected {
			rejected = append(rejected, rejection.ID)
		}
		assert.Equal(t, span(1, 500), rejected, "in order")
	})
	t.Run("TwoBadOnesTakeTurns", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(answerFor(400, func(id int64) bool { return id <= 310 }))
		bench.queue.keepFor("much", span(1, 300)...)
		bench.queue.keepFor("little", span(301, 310)...)
		_, err := flush(t, bench)
		require.NoError(t, err)
		assert.Len(t, bench.queue.rejected, 310)
		assert.LessOrEqual(t, bench.lastRequestOf(span(301, 310)...), 50)
	})
	t.Run("ItJoinsTheOthersAgain", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(answerFor(400, func(id int64) bool { return id == 1 }))
		bench.queue.keepFor("bad", 1, 2)
		_, err := flush(t, bench)
		require.NoError(t, err)
		for id := int64(10); id < 50; id += 2 {
			bench.queue.keepFor("bad", id)
			bench.queue.keepFor("good", id+1)
			_, err := flush(t, bench)
			require.NoError(t, err)
		}
		last := bench.endpoint.requests[len(bench.endpoint.requests)-1]
		assert.Equal(t, []int64{48, 49}, idsOf(last))
	})
	t.Run("RequestsThatAreTooLarge", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(func(writer http.ResponseWriter, lines []string) {
			if len(lines) > 100 {
				http.Error(writer, "", http.StatusRequestEntityTooLarge)
				return
			}
			writer.WriteHeader(http.StatusNoContent)
		})
		bench.queue.keepFor("a", span(1, 3000)...)
		outcome, err := flush(t, bench)
		require.NoError(t, err)
		assert.Equal(t, journal.FlushOutcome{Delivered: 3000}, outcome)
		assert.LessOrEqual(t, len(bench.endpoint.requests), 80)
	})
}

func TestLanes_Refusals_Bad(t *testing.T) {
	t.Run("SettingsThatAreAnsweredLikeBadPoints", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
			http.Error(writer, "no organisation", http.StatusBadRequest)
		})
		for namespace := range int64(40) {
			bench.queue.keepFor(fmt.Sprint("n", namespace), span(10*namespace+1, 10*namespace+5)...)
		}
		for range 3 {
			_, err := flush(t, bench)
			require.ErrorContains(t, err, "check the endpoint's URL")
		}
		assert.Equal(t, 200, bench.queue.left())
		assert.LessOrEqual(t, len(bench.endpoint.requests), 40)
		bench.endpoint.answerWith(nil)
		_, err := flush(t, bench)
		require.NoError(t, err)
		assert.Len(t, bench.queue.delivered, 200)
	})
	t.Run("EndpointThatIsDownConcernsAll", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) { http.Error(writer, "", http.StatusServiceUnavailable) })
		bench.queue.keepFor("a", 1, 2)
		bench.queue.keepFor("b", 3, 4)
		for range 5 {
			_, err := flush(t, bench)
			require.ErrorIs(t, err, journal.ErrNotDelivered)
		}
		assert.Len(t, bench.endpoint.requests, 5, "one request for each attempt")
		assert.Equal(t, 4, bench.queue.left())
	})
}

// A point over which the endpoint fails holds up its own namespace alone.
func TestLanes_Failures_Ugly(t *testing.T) {
	failing := func(bad ...int64) func(http.ResponseWriter, []string) {
		return answerFor(500, func(id int64) bool { return slices.Contains(bad, id) })
	}
	// start starts a delivery with a clock that the test moves.
	start := func(t *testing.T, answer func(http.ResponseWriter, []string)) (*bench, *atomic.Int64) {
		t.Helper()
		passed := &atomic.Int64{}
		bench := startBench(t, func(config *journal.Config) {
			config.Now = func() time.Time { return now.Add(time.Duration(passed.Load())) }
		})
		bench.endpoint.answerWith(answer)
		return bench, passed
	}
	t.Run("OneNamespace", func(t *testing.T) {
		bench, passed := start(t, failing(1))
		bench.queue.keepFor("bad", 1, 2)
		bench.queue.keepFor("good", 3, 4)
		_, err := flush(t, bench)
		require.ErrorIs(t, err, journal.ErrNotDelivered)
		_, err = flush(t, bench)
		require.NoError(t, err, "the endpoint takes the others")
		assert.Equal(t, []int64{3, 4}, bench.queue.delivered)
		for id := int64(10); len(bench.queue.rejected) == 0; id++ {
			require.Less(t, id, int64(40))
			passed.Add(int64(time.Minute))
			bench.queue.keepFor("good", id)
			_, err := flush(t, bench)
			require.NoError(t, err)
			assert.Contains(t, bench.queue.delivered, id)
			assert.Equal(t, id >= 18, slices.Contains(bench.queue.delivered, 2), "not too soon")
		}
		assert.Equal(t, int64(1), bench.queue.rejected[0].ID)
		assert.Zero(t, bench.queue.left())
	})
	t.Run("SeveralNamespaces", func(t *testing.T) {
		bench, _ := start(t, failing(1, 2, 3, 4, 5, 6))
		for id := range int64(6) {
			bench.queue.keepFor(fmt.Sprint("bad", id), id+1)
		}
		bench.queue.keepFor("good", 10)
		for attempts := 0; len(bench.queue.delivered) == 0; attempts++ {
			require.Less(t, attempts, 8)
			_, _ = flush(t, bench)
		}
		assert.Equal(t, []int64{10}, bench.queue.delivered)
		assert.Empty(t, bench.queue.rejected)
	})
	t.Run("ItIsTriedAgainByItself", func(t *testing.T) {
		bench, passed := start(t, failing(1))
		bench.queue.keepFor("bad", 1)
		bench.queue.keepFor("good", 2)
		_, err := flush(t, bench)
		require.ErrorIs(t, err, journal.ErrNotDelivered)
		<-bench.waits.asked
		_, err = flush(t, bench)
		require.NoError(t, err)
		wait := <-bench.waits.asked
		assert.Equal(t, 1500*time.Millisecond, wait)
		bench.endpoint.answerWith(nil)
		passed.Add(int64(wait))
		bench.waits.over <- now
		require.NoError(t, bench.Stop(context.Background()))
		assert.Equal(t, []int64{2, 1}, bench.queue.delivered)
	})
	t.Run("EndpointIsAtFault", func(t *testing.T) {
		bench, passed := start(t, func(writer http.ResponseWriter, _ []string) {
			http.Error(writer, "disk full", http.StatusInternalServerError)
		})
		for id := range int64(30) {
			bench.queue.keepFor(fmt.Sprint("n", id%10), id+1)
		}
		for range 40 {
			passed.Add(int64(time.Minute))
			_, err := flush(t, bench)
			require.ErrorIs(t, err, journal.ErrNotDelivered)
		}
		assert.Equal(t, 30, bench.queue.left())
		bench.endpoint.answerWith(nil)
		_, err := flush(t, bench)
		require.NoError(t, err)
		passed.Add(int64(time.Minute))
		_, err = flush(t, bench)
		require.NoError(t, err)
		assert.Len(t, bench.queue.delivered, 30)
	})
}
