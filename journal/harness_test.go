// SPDX-License-Identifier: EUPL-1.2

package journal_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"dappco.re/go/storebus/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "s3cret-token"

// queue keeps entries in memory.
type queue struct {
	news chan struct{}

	mutex     sync.Mutex
	entries   []journal.Entry
	delivered []int64
	rejected  []journal.Rejection
	pending   error
	settle    error
}

func (queue *queue) News() <-chan struct{} { return queue.news }

func (queue *queue) Pending(limit, _ int, wants func(namespace string) bool) ([]journal.Entry, bool, error) {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	var entries []journal.Entry
	wanted := map[string]bool{}
	for _, entry := range queue.entries {
		if _, asked := wanted[entry.Namespace]; !asked {
			wanted[entry.Namespace] = wants(entry.Namespace)
		}
		if wanted[entry.Namespace] && len(entries) < limit {
			entries = append(entries, entry)
		}
	}
	return entries, len(entries) == limit, queue.pending
}

func (queue *queue) Settle(delivered []journal.Entry, rejected []journal.Rejection) error {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	if queue.settle != nil {
		return queue.settle
	}
	for _, entry := range delivered {
		queue.delivered = append(queue.delivered, entry.ID)
	}
	queue.rejected = append(queue.rejected, rejected...)
	settled := map[int64]bool{}
	for _, entry := range delivered {
		settled[entry.ID] = true
	}
	for index := range rejected {
		settled[rejected[index].ID] = true
	}
	queue.entries = slices.DeleteFunc(queue.entries, func(entry journal.Entry) bool { return settled[entry.ID] })
	return nil
}

func (queue *queue) Waiting() int { return queue.left() }

// keep makes points m v=<id>i pending without a signal.
func (queue *queue) keep(ids ...int64) {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	for _, id := range ids {
		queue.entries = append(queue.entries, journal.Entry{
			ID: id, Measurement: "m", Fields: map[string]any{"v": id}, Time: time.Unix(0, id),
		})
	}
}

// add makes points pending, and signals the delivery.
func (queue *queue) add(ids ...int64) {
	queue.keep(ids...)
	select {
	case queue.news <- struct{}{}:
	default:
	}
}

func (queue *queue) left() int {
	queue.mutex.Lock()
	defer queue.mutex.Unlock()
	return len(queue.entries)
}

// endpoint is a server that records the lines it receives. The test sets its answer.
type endpoint struct {
	*httptest.Server

	mutex    sync.Mutex
	requests [][]string
	// answer writes the answer to lines; nil takes them.
	answer func(writer http.ResponseWriter, lines []string)
	paths  []string
	header http.Header
	// answered gets a token with each answer, as far as anybody counts them.
	answered chan struct{}
}

func startEndpoint(t *testing.T) *endpoint {
	t.Helper()
	started := &endpoint{answered: make(chan struct{}, 1000)}
	started.Server = httptest.NewServer(started)
	t.Cleanup(started.Close)
	return started
}

func (endpoint *endpoint) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	body, err := gzip.NewReader(request.Body)
	if err != nil {
		http.Error(writer, "no gzip", http.StatusTeapot)
		return
	}
	text, _ := io.ReadAll(body)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	endpoint.mutex.Lock()
	answer := endpoint.answer
	endpoint.requests = append(endpoint.requests, lines)
	endpoint.paths = append(endpoint.paths, request.Method+" "+request.URL.String())
	endpoint.header = request.Header
	endpoint.mutex.Unlock()
	defer func() { endpoint.answered <- struct{}{} }()
	if answer == nil {
		writer.WriteHeader(http.StatusNoContent)
		return
	}
	answer(writer, lines)
}

func (endpoint *endpoint) answerWith(answer func(writer http.ResponseWriter, lines []string)) {
	endpoint.mutex.Lock()
	defer endpoint.mutex.Unlock()
	endpoint.answer = answer
}

// awaitRequests waits until the given number of requests in all is answered.
func (endpoint *endpoint) awaitRequests(t *testing.T, requests int) {
	t.Helper()
	for len(endpoint.ids()) < requests {
		<-endpoint.answered
	}
}

// ids are the numbers of the points of each request that it was sent, 0 for a probe.
func (endpoint *endpoint) ids() (requests [][]int64) {
	endpoint.mutex.Lock()
	defer endpoint.mutex.Unlock()
	for _, lines := range endpoint.requests {
		var ids []int64
		for _, line := range lines {
			ids = append(ids, idOf(line))
		}
		requests = append(requests, ids)
	}
	return requests
}

func idOf(line string) (id int64) {
	if _, err := fmt.Sscanf(line, "m v=%di", &id); err != nil {
		return 0
	}
	return id
}

// refuse answers with a status if one of the lines is among bad. If most is not 0, it also
// refuses more than most lines.
func refuse(status int, message string, bad ...int64) func(http.ResponseWriter, []string) {
	return func(writer http.ResponseWriter, lines []string) {
		for _, line := range lines {
			for _, id := range bad {
				if idOf(line) == id {
					http.Error(writer, message, status)
					return
				}
			}
		}
		writer.WriteHeader(http.StatusNoContent)
	}
}

// waits are the waits of a delivery, which end when the test says so.
type waits struct {
	asked chan time.Duration
	over  chan time.Time
}

func (waits *waits) after(span time.Duration) <-chan time.Time {
	waits.asked <- span
	return waits.over
}

// logs keeps the log.
type logs struct {
	mutex sync.Mutex
	text  strings.Builder
}

func (logs *logs) Write(text []byte) (int, error) {
	logs.mutex.Lock()
	defer logs.mutex.Unlock()
	return logs.text.Write(text)
}

func (logs *logs) String() string {
	logs.mutex.Lock()
	defer logs.mutex.Unlock()
	return logs.text.String()
}

// bench is a delivery between a queue and an endpoint.
type bench struct {
	*journal.Delivery
	queue    *queue
	endpoint *endpoint
	waits    *waits
	logs     *logs
}

// startBench starts a delivery that waits when the test lets it.
func startBench(t *testing.T, change func(*journal.Config)) *bench {
	t.Helper()
	started := &bench{
		queue: &queue{news: make(chan struct{}, 1)}, endpoint: startEndpoint(t),
		waits: &waits{asked: make(chan time.Duration, 100), over: make(chan time.Time)}, logs: &logs{},
	}
	config := journal.Config{
		Queue: started.queue, URL: started.endpoint.URL + "/influx", Organisation: "the org", Bucket: "b", Token: token,
		Now: func() time.Time { return now }, After: started.waits.after, Random: func() float64 { return 0.5 },
		Logger: slog.New(slog.NewTextHandler(started.logs, nil)),
	}
	if change != nil {
		change(&config)
	}
	delivery, err := journal.Start(config)
	require.NoError(t, err)
	started.Delivery = delivery
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_ = delivery.Stop(ctx)
		assert.NotContains(t, started.logs.String(), token)
	})
	return started
}

var now = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func flush(t *testing.T, bench *bench) (journal.FlushOutcome, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return bench.Flush(ctx)
}
