// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// mishap is the fate of the event of a change.
type mishap string

const (
	mishapNone       mishap = "arrives"
	mishapDropped    mishap = "is dropped"
	mishapRepeated   mishap = "is repeated"
	mishapOld        mishap = "comes with an old one"
	mishapDelayed    mishap = "comes after the next one"
	mishapDisconnect mishap = "comes when the connection is lost"
)

// journey is a random run: the options of the watch, the writes, and the mishaps.
type journey struct {
	group, store  string
	after, before int
	writes        []string
	mishaps       []mishap
	fates         []fate
	pageSize      int
	buffer        int
}

var journeys atomic.Int64

func drawJourney(t *rapid.T) journey {
	groups := rapid.SampledFrom([]string{"config", "other"})
	run := journey{
		group:    rapid.SampledFrom([]string{"", "config"}).Draw(t, "watched group"),
		store:    fmt.Sprintf("s%d", journeys.Add(1)),
		before:   rapid.IntRange(0, 8).Draw(t, "changes before"),
		pageSize: rapid.IntRange(0, 4).Draw(t, "page size"),
		buffer:   rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "buffer"),
		writes:   rapid.SliceOfN(groups, 1, 30).Draw(t, "writes"),
		fates: rapid.SliceOfN(rapid.SampledFrom([]fate{
			fateAnswered, fateAnswered, fateAnswered, fateUnavailable, fateUnavailable, fateSilence,
		}), 0, 5).Draw(t, "fates of requests"),
	}
	run.after = rapid.IntRange(0, run.before).Draw(t, "after")
	run.mishaps = rapid.SliceOfN(rapid.SampledFrom([]mishap{
		mishapNone, mishapNone, mishapDropped, mishapDropped, mishapRepeated, mishapOld, mishapDelayed, mishapDisconnect,
	}), len(run.writes), len(run.writes)).Draw(t, "mishaps")
	return run
}

// expected returns the revisions that the watch must return, those of the last change
// included.
func (run journey) expected(log []subjects.Event) []uint64 {
	var revisions []uint64
	for _, event := range log[run.after:] {
		if run.group == "" || run.group == event.Group {
			revisions = append(revisions, event.Revision)
		}
	}
	return revisions
}

// write commits and announces, with every mishap.
func (run journey) write(t *testing.T, bench *bench) {
	t.Helper()
	var delayed []subjects.Event
	for index, group := range run.writes {
		event := bench.sidecar.commit(group)
		events := []subjects.Event{event}
		switch run.mishaps[index] {
		case mishapNone:
		case mishapDropped:
			events = nil
		case mishapRepeated:
			events = append(events, event)
		case mishapOld:
			events = append(events, bench.sidecar.event(index/2))
		case mishapDelayed:
			delayed, events = append(delayed, event), nil
		case mishapDisconnect:
			require.NoError(t, bench.connection.ForceReconnect())
		}
		for _, event := range events {
			bench.sidecar.publish(t, event)
		}
		if len(events) > 0 {
			for _, event := range delayed {
				bench.sidecar.publish(t, event)
			}
			delayed = nil
		}
	}
}

func TestWatch_Property_Ugly(t *testing.T) {
	t.Parallel()
	bench := newBench(t)
	rapid.Check(t, func(rapidT *rapid.T) {
		run := drawJourney(rapidT)
		bench.sidecar.begin(run)
		follower := follow(t, func(ctx context.Context) iter.Seq2[client.Change, error] {
			return bench.store.Watch(ctx, "acme", client.WatchOptions{
				Group: run.group, After: client.Revision(uint64(run.after)), Store: run.store,
				QuietInterval: soon, BufferMessages: run.buffer,
			})
		})
		run.write(t, bench)
		bench.sidecar.set(t, "config") // watched in any case
		expected := run.expected(bench.sidecar.history())
		require.Equal(rapidT, expected, follower.revisions(rapidT, len(expected)))
		// Nothing comes twice: the next thing that comes is the next change.
		bench.sidecar.set(t, "config")
		assert.Equal(rapidT, expected[len(expected)-1]+1, follower.next(rapidT).Revision)
		follower.cancel()
		require.NoError(rapidT, follower.end(rapidT))
	})
}
