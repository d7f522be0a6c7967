// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"

	"dappco.re/go/storebus/metrics"
	"dappco.re/go/storebus/web"
)

// startWeb listens for HTTP before the broker is there: why a sidecar is not ready can be
// asked while it waits.
func (sidecar *Sidecar) startWeb(context.Context) (err error) {
	config := &sidecar.config
	if config.HTTPAddress == "" {
		return nil
	}
	sidecar.web, err = web.Start(web.Config{
		Address: config.HTTPAddress, AnyPort: config.HTTPAnyPort, TokenFile: config.HTTPTokenFile, Ready: sidecar.notReady, Logger: config.Logger,
	})
	return err
}

// openWeb serves HTTP. Without a token it shows values only if the broker also gives them to
// anybody.
func (sidecar *Sidecar) openWeb(context.Context) error {
	sidecar.showOnWeb(sidecar.bus.Load())
	sidecar.running.Store(true)
	return nil
}

// showOnWeb has HTTP serve from a bus.
func (sidecar *Sidecar) showOnWeb(joined *bus) {
	if sidecar.web == nil {
		return
	}
	sidecar.web.Open(web.Backend{
		Service: joined.service,
		Metrics: metrics.NewHandler(metrics.Source{
			Store: sidecar.store, Service: joined.service, Publisher: joined.publisher, Version: Version, Logger: sidecar.config.Logger,
		}),
		Open: sidecar.broker != nil && !joined.requests.AuthRequired(),
	})
}

func (sidecar *Sidecar) stopWeb(ctx context.Context) {
	if sidecar.web == nil {
		return
	}
	if err := sidecar.web.Stop(ctx); err != nil {
		sidecar.config.Logger.Warn("stopped with HTTP requests in hand", "error", err)
	}
}

// HTTPURL returns the address of the page for a browser on this machine, or "" without HTTP.
//
//	fmt.Println(sidecar.HTTPURL()) // http://127.0.0.1:4280/
func (sidecar *Sidecar) HTTPURL() string {
	if !sidecar.started() || sidecar.web == nil {
		return ""
	}
	return sidecar.web.URL()
}
