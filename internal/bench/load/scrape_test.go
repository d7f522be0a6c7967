// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/report"
)

func TestScrape_Scraper_Good(t *testing.T) {
	scraped := make(chan string)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) { scraped <- request.URL.Path }))
	defer server.Close()
	scraper := &Scraper{URL: server.URL + "/metrics", interval: time.Millisecond}
	begun := make(chan error, 1)
	go func() { begun <- scraper.Begin(t.Context(), nil) }()
	assert.Equal(t, "/metrics", <-scraped, "before the clock starts")
	require.NoError(t, <-begun)
	for range 3 {
		assert.Equal(t, "/metrics", <-scraped)
	}
	ended := make(chan error, 1)
	go func() { ended <- scraper.End(t.Context()) }()
	for waiting := true; waiting; {
		select {
		case err := <-ended:
			require.NoError(t, err)
			waiting = false
		case <-scraped: // one may be under way
		}
	}
	var round report.Round
	scraper.Note(&round)
	assert.GreaterOrEqual(t, round.Scrapes, uint64(2))
}

func TestScrape_Scraper_Bad(t *testing.T) {
	answered := 0
	refused := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		if answered++; answered > 1 {
			writer.WriteHeader(http.StatusServiceUnavailable)
			refused <- struct{}{}
		}
	}))
	scraper := &Scraper{URL: server.URL, interval: time.Millisecond}
	require.NoError(t, scraper.Begin(t.Context(), nil))
	<-refused
	err := <-scraper.ended
	require.ErrorContains(t, err, "503")
	scraper.ended <- err
	require.ErrorContains(t, scraper.End(t.Context()), "503", "a sidecar that is not scraped is not compared")
	server.Close()
	require.ErrorContains(t, scraper.Begin(t.Context(), nil), "scrape: ")
}
