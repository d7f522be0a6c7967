// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/web"
)

// brokerTimeout is how long the sidecar's own broker may take to listen.
const brokerTimeout = 10 * time.Second

// startBroker starts a broker inside this process, unless there is one to connect to.
func (sidecar *Sidecar) startBroker(context.Context) error {
	config := &sidecar.config
	if config.NATS.outside() {
		return nil
	}
	options, err := config.brokerOptions()
	if err != nil {
		return err
	}
	if err := checkFree(addressOf(options)); err != nil {
		return err
	}
	if sidecar.temporary, err = config.giveJetStreamFolder(options); err != nil {
		return err
	}
	broker, err := server.NewServer(options)
	if err != nil {
		return fmt.Errorf("the configuration of the broker: %w", err)
	}
	said := &brokerLogger{logger: config.Logger}
	if options.LogFile != "" || options.Syslog {
		broker.ConfigureLogger()
	} else {
		broker.SetLoggerV2(said, options.Debug, options.Trace, options.TraceVerbose)
	}
	sidecar.broker = broker
	broker.Start()
	if !broker.ReadyForConnections(brokerTimeout) {
		return fmt.Errorf("the broker does not listen at %s%s", addressOf(options), said.reason())
	}
	return nil
}

// checkAddresses tries the addresses if the database does not exist yet. If it exists, its
// own faults come first: the program at the address may be the one with the database.
func (config *Config) checkAddresses() error {
	if _, err := os.Lstat(config.DatabasePath); !errors.Is(err, fs.ErrNotExist) || config.DatabasePath == store.MemoryDatabase {
		return nil
	}
	if !config.NATS.outside() {
		address, err := config.brokerAddress()
		if err == nil {
			err = checkFree(address)
		}
		if err != nil {
			return err
		}
	}
	if config.HTTPAddress == "" || config.HTTPAnyPort {
		return nil
	}
	err := checkFree(config.HTTPAddress)
	if errors.Is(err, ErrAddressInUse) {
		return fmt.Errorf("%w: %s", web.ErrAddressInUse, config.HTTPAddress)
	}
	return err
}

// checkFree tries the address: the broker would only say in its log that it is taken.
func checkFree(address string) error {
	listener, err := net.Listen("tcp", address)
	if platform.IsAddressInUse(err) {
		return fmt.Errorf("%w: %s", ErrAddressInUse, address)
	}
	if err != nil {
		return err
	}
	return listener.Close()
}

// brokerURL is the address of the broker for clients on this machine.
func brokerURL(broker *server.Server) string {
	address, err := url.Parse(broker.ClientURL())
	if err != nil {
		return broker.ClientURL()
	}
	if ip := net.ParseIP(address.Hostname()); ip != nil && ip.IsUnspecified() {
		address.Host = net.JoinHostPort("127.0.0.1", address.Port())
	}
	return address.String()
}

// brokerLogger passes on the broker's messages for the operator.
type brokerLogger struct {
	logger *slog.Logger
	// fatal is the last message before the broker ended, nil if there is none.
	fatal atomic.Pointer[string]
}

// Debugf and Tracef say something only if the configuration of the broker asks for that.
func (broker *brokerLogger) Debugf(format string, values ...any) {
	broker.log(slog.LevelDebug, format, values)
}

func (broker *brokerLogger) Tracef(format string, values ...any) {
	broker.log(slog.LevelDebug, format, values)
}

// Noticef is about the broker's start and end.
func (broker *brokerLogger) Noticef(format string, values ...any) {
	broker.log(slog.LevelDebug, format, values)
}

func (broker *brokerLogger) Warnf(format string, values ...any) {
	broker.log(slog.LevelWarn, format, values)
}

func (broker *brokerLogger) Errorf(format string, values ...any) {
	broker.log(slog.LevelError, format, values)
}

func (broker *brokerLogger) Fatalf(format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	broker.fatal.Store(&text)
	broker.log(slog.LevelError, format, values)
}

func (broker *brokerLogger) log(level slog.Level, format string, values []any) {
	broker.logger.Log(context.Background(), level, "the broker says", "text", strings.TrimSpace(fmt.Sprintf(format, values...)))
}

// reason returns why the broker has ended, as the end of a sentence.
func (broker *brokerLogger) reason() string {
	if text := broker.fatal.Load(); text != nil {
		return ": " + strings.TrimSpace(*text)
	}
	return ""
}
