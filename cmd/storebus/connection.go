// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/internal/broker"
	"dappco.re/go/storebus/subjects"
)

// The flags that every client command has.
const (
	natsFlag    = "nats"
	contextFlag = "context"
	prefixFlag  = "prefix"
	timeoutFlag = "timeout"
)

// ifRevisionFlag is what a conditional write is given.
const ifRevisionFlag = "if-revision"

// reconnectPause is how long a lasting command waits between two attempts to reach
// the broker again.
const reconnectPause = 500 * time.Millisecond

// sharedFlags gives the flags that every client command has, or every one that needs
// no sidecar. Each command needs its own: a flag keeps its value.
func (declared *clientCommand) sharedFlags() []cli.Flag {
	prefix := &cli.StringFlag{
		Name: prefixFlag, Value: subjects.DefaultPrefix, Sources: cli.EnvVars("STOREBUS_PREFIX"),
		Usage: "what every subject begins with, the `PREFIX` that the sidecar was started with",
	}
	if declared.local {
		return append([]cli.Flag{prefix}, formatFlags()...)
	}
	return append([]cli.Flag{
		&cli.StringFlag{
			Name: natsFlag, Value: nats.DefaultURL, Sources: cli.EnvVars("STOREBUS_NATS", "NATS_URL"),
			Usage: "the `URL` of the broker, or several with commas between them",
		},
		&cli.StringFlag{
			Name:  contextFlag,
			Usage: "the `NAME` of a NATS context; the selected one is used where neither this nor --nats is given",
		},
		prefix,
		&cli.DurationFlag{
			Name: timeoutFlag, Value: client.DefaultTimeout, Sources: cli.EnvVars("STOREBUS_TIMEOUT"),
			Usage: "how long to wait for the broker and for a reply, a `DURATION`",
		},
	}, formatFlags()...)
}

func newIfRevisionFlag(effect string) cli.Flag {
	return &cli.Uint64Flag{Config: decimalDigits, Name: ifRevisionFlag, Usage: effect + " only if the key stands at `REVISION`, 0 for a key that is not there"}
}

// connect opens the connection to the broker that the flags and variables name.
func (call *call) connect(declared *clientCommand) (*nats.Conn, error) {
	timeout := call.command.Duration(timeoutFlag)
	if timeout <= 0 {
		return nil, declared.usageError(fmt.Sprintf("--timeout is %s, and it must be more than nothing", timeout))
	}
	if call.given[natsFlag] && call.given[contextFlag] {
		return nil, declared.usageError("--nats and --context both say where the broker is")
	}
	var servers []string
	options := append(connectOptions(declared, timeout), func(options *nats.Options) error {
		servers = options.Servers
		return nil
	})
	connection, err := call.dial(options)
	if errors.Is(err, nats.ErrNoServers) {
		return nil, fmt.Errorf("connect to %s (is storebus serve running there?): %w", brokerNames(servers), brokerError{err})
	}
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", brokerNames(servers), brokerError{err})
	}
	return connection, nil
}

// dial connects to what was named most plainly: a flag, then a variable, then the
// selected context, then the default.
func (call *call) dial(options []nats.Option) (*nats.Conn, error) {
	target := broker.Target{Context: call.command.String(contextFlag)}
	if !call.given[contextFlag] && call.command.IsSet(natsFlag) {
		target.URL = call.command.String(natsFlag)
	}
	return broker.Connect(target, options...)
}

func connectOptions(declared *clientCommand, timeout time.Duration) []nats.Option {
	options := []nats.Option{
		nats.Name("storebus " + declared.name),
		nats.Timeout(timeout),
		// The library would print it. What matters of it is in the error of the call.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if !declared.lasting {
		return append(options, nats.NoReconnect())
	}
	// Whoever is refused may be let in again, with the secret that the context holds then.
	return append(options, nats.MaxReconnects(-1), nats.ReconnectWait(reconnectPause), nats.IgnoreAuthErrorAbort())
}

// brokerNames gives the addresses that were tried, without passwords.
func brokerNames(servers []string) string {
	if len(servers) == 0 {
		return nats.DefaultURL
	}
	names := make([]string, len(servers))
	for index, server := range servers {
		names[index] = "a broker whose URL cannot be read"
		if address, err := url.Parse(server); err == nil {
			names[index] = address.Redacted()
		}
	}
	return strings.Join(names, ", ")
}

// brokerError is the error of a connection that could not be made.
type brokerError struct{ error }

func (failure brokerError) Is(target error) bool { return target == errBroker }

func (failure brokerError) Unwrap() error { return failure.error }
