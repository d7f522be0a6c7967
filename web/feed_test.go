// SPDX-License-Identifier: EUPL-1.2

package web_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
	"dappco.re/go/storebus/web"
)

func TestFeed_Follow_Good(t *testing.T) {
	t.Run("ReplaysAndGoesOnLive", func(t *testing.T) {
		bench := start(t, web.Config{})
		for number := range 2_500 {
			bench.set("acme:config", "theme", fmt.Sprint(number))
		}
		bench.set("other:config", "theme", "another tenant's")
		feed := bench.follow("/v1/acme/changes?after=0")
		for revision := range uint64(2_500) {
			require.Equal(t, revision+1, feed.next().revision(t))
		}
		for revision := range uint64(10) {
			bench.set("acme:config", "theme", "live")
			require.Equal(t, revision+2_501, feed.next().revision(t))
		}
	})
	t.Run("AChangeIsWhatChangesTells", func(t *testing.T) {
		bench := start(t, web.Config{})
		bench.set("acme:config", "theme", "a\nb\u2028<\"")
		require.NoError(t, bench.store.Delete("acme:config", "theme"))
		feed := bench.follow("/v1/acme/changes?after=0")
		var page struct{ Changes []json.RawMessage }
		reply := bench.service.Call(t.Context(), handler.Call{
			Address: subjects.Address{Namespace: "acme", Verb: subjects.VerbChanges}, Body: []byte(`{"after":0}`),
		})
		require.NoError(t, json.Unmarshal(reply.Body, &page))
		require.Len(t, page.Changes, 2)
		for _, change := range page.Changes {
			assert.Equal(t, string(change), feed.next().data)
		}
	})
	t.Run("BeginsWithWhatComesIfNothingElseIsSaid", func(t *testing.T) {
		bench := start(t, web.Config{})
		bench.set("acme:config", "theme", "before")
		feed := bench.follow("/v1/acme/changes")
		first, err := feed.frame()
		require.NoError(t, err)
		assert.Equal(t, frame{id: "1"}, first, "where it begins, for a reader that is cut off before the first change")
		bench.set("acme:config", "theme", "after")
		assert.Equal(t, uint64(2), feed.next().revision(t))
	})
	t.Run("GoesOnAfterTheLastEventWhateverTheAddressSays", func(t *testing.T) {
		bench := start(t, web.Config{})
		for range 5 {
			bench.set("acme:config", "theme", "dark")
		}
		assert.Equal(t, uint64(4), bench.follow("/v1/acme/changes?after=0", "Last-Event-ID", "3").next().revision(t))
	})
	t.Run("OfOneGroup", func(t *testing.T) {
		bench := start(t, web.Config{AliveInterval: time.Millisecond})
		bench.set("acme:config", "theme", "dark")
		bench.set("acme:other", "theme", "dark")
		bench.set("acme:config", "theme", "light")
		bench.set("acme:other", "theme", "light")
		feed := bench.follow("/v1/acme/changes?after=0&group=config&store=" + bench.store.ID())
		assert.Equal(t, uint64(1), feed.next().revision(t))
		assert.Equal(t, uint64(3), feed.next().revision(t))
		for {
			next, err := feed.frame()
			require.NoError(t, err)
			require.Empty(t, next.event)
			if next.id == "4" {
				break // passed over, and not asked for again after a reconnect
			}
		}
	})
	t.Run("SaysThatItIsAlive", func(t *testing.T) {
		bench := start(t, web.Config{AliveInterval: time.Millisecond})
		feed := bench.follow("/v1/acme/changes?after=0")
		for range 3 {
			next, err := feed.frame()
			require.NoError(t, err)
			assert.Empty(t, next.event)
			assert.Equal(t, "0", next.id)
		}
	})
	t.Run("HeadOpensNone", func(t *testing.T) {
		bench := start(t, web.Config{})
		answer := bench.ask(http.MethodHead, "/v1/acme/changes?after=0")
		assert.Equal(t, http.StatusOK, answer.status)
		assert.Equal(t, "text/event-stream", answer.header.Get("Content-Type"))
		assert.Zero(t, bench.server.Streams())
	})
}

func TestFeed_Follow_Bad(t *testing.T) {
	t.Run("TellsOfALogThatDoesNotReachBack", func(t *testing.T) {
		bench := start(t, web.Config{})
		bench.set("acme:config", "theme", "dark")
		for _, path := range []string{"/v1/acme/changes?after=9", "/v1/acme/changes?after=1&store=another", "/v1/acme/changes?after=18446744073709551615"} {
			feed := bench.follow(path)
			last := feed.next()
			assert.Equal(t, "compacted", last.event)
			assert.Empty(t, last.id, "a reader keeps what it knows")
			var failure subjects.Error
			require.NoError(t, json.Unmarshal([]byte(last.data), &failure))
			assert.Equal(t, subjects.ErrCompacted.Code, failure.Code)
			assert.Equal(t, uint64(1), *failure.Revision)
			assert.Equal(t, bench.store.ID(), failure.Store)
			_, err := feed.frame()
			assert.ErrorIs(t, err, io.EOF)
		}
	})
	t.Run("OneMoreThanMayBeOpenIsRefused", func(t *testing.T) {
		bench := start(t, web.Config{})
		var feeds []*feed
		for range web.MaxStreams {
			feeds = append(feeds, bench.follow("/v1/acme/changes?after=0"))
		}
		assert.Equal(t, web.MaxStreams, bench.server.Streams())
		refusal := bench.get("/v1/other/changes?after=0").failure(t)
		assert.Equal(t, "unavailable", string(refusal.Name))
		assert.Contains(t, refusal.Message, "1000 feeds are open")
		assert.Equal(t, http.StatusOK, bench.get("/healthz").status, "everything else is served")
		bench.set("acme:config", "theme", "dark")
		for _, feed := range feeds {
			require.Equal(t, uint64(1), feed.next().revision(t))
		}
		feeds[0].close()
		require.Eventually(t, func() bool { return bench.server.Streams() < web.MaxStreams }, patience, time.Millisecond)
		assert.Equal(t, uint64(1), bench.follow("/v1/acme/changes?after=0").next().revision(t))
	})
}

func TestFeed_Flush_Ugly_AReaderTakesNothing(t *testing.T) {
	bench := start(t, web.Config{ReaderTimeout: 50 * time.Millisecond})
	for range 64 {
		bench.set("acme:config", "theme", strings.Repeat("x", 512<<10))
	}
	connection, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(bench.server.URL(), "http:"), "/"))
	require.NoError(t, err)
	t.Cleanup(func() { connection.Close() })
	_, err = connection.Write([]byte("GET /v1/acme/changes?after=0 HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	require.NoError(t, err)
	require.Eventually(t, func() bool { return bench.server.Streams() == 1 }, patience, time.Millisecond)
	require.Eventually(t, func() bool { return bench.server.Streams() == 0 }, patience, time.Millisecond)
	got, err := io.ReadAll(connection)
	require.NoError(t, err)
	assert.False(t, strings.HasSuffix(string(got), "\r\n0\r\n\r\n"), "it is cut off in the middle, not ended")
	assert.Less(t, len(got), 64*512<<10)
	assert.Equal(t, uint64(1), bench.follow("/v1/acme/changes?after=0").next().revision(t), "others are served")
}
