// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"dappco.re/go/storebus/client"
)

// longTimeout is the time that a command waits for long work, if --timeout is not given.
const longTimeout = 24 * time.Hour

// progressInterval is the time between two questions about the progress of long work. A
// test sets it to almost nothing.
var progressInterval = time.Second

// clearLine returns to the beginning of a terminal's line, and empties it.
const clearLine = "\r\x1b[K"

// patiently returns a context for long work. Unless --timeout is given, it ends after
// longTimeout.
func (call *call) patiently(ctx context.Context) (context.Context, context.CancelFunc) {
	if call.command.IsSet(timeoutFlag) {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, longTimeout)
}

// showProgress shows the progress of work on standard error, if that is a terminal. tell
// returns the text, "" if there is none. The line disappears when the work is done.
func (call *call) showProgress(ctx context.Context, tell func(context.Context) string, work func(context.Context) error) error {
	output := call.command.Root().ErrWriter
	if isTerminal(output) {
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		defer keepTelling(ctx, output, ticker.C, tell)()
	}
	return work(ctx)
}

// keepTelling writes the text of tell on one line at every tick. The returned function
// stops it.
func keepTelling(ctx context.Context, output io.Writer, ticks <-chan time.Time, tell func(context.Context) string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		told := false
		for {
			select {
			case <-ctx.Done():
				if told {
					fmt.Fprint(output, clearLine)
				}
				return
			case <-ticks:
			}
			if text := tell(ctx); text != "" {
				fmt.Fprint(output, clearLine+text)
				told = true
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// observer returns a client that prints no replies. It watches the work of another client.
func (call *call) observer() (*client.Client, error) {
	return client.New(call.connection, client.Config{
		Prefix: call.command.String(prefixFlag), Timeout: call.command.Duration(timeoutFlag), Patience: -1,
	})
}

// sinceText returns the time since began, in whole seconds.
func sinceText(began time.Time) string { return now().Sub(began).Round(time.Second).String() }
