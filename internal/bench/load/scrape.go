// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"dappco.re/go/storebus/internal/bench/report"
)

// scrapeInterval is the time between two scrapes of the metrics. Prometheus scrapes every
// 15 s by default, which is 150 times as long.
const scrapeInterval = 100 * time.Millisecond

// Scraper reads the metrics of a sidecar while a trial runs.
type Scraper struct {
	alone
	URL string
	// interval is the time between two scrapes; 0 is scrapeInterval.
	interval time.Duration

	stop  context.CancelFunc
	ended chan error
	count uint64
}

// Begin scrapes once before the clock starts: the first scrape opens the connection.
func (scraper *Scraper) Begin(ctx context.Context, _ *Loop) error {
	if err := scrape(ctx, scraper.URL); err != nil {
		return err
	}
	ctx, scraper.stop = context.WithCancel(ctx)
	scraper.ended = make(chan error, 1)
	go func() { scraper.ended <- scraper.run(ctx) }()
	return nil
}

// run scrapes until ctx ends.
func (scraper *Scraper) run(ctx context.Context) error {
	ticks := time.NewTicker(cmp.Or(scraper.interval, scrapeInterval))
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		if err := scrape(ctx, scraper.URL); err != nil && ctx.Err() == nil {
			return err
		}
		scraper.count++
	}
}

// End stops the scrapes, and returns the error of a failed one.
func (scraper *Scraper) End(context.Context) error {
	scraper.stop()
	return <-scraper.ended
}

// Note writes the number of scrapes.
func (scraper *Scraper) Note(round *report.Round) { round.Scrapes = scraper.count }

func scrape(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("scrape: %w", err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("scrape: %s", response.Status)
	}
	return errors.Join(err, response.Body.Close())
}
