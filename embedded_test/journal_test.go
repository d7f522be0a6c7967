// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
)

// commaTag is a tag whose name must be escaped.
const commaTag = "host=,\u0020"

// numberedFields are the fields of a point: one of each type, with values that are hard to
// encode.
func numberedFields(number int64) map[string]any {
	return map[string]any{
		"n": number,
		"b": number%2 == 0,
		"f": pick(number, 0, -0.5, 0.1, 1e21, -1e-7, math.MaxFloat64, math.SmallestNonzeroFloat64, float64(number)+0.25),
		"i": pick(number, 0, math.MinInt64, math.MaxInt64, -number),
		"u": pick(number, uint64(0), 1<<63, math.MaxUint64, uint64(number)),
		"s": pick(number, `say "hi" \ ☂`, "a\ttab", "a,b=c d", `ends with \`, "", `\"`, "🚀 é", `C:\new\table`, "# x=1i 5", "\x01\x7f"),
	}
}

// numberedTags are the tags of a point, which no other point has: VictoriaMetrics keeps
// only one point of the same tags and the same millisecond. A request that is repeated
// after a kill can share its millisecond with any other.
func numberedTags(number int64) map[string]string {
	return map[string]string{"number": fmt.Sprint(number), commaTag: `a 1,=\b "☂"`, "empty": ""}
}

func pick[T any](number int64, choices ...T) T { return choices[number%int64(len(choices))] }

// committed holds the acknowledged points: their times by their numbers.
type committed struct {
	mutex sync.Mutex
	times map[int64]time.Time
}

// commitNumbered commits points 1 to points from many workers. It calls reached with the
// number of acknowledged points.
func commitNumbered(t *testing.T, store *client.Client, points, workers int64, reached func(acknowledged int64)) *committed {
	t.Helper()
	done := &committed{times: map[int64]time.Time{}}
	var next, acknowledged atomic.Int64
	var working sync.WaitGroup
	for range workers {
		working.Go(func() {
			for number := next.Add(1); number <= points; number = next.Add(1) {
				reply, err := store.JournalCommit(t.Context(), "acme", "m", numberedFields(number), client.JournalOptions{Tags: numberedTags(number)})
				if !assert.NoError(t, err) {
					return
				}
				done.mutex.Lock()
				done.times[number] = reply.CommittedAt
				done.mutex.Unlock()
				reached(acknowledged.Add(1))
			}
		})
	}
	working.Wait()
	return done
}

// deliverThroughFaults commits points while the sidecar is killed and the endpoint is
// unreachable. It returns them after all are delivered.
func deliverThroughFaults(t *testing.T, endpoint endpoint, points int64) *committed {
	t.Helper()
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	flags := []string{"--journal-url", endpoint.URL(), "--journal-bucket", "b", "--journal-organisation", "o"}
	sidecar := startServe(t, outside.URL(), database, flags...)
	store, err := client.New(connect(t, outside.URL()), client.Config{Timeout: time.Minute, Patience: time.Minute})
	require.NoError(t, err)

	shares := map[int64]chan struct{}{}
	for _, share := range []int64{20, 40, 60} {
		shares[points*share/100] = make(chan struct{})
	}
	finished := make(chan *committed, 1)
	var committing sync.WaitGroup
	t.Cleanup(committing.Wait)
	committing.Go(func() {
		finished <- commitNumbered(t, store, points, 128, func(acknowledged int64) {
			if share := shares[acknowledged]; share != nil {
				close(share)
			}
		})
	})
	waitFor(t, shares[points/5], "a fifth")
	endpoint.stop(t)
	waitFor(t, shares[points*2/5], "two fifths")
	sidecar.kill(t)
	sidecar = startServe(t, outside.URL(), database, flags...)
	waitFor(t, shares[points*3/5], "three fifths")
	endpoint.start(t)
	done := <-finished

	reply, err := store.Flush(context.Background())
	require.NoError(t, err)
	assert.Zero(t, reply.Pending, reply.LastError)
	status, err := store.JournalStatus(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, []uint64{0, uint64(points), 0}, []uint64{status.Pending, status.Delivered, status.Rejected})
	assert.Zero(t, status.OldestPendingAt)
	assert.Zero(t, sidecar.terminate(t))
	return done
}

// The endpoint has every acknowledged point exactly once and unchanged, although endpoint
// and sidecar are killed during commits and deliveries.
func TestJournal_Kill_Ugly(t *testing.T) {
	t.Parallel()
	points := int64(underRace(30_000, 10_000))
	endpoint := startInflux(t)
	done := deliverThroughFaults(t, endpoint, points)
	assert.Equal(t, points, endpoint.count(t, "n"), "the server's own count")
	types := map[string]string{}
	for _, row := range endpoint.query(t, "SHOW FIELD KEYS FROM m")[0].Values {
		types[fmt.Sprint(row[0])] = fmt.Sprint(row[1])
	}
	assert.Equal(t, map[string]string{"n": "integer", "b": "boolean", "f": "float", "i": "integer", "u": "unsigned", "s": "string"}, types)
	stored := endpoint.read(t)
	require.Equal(t, int(points), len(stored)) //nolint:testifylint // nobody would read all of them
	for number, points := range stored {
		require.Len(t, points, 1, "%d", number)
		require.Equal(t, done.times[number].UnixNano(), points[0].time)
		for name, want := range numberedFields(number) {
			requireStored(t, want, points[0].fields[name])
		}
		require.Equal(t, numberedTags(number)[commaTag], points[0].tags[commaTag])
		require.Equal(t, "acme", points[0].tags["namespace"])
		require.NotContains(t, points[0].tags, "empty")
	}
}

// requireStored compares a value with the value in InfluxDB's answer.
func requireStored(t *testing.T, want, got any) {
	t.Helper()
	number, isNumber := got.(json.Number)
	switch want := want.(type) {
	case float64:
		require.True(t, isNumber, "%v", got)
		value, err := number.Float64()
		require.NoError(t, err)
		require.Equal(t, want, value) //nolint:testifylint // it is exact
	case int64, uint64:
		require.True(t, isNumber, "%v", got)
		require.Equal(t, fmt.Sprint(want), number.String())
	default:
		require.Equal(t, want, got)
	}
}

// VictoriaMetrics reads the same lines with a parser of its own. It stores only numbers,
// and times in milliseconds.
func TestJournal_Victoria_Ugly(t *testing.T) {
	t.Parallel()
	points := int64(underRace(10_000, 5_000))
	endpoint := startVictoria(t)
	done := deliverThroughFaults(t, endpoint, points)
	stored := endpoint.read(t, points)
	require.Equal(t, int(points), len(stored)) //nolint:testifylint // nobody would read all of them
	for number, points := range stored {
		require.Len(t, points, 1, "%d", number)
		require.Equal(t, done.times[number].UnixMilli(), points[0].time/int64(time.Millisecond))
		for name, want := range numberedFields(number) {
			requireRounded(t, want, points[0].fields[name])
		}
		require.Equal(t, numberedTags(number)[commaTag], points[0].tags[commaTag])
		require.Equal(t, "acme", points[0].tags["namespace"])
	}
}

// requireRounded compares a value with the number in VictoriaMetrics.
func requireRounded(t *testing.T, want, got any) {
	t.Helper()
	stored, ok := got.(float64)
	require.True(t, ok, "%v", got)
	number := 0.0 // a text becomes 0
	switch want := want.(type) {
	case bool:
		if want {
			number = 1
		}
	case float64:
		number = want
	case int64:
		number = float64(want)
	case uint64:
		number = float64(want)
	}
	if number == 0 || math.Abs(number) < 1e-300 {
		require.InDelta(t, number, stored, 1e-300)
		return
	}
	require.InEpsilon(t, number, stored, 1e-12)
}

// If the sidecar is terminated, it delivers the pending points before it ends.
func TestJournal_Terminate_Good(t *testing.T) {
	t.Parallel()
	endpoint := startInflux(t)
	sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--journal-url", endpoint.URL(), "--journal-bucket", "b")
	store, err := client.New(connect(t, address), client.Config{})
	require.NoError(t, err)
	commitNumbered(t, store, 100, 4, func(int64) {})
	assert.Zero(t, sidecar.terminate(t))
	assert.Equal(t, int64(100), endpoint.count(t, "n"))
	assert.NotContains(t, sidecar.printed(), "level=WARN")
}

// An endpoint that never answers does not delay the end. Unconfirmed points stay in the
// journal.
func TestJournal_Terminate_Ugly(t *testing.T) {
	t.Parallel()
	asked, ended := make(chan struct{}, 10), make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-ended
	}))
	defer hanging.Close()
	defer close(ended)
	database := filepath.Join(t.TempDir(), "storebus.db")
	serve := func(endpoint string) (*process, *client.Client) {
		sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database, "--journal-url", endpoint, "--journal-bucket", "b")
		store, err := client.New(connect(t, address), client.Config{})
		require.NoError(t, err)
		return sidecar, store
	}
	sidecar, store := serve(hanging.URL)
	commitNumbered(t, store, 3, 1, func(int64) {})
	waitFor(t, asked, "a request to the endpoint")
	assert.Zero(t, sidecar.terminate(t))
	assert.Contains(t, sidecar.printed(), "stopped with journal entries to deliver")
	healthy := startStandIn(t)
	_, store = serve(healthy.URL)
	_, err := store.Flush(t.Context())
	require.NoError(t, err)
	numbers, _ := healthy.stored()
	assert.ElementsMatch(t, []int64{1, 2, 3}, numbers)
}

// commitWithOneBad commits points to a sidecar without an endpoint, so that a later
// delivery has them in one batch. One point has a text in a field that is a number in the
// others.
func commitWithOneBad(t *testing.T, database string, points, bad int64) {
	t.Helper()
	sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database)
	store, err := client.New(connect(t, address), client.Config{})
	require.NoError(t, err)
	var committing sync.WaitGroup
	for worker := range int64(50) {
		committing.Go(func() {
			for number := worker + 1; number <= points; number += 50 {
				var value any = float64(number)
				if number == bad {
					value = "a text"
				}
				_, err := store.JournalCommit(t.Context(), "acme", "m", map[string]any{"n": number, "v": value}, client.JournalOptions{})
				assert.NoError(t, err)
			}
		})
	}
	committing.Wait()
	status, err := store.JournalStatus(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, []uint64{0, 0, 0}, []uint64{status.Pending, status.Delivered, status.Rejected}, "without an endpoint nothing is pending")
	assert.Nil(t, status.Endpoint)
	assert.Zero(t, sidecar.terminate(t))
}

// requireOneRejected flushes, and asserts that exactly one point is rejected.
func requireOneRejected(t *testing.T, store *client.Client, points, bad int64, httpStatus int, reason string) {
	t.Helper()
	_, err := store.Flush(t.Context())
	require.NoError(t, err)
	status, err := store.JournalStatus(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, []uint64{0, uint64(points - 1), 1}, []uint64{status.Pending, status.Delivered, status.Rejected})
	page, err := store.JournalRejected(t.Context(), "acme", client.JournalRejectedOptions{})
	require.NoError(t, err)
	require.Len(t, page.Entries, 1)
	assert.Equal(t, []any{"m", httpStatus}, []any{page.Entries[0].Measurement, page.Entries[0].Status})
	assert.Contains(t, page.Entries[0].Reason, reason)
	values, err := page.Entries[0].Fields.Values()
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"n": bad, "v": "a text"}, values)
	other, err := store.JournalRejected(t.Context(), "other", client.JournalRejectedOptions{})
	require.NoError(t, err)
	assert.Empty(t, other.Entries, "each tenant sees its own")
	// A rejected point does not hold up later points.
	_, err = store.JournalCommit(t.Context(), "acme", "m", map[string]any{"n": points + 1, "v": 1.5}, client.JournalOptions{})
	require.NoError(t, err)
	flushed, err := store.Flush(t.Context())
	require.NoError(t, err)
	assert.Zero(t, flushed.Pending)
}

// requeue requeues the rejected point, and asserts that it is delivered.
func requeue(t *testing.T, store *client.Client, delivered uint64) {
	t.Helper()
	page, err := store.JournalRejected(t.Context(), "acme", client.JournalRejectedOptions{})
	require.NoError(t, err)
	require.Len(t, page.Entries, 1)
	requeued, err := store.JournalRequeue(t.Context(), "acme", client.JournalRequeueOptions{EntryIDs: []uint64{page.Entries[0].EntryID}})
	require.NoError(t, err)
	assert.Equal(t, uint64(1), requeued.Requeued)
	_, err = store.Flush(t.Context())
	require.NoError(t, err)
	status, err := store.JournalStatus(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, []uint64{0, delivered, 0}, []uint64{status.Pending, status.Delivered, status.Rejected})
}

// If one point among many is bad, it is rejected with the server's reason and delays no
// other point. It is delivered after its cause is mended and it is requeued.
func TestJournal_Rejected_Bad(t *testing.T) {
	t.Parallel()
	const points, bad = 5000, 3217
	serve := func(t *testing.T, endpoint string) *client.Client {
		t.Helper()
		database := filepath.Join(t.TempDir(), "storebus.db")
		commitWithOneBad(t, database, points, bad)
		_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database, "--journal-url", endpoint, "--journal-bucket", "b")
		store, err := client.New(connect(t, address), client.Config{Timeout: time.Minute})
		require.NoError(t, err)
		return store
	}
	t.Run("ServerThatTakesTheOthersOfABatch", func(t *testing.T) {
		endpoint := startInflux(t)
		store := serve(t, endpoint.URL())
		requireOneRejected(t, store, points, bad, http.StatusBadRequest, `partial write: field type conflict: input field "v" on measurement "m" is type string, already exists as type float`)
		assert.Equal(t, int64(points), endpoint.count(t, "n"))
		endpoint.query(t, "DROP MEASUREMENT m")
		requeue(t, store, points+1)
		assert.Equal(t, int64(1), endpoint.count(t, "n"))
	})
	t.Run("ServerThatRefusesTheBatch", func(t *testing.T) {
		endpoint := startStandIn(t)
		endpoint.refuse(func(fields map[string]any) string {
			if _, isText := fields["v"].(string); isText {
				return "no texts here"
			}
			return ""
		})
		store := serve(t, endpoint.URL)
		requireOneRejected(t, store, points, bad, http.StatusBadRequest, "400 Bad Request: no texts here")
		numbers, requests := endpoint.stored()
		assert.Len(t, numbers, points)
		assert.NotContains(t, numbers, int64(bad))
		assert.LessOrEqual(t, requests, 40, "it is found by dividing")
		endpoint.refuse(func(map[string]any) string { return "" })
		requeue(t, store, points+1)
		numbers, _ = endpoint.stored()
		assert.Contains(t, numbers, int64(bad))
	})
}

// The token appears in no output, and is sent to the endpoint only.
func TestJournal_Secrets_Bad(t *testing.T) {
	const secret = "s3cret-token"
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		assert.Fail(t, "a redirect was followed", "%v", request.Header)
	}))
	defer elsewhere.Close()
	var authorised, redirecting atomic.Bool
	authorised.Store(true)
	endpoint := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		if request.Header.Get("Authorization") != "Token "+secret {
			authorised.Store(false)
		}
		if redirecting.Load() {
			http.Redirect(writer, request, elsewhere.URL+"/?token="+secret, http.StatusTemporaryRedirect)
			return
		}
		http.Error(writer, `{"message":"the token `+secret+` is not known"}`, http.StatusUnauthorized)
	}))
	defer endpoint.Close()
	sidecar, address := serveOwn(t, []string{"STOREBUS_JOURNAL_TOKEN=" + secret},
		"--listen", "127.0.0.1:0", "--journal-url", endpoint.URL, "--journal-bucket", "b")
	connection := connect(t, address)
	store, err := client.New(connection, client.Config{})
	require.NoError(t, err)
	_, err = store.JournalCommit(t.Context(), "acme", "m", map[string]any{"n": 1}, client.JournalOptions{})
	require.NoError(t, err)
	var told strings.Builder
	look := func() {
		for _, subject := range []string{
			"store.admin.flush", "store.admin.status", "store.acme.journal_status", "store.acme.journal_rejected", "$SRV.INFO.storebus", "$SRV.STATS.storebus",
		} {
			reply, err := connection.Request(subject, nil, patience)
			require.NoError(t, err)
			fmt.Fprintf(&told, "%s: %s\n", subject, reply.Data)
		}
	}
	look()
	assert.Contains(t, told.String(), "401 "+http.StatusText(http.StatusUnauthorized)+": the token *** is not known; check the endpoint's URL, organisation, bucket and token")
	redirecting.Store(true)
	look()
	assert.Contains(t, told.String(), "307, and redirects are not followed")
	assert.Zero(t, sidecar.terminate(t))
	assert.NotContains(t, told.String()+sidecar.printed(), secret)
	assert.True(t, authorised.Load())
	assert.Equal(t, 1, strings.Count(sidecar.printed(), "401 "+http.StatusText(http.StatusUnauthorized)), "one line for a state")
	assert.Equal(t, 1, strings.Count(sidecar.printed(), "redirects are not followed"))
}

// A URL with a user is refused, and the error does not repeat it.
func TestJournal_URL_Bad(t *testing.T) {
	for _, address := range []string{"http://user:s3cret@127.0.0.1:8086", "http://127.0.0.1:8086/?token=s3cret", "http://127.0.0.1:8086/#s3cret", "file:///s3cret"} {
		result := run(t, "", "serve", "--listen", "127.0.0.1:0", "--journal-url", address, "--journal-bucket", "b")
		assert.Equal(t, 2, result.code, address)
		assert.Contains(t, result.stderr, "URL")
		assert.NotContains(t, result.stdout+result.stderr, "s3cret")
	}
}

// If the endpoint is unreachable, everything else goes on. The status says so, and the log
// once.
func TestJournal_Away_Ugly(t *testing.T) {
	endpoint := "http://" + freeAddress(t)
	sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--journal-url", endpoint, "--journal-bucket", "b")
	connection := connect(t, address)
	store, err := client.New(connection, client.Config{})
	require.NoError(t, err)
	done := commitNumbered(t, store, 10, 1, func(int64) {})
	for range 5 {
		flushed, err := store.Flush(t.Context())
		require.NoError(t, err)
		assert.Equal(t, uint64(10), flushed.Pending)
		assert.Contains(t, flushed.LastError, "connection refused")
	}
	status, err := store.JournalStatus(t.Context(), "acme")
	require.NoError(t, err)
	assert.Equal(t, []uint64{10, 0, 0}, []uint64{status.Pending, status.Delivered, status.Rejected})
	assert.Equal(t, "the endpoint does not answer", status.LastError)
	assert.Equal(t, done.times[1], status.OldestPendingAt)
	require.NotNil(t, status.Endpoint)
	assert.Equal(t, endpoint, *status.Endpoint)
	var statistics struct {
		Endpoints []struct {
			Data struct{ Journal json.RawMessage } `json:"data"`
		} `json:"endpoints"`
	}
	answer, err := connection.Request("$SRV.STATS.storebus", nil, patience)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(answer.Data, &statistics))
	require.NotEmpty(t, statistics.Endpoints)
	for _, endpoint := range statistics.Endpoints {
		assert.JSONEq(t, fmt.Sprintf(`{"pending":10,"oldest_pending_at":%q,"delivered":0,"rejected":0,"last_error":"the endpoint does not answer","endpoint":%q}`,
			done.times[1].Format(time.RFC3339Nano), *status.Endpoint), string(endpoint.Data.Journal))
	}
	written, err := store.Set(t.Context(), "acme", "g", "k", []byte("v"), client.SetOptions{})
	require.NoError(t, err)
	assert.Equal(t, uint64(1), written.Revision)
	assert.Zero(t, sidecar.terminate(t))
	lines := slices.DeleteFunc(strings.Split(sidecar.errors.String(), "\n"), func(line string) bool { return !strings.Contains(line, "journal") })
	require.Len(t, lines, 1, "one line for one state: %q", lines)
	assert.Contains(t, lines[0], "journal entries are kept and tried again")
}
