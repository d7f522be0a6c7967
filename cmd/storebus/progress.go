// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"dappco.re/go/storebus/client"
)

// longTimeout is how long a command waits for long work if nothing else is said.
const longTimeout = 24 * time.Hour

// progressInterval is the time between two looks at how far long work has come. A test
// does not wait for that.
var progressInterval = time.Second

// clearLine goes back to the beginning of a line of a terminal, and empties it.
const clearLine = "\r\x1b[K"

// patiently gives a context for long work, which is waited for unless --timeout is given.
func (call *call) patiently(ctx context.Context) (context.Context, context.CancelFunc) {
	if call.command.IsSet(timeoutFlag) {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, longTimeout)
}

// showProgress shows on standard error how far work has come, if that is a terminal and
// while tell has something to say. The line is gone when the work is done.
func (call *call) showProgress(ctx context.Context, tell func(context.Context) string, work func(context.Context) error) error {
	output := call.command.Root().ErrWriter
	if isTerminal(output) {
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		defer keepTelling(ctx, output, ticker.C, tell)()
	}
	return work(ctx)
}

// keepTelling writes what tell says, on one line, whenever ticks comes, until the function
// that it returns is called.
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

// observer gives a client that prints no replies, to look at the work of another.
func (call *call) observer() (*client.Client, error) {
	return client.New(call.connection, client.Config{
		Prefix: call.command.String(prefixFlag), Timeout: call.command.Duration(timeoutFlag), Patience: -1,
	})
}

// sinceText gives the time that has passed, in whole seconds.
func sinceText(began time.Time) string { return now().Sub(began).Round(time.Second).String() }
