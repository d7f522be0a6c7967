// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/journal"
	"dappco.re/go/storebus/store"
)

// lineEndpoint answers without a network. If status is 0, it does not answer.
type lineEndpoint struct {
	mutex    sync.Mutex
	status   int
	requests int
	// most is how many lines a request that failed has had at most.
	most  int
	taken []string
}

func (endpoint *lineEndpoint) RoundTrip(request *http.Request) (*http.Response, error) {
	endpoint.mutex.Lock()
	defer endpoint.mutex.Unlock()
	endpoint.requests++
	body, err := gzip.NewReader(request.Body)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, errors.Join(err, request.Body.Close())
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(text), "\n"), "\n")
	if endpoint.status != http.StatusNoContent {
		endpoint.most = max(endpoint.most, len(lines))
	}
	switch endpoint.status {
	case 0:
		return nil, errors.New("connection refused")
	case http.StatusNoContent:
		endpoint.taken = append(endpoint.taken, lines...)
	}
	return &http.Response{StatusCode: endpoint.status, Header: http.Header{}, Body: http.NoBody, Request: request}, nil
}

func (endpoint *lineEndpoint) answer(status int) {
	endpoint.mutex.Lock()
	defer endpoint.mutex.Unlock()
	endpoint.status = status
}

// An endpoint is unreachable for a week (a day under the race detector), in three ways one
// after the other. The number of its requests follows the back-off, and each is small. The
// log has a line for each way, and everything else goes on. Once it is back, every point is
// delivered in order.
func TestJournal_Week_Ugly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: store.MemoryDatabase, PurgeInterval: time.Hour})
		require.NoError(t, err)
		defer func() { require.NoError(t, opened.Close()) }()
		var logged bytes.Buffer
		endpoint := &lineEndpoint{}
		delivery, err := journal.Start(journal.Config{
			Queue: journalQueue{opened}, URL: "http://influx", Bucket: "b", Transport: endpoint,
			Random: func() float64 { return 0.5 }, Logger: slog.New(slog.NewTextHandler(&logged, nil)),
		})
		require.NoError(t, err)

		var want []string
		commit := func(hour int) {
			entry, err := opened.CommitToJournal("m", map[string]any{"hour": hour}, nil)
			require.NoError(t, err)
			want = append(want, fmt.Sprintf("m hour=%di %d", hour, entry.CommittedAt.UnixNano()))
		}
		commit(0)
		const week = simulatedDays * 24
		for hour := 1; hour <= week; hour++ {
			<-time.After(time.Hour)
			commit(hour)
			require.NoError(t, opened.Set("g", "k", fmt.Sprint(hour)))
			value, err := opened.Get("g", "k")
			require.NoError(t, err)
			require.Equal(t, fmt.Sprint(hour), value)
			switch hour {
			case week / 3:
				endpoint.answer(http.StatusServiceUnavailable)
			case 2 * week / 3:
				endpoint.answer(http.StatusUnauthorized)
			}
		}
		synctest.Wait()
		assert.Equal(t, attemptsWithin(week*time.Hour), endpoint.requests)
		assert.Equal(t, 1, endpoint.most, "it is asked little")
		totals := opened.JournalTotals()
		assert.Equal(t, store.JournalCounts{Pending: week + 1}, totals.JournalCounts)
		assert.Equal(t, week*time.Hour, time.Since(totals.OldestPendingAt))
		assert.Equal(t, 3, strings.Count(logged.String(), "\n"), "%s", &logged)

		endpoint.answer(http.StatusNoContent)
		<-time.After(time.Minute)
		synctest.Wait()
		assert.Equal(t, want, trimmed(endpoint.taken))
		assert.Equal(t, store.JournalStatus{JournalCounts: store.JournalCounts{Delivered: week + 1}}, opened.JournalTotals())
		assert.Empty(t, delivery.Status().LastError)
		assert.Equal(t, 4, strings.Count(logged.String(), "\n"), "%s", &logged)
		for _, line := range []string{"no answer: connection refused", "503 Service Unavailable", "401 " + http.StatusText(http.StatusUnauthorized), "delivered again"} {
			assert.Equal(t, 1, strings.Count(logged.String(), line))
		}
		before := endpoint.requests
		<-time.After(24 * time.Hour)
		synctest.Wait()
		assert.Equal(t, before, endpoint.requests, "with nothing to deliver nothing is asked")
		require.NoError(t, delivery.Stop(context.Background()))
	})
}

// attemptsWithin is the number of requests to an unreachable endpoint within a time, if
// chance is always a half. They come at once, after 1.5, 3, 6 and 12 seconds, then every
// 22.5 seconds.
func attemptsWithin(span time.Duration) int {
	attempts := 1
	for wait := 1500 * time.Millisecond; span >= wait; attempts++ {
		span -= wait
		wait = min(2*wait, 22500*time.Millisecond)
	}
	return attempts
}

func trimmed(lines []string) []string {
	for index, line := range lines {
		lines[index] = strings.TrimSpace(line)
	}
	return lines
}
