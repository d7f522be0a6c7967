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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/stage"
)

func TestJournal_Run_Good(t *testing.T) {
	t.Parallel()
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
	settings.Journal = stage.Journal{URL: endpoint.URL, Organisation: "o", Bucket: "b", TokenFile: token}
	found, _ := runReport(t, settings)
	checkResults(t, found)
	require.Equal(t, []string{"journal"}, namesOf(found))
	median := found.Cases[0].Median
	require.NotNil(t, median.Lag)
	assert.GreaterOrEqual(t, median.Lag.P99, median.Lag.P50)
	assert.Positive(t, asked.Load())
	assert.Len(t, found.Ratios, 2)
}

func TestJournal_Run_Bad(t *testing.T) {
	t.Parallel()
	endpoint := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		// It accepts the comment of a probe, and no point.
		if request.ContentLength > 60 {
			http.Error(writer, "no", http.StatusBadRequest)
			return
		}
		writer.WriteHeader(http.StatusNoContent)
	}))
	defer endpoint.Close()
	settings := shortSettings(t, "journal")
	settings.Journal = stage.Journal{URL: endpoint.URL, Bucket: "b"}
	assert.ErrorContains(t, Run(t.Context(), settings, io.Discard, io.Discard), "the endpoint has refused ")
}
