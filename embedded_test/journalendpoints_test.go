// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/stretchr/testify/require"
)

// endpoint is a real server for the delivery of points.
type endpoint interface {
	URL() string
	start(t *testing.T)
	// stop ends the server and keeps every point it has acknowledged.
	stop(t *testing.T)
}

// storedPoint is a point in an endpoint.
type storedPoint struct {
	time   int64 // Unix nanoseconds
	fields map[string]any
	tags   map[string]string
}

// installed returns the path of an installed Go program. It skips the test if there is
// none.
func installed(t *testing.T, program string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	output, err := exec.Command("go", "env", "GOBIN", "GOPATH").Output()
	require.NoError(t, err)
	folders := strings.Split(string(output), "\n")
	path := filepath.Join(folders[0], program)
	if folders[0] == "" {
		path = filepath.Join(folders[1], "bin", program)
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not installed: .ci/run installs it", program)
	}
	return path
}

// freeAddress is an address without a listener.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

// fetch sends a request to a server, and returns the body of the response.
func fetch(t *testing.T, method, address string) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return body
}

// influxConfiguration is the configuration of an InfluxDB 1.8 in a folder, at an address.
const influxConfiguration = `reporting-disabled = true
bind-address = "127.0.0.1:0"
[meta]
  dir = %[1]q
[data]
  dir = %[2]q
  wal-dir = %[3]q
[http]
  bind-address = %[4]q
  log-enabled = false
  flux-enabled = true
[monitor]
  store-enabled = false
`

// influx is a real InfluxDB. A test can kill and restart it.
type influx struct {
	binary, configuration, address string
	process                        *process
}

// startInflux starts an InfluxDB with an empty database b.
func startInflux(t *testing.T) *influx {
	t.Helper()
	folder := memoryFolder(t) // it syncs a file for each new field
	started := &influx{binary: installed(t, "influxd"), configuration: filepath.Join(folder, "influxd.conf"), address: freeAddress(t)}
	configuration := fmt.Sprintf(influxConfiguration, filepath.Join(folder, "meta"), filepath.Join(folder, "data"), filepath.Join(folder, "wal"), started.address)
	require.NoError(t, os.WriteFile(started.configuration, []byte(configuration), 0o600))
	started.start(t)
	started.query(t, "CREATE DATABASE b")
	return started
}

func (influx *influx) URL() string { return "http://" + influx.address }

func (influx *influx) start(t *testing.T) {
	t.Helper()
	influx.process = startProcess(t, influx.binary, nil, "-config", influx.configuration)
	influx.process.says(t, "Listening on HTTP")
}

// stop kills InfluxDB: acknowledged points are on disk.
func (influx *influx) stop(t *testing.T) {
	t.Helper()
	influx.process.kill(t)
}

// write writes a line to database b.
func (influx *influx) write(t *testing.T, line string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, influx.URL()+"/write?db=b", strings.NewReader(line))
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusNoContent, response.StatusCode)
}

// influxSeries is the part of an answer with the rows of one combination of tags.
type influxSeries struct {
	Columns []string
	Tags    map[string]string
	Values  [][]any
}

func (influx *influx) query(t *testing.T, query string) []influxSeries {
	t.Helper()
	body := fetch(t, http.MethodPost, influx.URL()+"/query?"+url.Values{"db": {"b"}, "epoch": {"ns"}, "q": {query}}.Encode())
	var answer struct {
		Results []struct {
			Error  string
			Series []influxSeries
		}
	}
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&answer), "%s", body)
	require.Len(t, answer.Results, 1)
	require.Empty(t, answer.Results[0].Error)
	return answer.Results[0].Series
}

// count is the number of values of a field of measurement m, counted by the server.
func (influx *influx) count(t *testing.T, field string) int64 {
	t.Helper()
	series := influx.query(t, "SELECT count("+field+") FROM m")
	if len(series) == 0 {
		return 0
	}
	return wholeNumber(t, series[0].Values[0][1])
}

// read returns the points of measurement m by their field n, with repetitions.
func (influx *influx) read(t *testing.T) map[int64][]storedPoint {
	t.Helper()
	points := map[int64][]storedPoint{}
	for _, series := range influx.query(t, "SELECT * FROM m GROUP BY *") {
		for _, row := range series.Values {
			point := storedPoint{fields: map[string]any{}, tags: series.Tags}
			for index, column := range series.Columns {
				if column == "time" {
					point.time = wholeNumber(t, row[index])
				} else if row[index] != nil {
					point.fields[column] = row[index]
				}
			}
			number := wholeNumber(t, point.fields["n"])
			points[number] = append(points[number], point)
		}
	}
	return points
}

func wholeNumber(t *testing.T, value any) int64 {
	t.Helper()
	number, ok := value.(json.Number)
	require.True(t, ok, "%v", value)
	whole, err := number.Int64()
	require.NoError(t, err)
	return whole
}

// victoria is a real VictoriaMetrics.
type victoria struct {
	binary, folder, address string
	process                 *process
}

func startVictoria(t *testing.T) *victoria {
	t.Helper()
	started := &victoria{binary: installed(t, "victoria-metrics"), folder: t.TempDir(), address: freeAddress(t)}
	started.start(t)
	return started
}

func (victoria *victoria) URL() string { return "http://" + victoria.address }

func (victoria *victoria) start(t *testing.T) {
	t.Helper()
	// Without the deduplication, a point that was sent twice would be stored twice.
	victoria.process = startProcess(t, victoria.binary, nil, "-httpListenAddr="+victoria.address, "-storageDataPath="+victoria.folder,
		"-retentionPeriod=100y", "-memory.allowedBytes=256MB", "-dedup.minScrapeInterval=1ms")
	victoria.process.says(t, "started server at http")
}

// stop terminates VictoriaMetrics. A kill would lose its last seconds of acknowledged
// points.
func (victoria *victoria) stop(t *testing.T) {
	t.Helper()
	require.Zero(t, victoria.process.terminate(t))
}

// victoriaSeries is a line of an export: the values of one field and one combination of
// tags.
type victoriaSeries struct {
	Metric     map[string]string `json:"metric"`
	Values     []float64         `json:"values"`
	Timestamps []int64           `json:"timestamps"`
}

// export reads every series. A new point appears with a delay, so export repeats the
// request until the export has enough values or patience is over.
func (victoria *victoria) export(t *testing.T, values int) (every []victoriaSeries) {
	t.Helper()
	for begun := time.Now(); ; {
		fetch(t, http.MethodGet, victoria.URL()+"/internal/force_flush")
		body := fetch(t, http.MethodPost, victoria.URL()+"/api/v1/export?"+url.Values{"match[]": {`{__name__=~"m_.*"}`}, "reduce_mem_usage": {"0"}}.Encode())
		every = nil
		found := 0
		for decoder := json.NewDecoder(strings.NewReader(string(body))); decoder.More(); {
			var series victoriaSeries
			require.NoError(t, decoder.Decode(&series))
			every, found = append(every, series), found+len(series.Values)
		}
		if found >= values || time.Since(begun) > patience {
			require.Equal(t, values, found)
			return every
		}
	}
}

// read assembles points from their fields, by their tags and times.
func (victoria *victoria) read(t *testing.T, points int64) map[int64][]storedPoint {
	t.Helper()
	byPlace := map[string]*storedPoint{}
	var places []string
	for _, series := range victoria.export(t, int(points)*len(numberedFields(1))) {
		field := strings.TrimPrefix(series.Metric["__name__"], "m_")
		delete(series.Metric, "__name__")
		for index, value := range series.Values {
			place := fmt.Sprint(series.Metric, series.Timestamps[index])
			if byPlace[place] == nil {
				byPlace[place] = &storedPoint{time: series.Timestamps[index] * int64(time.Millisecond), fields: map[string]any{}, tags: series.Metric}
				places = append(places, place)
			}
			byPlace[place].fields[field] = value
		}
	}
	stored := map[int64][]storedPoint{}
	for _, place := range places {
		number, ok := byPlace[place].fields["n"].(float64)
		require.True(t, ok, place)
		stored[int64(number)] = append(stored[int64(number)], *byPlace[place])
	}
	return stored
}

// standIn accepts points as InfluxDB 2 does: if one point is bad, it refuses the whole
// batch.
type standIn struct {
	*httptest.Server

	mutex sync.Mutex
	// bad returns the fault in the fields of a point, "" if there is none.
	bad func(fields map[string]any) string
	// before, if not nil, is called before each answer.
	before   func()
	points   map[string]map[string]any // by their lines without the fields
	requests int
}

func startStandIn(t *testing.T) *standIn {
	t.Helper()
	started := &standIn{points: map[string]map[string]any{}, bad: func(map[string]any) string { return "" }}
	started.Server = httptest.NewServer(started)
	t.Cleanup(started.Close)
	return started
}

func (standIn *standIn) refuse(bad func(fields map[string]any) string) {
	standIn.mutex.Lock()
	defer standIn.mutex.Unlock()
	standIn.bad = bad
}

func (standIn *standIn) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	standIn.mutex.Lock()
	defer standIn.mutex.Unlock()
	standIn.requests++
	if standIn.before != nil {
		standIn.before()
	}
	points, problem := standIn.parse(request.Body)
	if problem != "" {
		writer.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(writer).Encode(map[string]string{"code": "invalid", "message": problem})
		return
	}
	for place, fields := range points {
		standIn.points[place] = fields
	}
	writer.WriteHeader(http.StatusNoContent)
}

func (standIn *standIn) parse(body io.Reader) (points map[string]map[string]any, problem string) {
	points = map[string]map[string]any{}
	text, err := gzip.NewReader(body)
	if err != nil {
		return nil, err.Error()
	}
	for decoder := lineprotocol.NewDecoder(text); decoder.Next(); {
		place, fields, err := parseLine(decoder)
		if err != nil {
			return nil, "unable to parse: " + err.Error()
		}
		if problem := standIn.bad(fields); problem != "" {
			return nil, problem
		}
		points[place] = fields
	}
	return points, ""
}

func parseLine(decoder *lineprotocol.Decoder) (place string, fields map[string]any, err error) {
	measurement, err := decoder.Measurement()
	place = fmt.Sprintf("%q", measurement)
	for err == nil {
		var key, value []byte
		if key, value, err = decoder.NextTag(); key == nil {
			break
		}
		place += fmt.Sprintf(" %q=%q", key, value)
	}
	fields = map[string]any{}
	for err == nil {
		var key []byte
		var value lineprotocol.Value
		if key, value, err = decoder.NextField(); key == nil {
			break
		}
		fields[string(key)] = value.Interface()
	}
	if err != nil {
		return "", nil, err
	}
	at, err := decoder.Time(lineprotocol.Nanosecond, time.Time{})
	return fmt.Sprint(place, at.UnixNano()), fields, err
}

// stored returns the fields n of the stored points in no order, and the number of requests.
func (standIn *standIn) stored() (numbers []int64, requests int) {
	standIn.mutex.Lock()
	defer standIn.mutex.Unlock()
	for _, fields := range standIn.points {
		number, _ := fields["n"].(int64)
		numbers = append(numbers, number)
	}
	return numbers, standIn.requests
}
