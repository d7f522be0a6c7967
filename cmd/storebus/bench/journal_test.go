// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestJournal_Run_Good(t *testing.T) {
	var asked atomic.Int64
	endpoint := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		asked.Add(1)
		assert.Equal(t, "Token secret", request.Header.Get("Authorization"))
		assert.Equal(t, "org=o&bucket=b&precision=ns", "org="+request.FormValue("org")+"&bucket="+request.FormValue("bucket")+"&precision="+request.FormValue("precision"))
		writer.WriteHeader(http.StatusNoContent)
	}))
	defer endpoint.Close()
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte("secret\n"), 0o600))
	settings := shortSettings(t, "journal")
	settings.Journal = Journal{URL: endpoint.URL, Organisation: "o", Bucket: "b", TokenFile: token}
	report, _ := runReport(t, settings)
	checkResults(t, report)
	require.Equal(t, []string{"journal"}, namesOf(report))
	median := report.Cases[0].Median
	require.NotNil(t, median.Lag)
	assert.GreaterOrEqual(t, median.Lag.P99, median.Lag.P50)
	assert.Positive(t, asked.Load())
	assert.Len(t, report.Ratios, 2)
}

func TestJournal_Run_Bad(t *testing.T) {
	endpoint := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		// It takes the comment that is asked with, and no point.
		if request.ContentLength > 60 {
			http.Error(writer, "no", http.StatusBadRequest)
			return
		}
		writer.WriteHeader(http.StatusNoContent)
	}))
	defer endpoint.Close()
	settings := shortSettings(t, "journal")
	settings.Journal = Journal{URL: endpoint.URL, Bucket: "b"}
	assert.ErrorContains(t, Run(t.Context(), settings, io.Discard, io.Discard), "the endpoint has refused ")
}

func TestJournal_DeliveriesOf_Good(t *testing.T) {
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	points := []moment{{1, at(1)}, {3, at(2)}, {2, at(2)}, {9, at(3)}}
	looks := []moment{{0, at(4)}, {2, at(5)}, {3, at(6)}, {3, at(7)}}
	assert.Equal(t, []moment{{1, at(5)}, {3, at(6)}, {2, at(5)}}, deliveriesOf(points, looks))
}
