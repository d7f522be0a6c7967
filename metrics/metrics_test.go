// SPDX-License-Identifier: EUPL-1.2

package metrics_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/metrics"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// patience bounds the waits of a test.
const patience = 30 * time.Second

// start starts a service on a store in a file, with a publisher.
func start(t testing.TB, config store.StoreConfig) (metrics.Source, *nats.Conn) {
	t.Helper()
	broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	require.NoError(t, err)
	broker.Start()
	require.True(t, broker.ReadyForConnections(patience))
	t.Cleanup(func() { broker.Shutdown(); broker.WaitForShutdown() })
	connect := func() *nats.Conn {
		connection, err := nats.Connect(broker.ClientURL())
		require.NoError(t, err)
		t.Cleanup(connection.Close)
		return connection
	}
	config.DatabasePath = filepath.Join(t.TempDir(), "storebus.db")
	source := metrics.Source{Version: "1.2.3"}
	source.Store, err = store.NewConfigured(config)
	require.NoError(t, err)
	source.Service, err = handler.Announce(t.Context(), handler.Config{Store: source.Store, Connection: connect(), AloneAtStart: true})
	require.NoError(t, err)
	source.Publisher, err = handler.StartPublisher(handler.PublisherConfig{Store: source.Store, Connection: connect()})
	require.NoError(t, err)
	require.NoError(t, source.Service.Serve(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(t, source.Service.Stop(ctx))
		require.NoError(t, source.Publisher.Stop(ctx))
		require.NoError(t, source.Store.Close())
		source.Service.Close()
	})
	return source, connect()
}

func request(t testing.TB, client *nats.Conn, subject, body string) {
	t.Helper()
	_, err := client.Request(subject, []byte(body), patience)
	require.NoError(t, err)
}

// series are the metrics of storebus by their names and labels, in the text format.
func series(t testing.TB, source metrics.Source) map[string]*dto.Metric {
	t.Helper()
	families, err := metrics.NewRegistry(source).Gather()
	require.NoError(t, err)
	found := map[string]*dto.Metric{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			labels := []string{}
			for _, label := range metric.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			name := family.GetName()
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			found[name] = metric
		}
	}
	return found
}

func value(metric *dto.Metric) float64 {
	return metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
}

func TestMetrics_NewHandler_Good(t *testing.T) {
	source, client := start(t, store.StoreConfig{})
	request(t, client, "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)
	page := httptest.NewServer(metrics.NewHandler(source))
	t.Cleanup(page.Close)
	response, err := http.Get(page.URL)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	for _, line := range []string{
		`storebus_requests_total{code="200",verb="set"} 1`, `storebus_keys{namespace="acme"} 1`, "storebus_writable 1",
		`storebus_build_info{durability="full",prefix="store",store="` + source.Store.ID() + `",version="1.2.3"} 1`,
		"go_goroutines ", "process_open_fds ",
	} {
		assert.Contains(t, string(body), line)
	}
}

func TestMetrics_NewRegistry_Good_IsWhatPrometheusAsksFor(t *testing.T) {
	source, client := start(t, store.StoreConfig{})
	request(t, client, "store.acme.set", `{"key":"theme","value":"dark"}`)
	request(t, client, "store.acme.get", `{"key":"absent"}`)
	request(t, client, "store.admin.quota", `{"namespace":"acme","max_keys":10}`)
	require.NoError(t, client.Publish("store.acme.get", []byte(`{"key":"absent"}`)))
	registry := metrics.NewRegistry(source)
	problems, err := testutil.GatherAndLint(registry)
	require.NoError(t, err)
	assert.Empty(t, problems)
	pedantic := prometheus.NewPedanticRegistry()
	require.NoError(t, pedantic.Register(metrics.NewCollector(source)))
	_, err = pedantic.Gather()
	assert.NoError(t, err)
}

func TestCollector_Collect_Good(t *testing.T) {
	source, client := start(t, store.StoreConfig{})
	for number := range 5 {
		request(t, client, "store.acme.set", fmt.Sprintf(`{"group":"config","key":"key-%d","value":"dark"}`, number))
	}
	request(t, client, "store.acme.get", `{"group":"config","key":"key-1"}`)
	request(t, client, "store.acme.get", `{"group":"config","key":"absent"}`)
	request(t, client, "store.acme.get", `{"group":"config"}`)
	request(t, client, "store.acme.get.config.key-2", "")
	request(t, client, "store.admin.quota", `{"namespace":"acme","max_keys":10,"max_groups":4}`)
	source.Service.Call(t.Context(), handler.Call{Address: subjects.Address{Namespace: "acme", Verb: subjects.VerbCount}})
	require.Eventually(t, func() bool { return source.Publisher.Health().Published == 5 }, patience, time.Millisecond)
	found := series(t, source)
	for name, wanted := range map[string]float64{
		`storebus_requests_total{code="200",verb="set"}`:            5,
		`storebus_requests_total{code="200",verb="get"}`:            1,
		`storebus_requests_total{code="404",verb="get"}`:            1,
		`storebus_requests_total{code="400",verb="get"}`:            1,
		`storebus_requests_total{code="200",verb="get_raw"}`:        1,
		`storebus_requests_total{code="200",verb="count"}`:          1,
		`storebus_requests_total{code="200",verb="delete"}`:         0,
		`storebus_revision{namespace="acme"}`:                       5,
		`storebus_keys{namespace="acme"}`:                           5,
		`storebus_groups{namespace="acme"}`:                         1,
		`storebus_bytes{namespace="acme"}`:                          5 * 15,
		`storebus_quota_ratio{namespace="acme",quota="max_keys"}`:   0.5,
		`storebus_quota_ratio{namespace="acme",quota="max_groups"}`: 0.25,
		"storebus_namespaces":                                       1,
		"storebus_writable":                                         1,
		"storebus_events_backlog":                                   0,
		"storebus_events_published_total":                           5,
		"storebus_journal_pending":                                  0,
		"storebus_queue_requests":                                   0,
		"storebus_queue_requests_limit":                             handler.DefaultQueueLimit,
	} {
		require.Contains(t, found, name)
		assert.InDelta(t, wanted, value(found[name]), 1e-9, name)
	}
	assert.NotContains(t, found, `storebus_quota_ratio{namespace="acme",quota="max_bytes"}`, "it has no such quota")
	assert.Positive(t, value(found["storebus_database_bytes"]))
	assert.Positive(t, value(found["storebus_disk_free_bytes"]))
	assert.Positive(t, value(found["storebus_log_oldest_seconds"]))
	for name, count := range map[string]uint64{
		`storebus_request_duration_seconds{verb="set"}`: 5, `storebus_request_duration_seconds{verb="get"}`: 3,
		"storebus_commit_duration_seconds": 5, "storebus_commit_batch_size": 5,
	} {
		histogram := found[name].GetHistogram()
		assert.Equal(t, count, histogram.GetSampleCount(), name)
		assert.Positive(t, histogram.GetSampleSum(), name)
		buckets := histogram.GetBucket()
		assert.Equal(t, count, buckets[len(buckets)-1].GetCumulativeCount(), "none takes longer than the largest limit: %s", name)
	}
	sizes := found["storebus_commit_batch_size"].GetHistogram()
	assert.InDelta(t, 5, sizes.GetSampleSum(), 1e-9)
	assert.Equal(t, uint64(5), sizes.GetBucket()[0].GetCumulativeCount(), "each by itself")
	assert.GreaterOrEqual(t, found["storebus_fsync_duration_seconds"].GetHistogram().GetSampleCount(), uint64(5))
}

func TestCollector_Collect_Good_WithoutFullDurability(t *testing.T) {
	source, client := start(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
	request(t, client, "store.acme.set", `{"key":"theme","value":"dark"}`)
	found := series(t, source)
	assert.Equal(t, uint64(1), found["storebus_commit_duration_seconds"].GetHistogram().GetSampleCount())
	assert.Zero(t, found["storebus_fsync_duration_seconds"].GetHistogram().GetSampleCount(), "no write waits for the disk")
}

func TestCollector_Collect_Ugly(t *testing.T) {
	t.Run("NoLabelGrowsWithWhatIsStored", func(t *testing.T) {
		source, _ := start(t, store.StoreConfig{})
		for number := range 1_150 {
			require.NoError(t, source.Store.Set(fmt.Sprintf("tenant-%04d:secret-group", number), "secret-key", strings.Repeat("x", number)))
		}
		require.NoError(t, source.Store.Set("other:secret-group", "secret-key", strings.Repeat("x", 5_000)))
		found := series(t, source)
		perNamespace, keys, groups := 0, 0.0, 0.0
		for name, metric := range found {
			assert.NotContains(t, name, "secret")
			if strings.HasPrefix(name, "storebus_keys{") {
				perNamespace++
				keys += value(metric)
			}
			if strings.HasPrefix(name, "storebus_groups{") {
				groups += value(metric)
			}
		}
		assert.Equal(t, 101, perNamespace)
		assert.InDelta(t, 1_151, keys, 1e-9, "nothing is left out of the sums")
		assert.InDelta(t, 1_151, groups, 1e-9)
		assert.InDelta(t, 1, value(found[`storebus_keys{namespace="tenant-1149"}`]), 1e-9, "the largest are shown")
		assert.InDelta(t, 1_051, value(found[`storebus_keys{namespace="other"}`]), 1e-9)
		assert.InDelta(t, 1, value(found[`storebus_keys{namespace="other_"}`]), 1e-9, "a namespace of that name is another")
		assert.NotContains(t, found, `storebus_revision{namespace="other"}`)
	})
	t.Run("AStoreThatIsClosedLeavesTheOtherFigures", func(t *testing.T) {
		source, client := start(t, store.StoreConfig{})
		request(t, client, "store.acme.set", `{"key":"theme","value":"dark"}`)
		require.NoError(t, source.Store.Close())
		found := series(t, source)
		assert.InDelta(t, 1, value(found[`storebus_requests_total{code="200",verb="set"}`]), 1e-9)
		assert.NotContains(t, found, "storebus_writable")
	})
}

// The table of operations.md has every metric, and no other.
func TestDescriptions_Documented_Good(t *testing.T) {
	page, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	documented := map[string]bool{}
	_, table, _ := strings.Cut(string(page), "\n## Metrics\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, name := range regexp.MustCompile("\\| `(storebus_[a-z_]+)").FindAllStringSubmatch(table, -1) {
		documented[name[1]] = true
	}
	described := map[string]bool{}
	descriptions := make(chan *prometheus.Desc, 100)
	source, _ := start(t, store.StoreConfig{})
	metrics.NewCollector(source).Describe(descriptions)
	close(descriptions)
	for description := range descriptions {
		described[regexp.MustCompile(`storebus_[a-z_]+`).FindString(description.String())] = true
	}
	assert.Equal(t, described, documented)
}
