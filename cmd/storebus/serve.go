// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/web"
)

const serveExamples = `
EXAMPLES:
   storebus serve
      use an embedded broker at 127.0.0.1:4222, and the database in ./data
   storebus serve --listen 127.0.0.1:0 --database :memory:
      use an embedded broker at a free port, and keep nothing on disk
   storebus serve --nats nats://broker:4222 --creds /etc/storebus.creds
      use an outside broker
   storebus serve --prefix berlin.store --change-retention-age 72h --cache-bytes 256MiB
      use other subjects, keep changes for longer, and cache more
   storebus serve --check --nats nats://broker:4222
      check everything that this start needs, and end
`

// seeHelp ends the errors of a command line that the help explains.
const seeHelp = "; see storebus serve --help"

func serveCommand() *cli.Command {
	return &cli.Command{
		Name:  "serve",
		Usage: "run the store",
		Description: "Serves one SQLite database on NATS until it is interrupted or terminated. When storebus is ready it prints one line " +
			"on standard output, which begins with \"storebus ready\" and names the broker. The banner and the log go to standard error.\n\n" +
			"Each flag has a variable: --journal-url is STOREBUS_JOURNAL_URL. A flag overrides its variable. storebus uses an outside broker " +
			"only if --nats, STOREBUS_NATS or --context names one.",
		Flags:              serveFlags(),
		CustomHelpTemplate: cli.CommandHelpTemplate + serveExamples,
		HideHelpCommand:    true,
		Action:             serve,
	}
}

// serve runs a sidecar until a signal arrives, or until the sidecar fails.
func serve(ctx context.Context, command *cli.Command) error {
	if command.Args().Present() {
		return fmt.Errorf("%w: serve takes no words, and was given %q"+seeHelp, errUsage, command.Args().Slice())
	}
	serving, err := newServing(command)
	if err != nil {
		return err
	}
	config, err := serveConfig(command)
	if err != nil {
		return serving.logged(err)
	}
	if command.Bool(checkFlag) {
		return serving.logged(serving.check(ctx, config))
	}
	tuneCollector(config)
	config.Logger = serving.logger
	return serving.logged(serving.run(ctx, config))
}

// run starts the sidecar, and stops it with the first signal.
func (serving *serving) run(ctx context.Context, config storebus.Config) error {
	ctx, stop := serving.untilSignal(ctx)
	defer stop()
	serving.notifyStarting()
	sidecar, err := storebus.Start(ctx, config)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil // the signal came before there was anything to end
		}
		return explained(err)
	}
	serving.greet(ctx, sidecar, &config)
	announce(serving.output, sidecar, config.DatabasePath)
	serving.notifyReady(sidecar)
	go serving.feedWatchdog(ctx, sidecar)
	if config.BrokerConfigFile != "" {
		defer serving.reloadOnHangUp(sidecar)()
	}
	select {
	case <-ctx.Done():
		serving.logger.Info("stopping")
	case <-sidecar.Done():
	}
	serving.notifyStopping()
	return errors.Join(sidecar.Err(), sidecar.Close())
}

// reloadOnHangUp has SIGHUP read the configuration of the broker again, until the returned function is
// called.
func (serving *serving) reloadOnHangUp(sidecar *storebus.Sidecar) (end func()) {
	signals, ended := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		for {
			select {
			case <-ended:
				return
			case <-signals:
			}
			if err := sidecar.ReloadBroker(); err != nil {
				serving.logger.Error("the configuration of the broker was not taken: it stays as it was", "error", err)
			} else {
				serving.logger.Info("the broker has read its configuration again")
			}
		}
	}()
	return func() {
		signal.Stop(signals)
		close(ended)
	}
}

// untilSignal returns a context that ends with the first signal. The second ends the
// program at once: committed writes are on disk.
func (serving *serving) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	ended := make(chan struct{})
	go func() {
		for count := 0; ; count++ {
			select {
			case <-ended:
				return
			case <-signals:
			}
			if count > 0 {
				serving.endedAtOnce()
				os.Exit(exitFailed)
			}
			cancel()
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(ended)
		cancel()
	}
}

// explained adds a remedy to an error if a flag is the remedy.
func explained(err error) error {
	switch {
	case errors.Is(err, storebus.ErrOpenToAll):
		return fmt.Errorf("%w: %w; use a broker with users, by --broker-config FILE or --nats URL, or a --listen address such as %s; --insecure listens all the same",
			errUsage, err, storebus.DefaultListen)
	case errors.Is(err, storebus.ErrConfig):
		return fmt.Errorf("%w: %w"+seeHelp, errUsage, err)
	case errors.Is(err, web.ErrAddressInUse):
		return fmt.Errorf("%w: choose another address with --http, or none with --http ''", err)
	case errors.Is(err, storebus.ErrAddressInUse):
		return fmt.Errorf("%w: if a NATS server is there, use it with --nats URL; else choose another address with --listen", err)
	}
	return err
}
