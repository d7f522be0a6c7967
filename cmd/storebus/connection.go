// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// The flags that every client command has.
const (
	natsFlag    = "nats"
	contextFlag = "context"
	prefixFlag  = "prefix"
	timeoutFlag = "timeout"
)

// The flags for the credentials of the connection.
const (
	userFlag        = "user"
	passwordFlag    = "password"
	credsFlag       = "creds"
	nkeyFlag        = "nkey"
	tlsCertFlag     = "tlscert"
	tlsKeyFlag      = "tlskey"
	tlsCAFlag       = "tlsca"
	inboxPrefixFlag = "inbox-prefix"
)

// connectionCategory is the heading in the help for the flags of the connection.
const connectionCategory = "Connection (a flag overrides a variable, and a variable overrides a context)"

// ifRevisionFlag holds the revision that a conditional write expects.
const ifRevisionFlag = "if-revision"

// reconnectPause is the pause of a lasting command between two attempts to reach the broker
// again.
const reconnectPause = 500 * time.Millisecond

// sharedFlags returns the flags of every client command, or of every local command. Each
// command needs its own: a flag keeps its value.
func (declared *clientCommand) sharedFlags() []cli.Flag {
	if declared.local {
		return formatFlags()
	}
	return append(append(connectionFlags(),
		newPrefixFlag(),
		&cli.DurationFlag{
			Name: timeoutFlag, Value: client.DefaultTimeout, Sources: cli.EnvVars("STOREBUS_TIMEOUT"),
			Usage: "wait this `DURATION` for the broker, and for a reply",
		},
	), formatFlags()...)
}

func newPrefixFlag() cli.Flag {
	return &cli.StringFlag{
		Name: prefixFlag, Value: subjects.DefaultPrefix, Sources: cli.EnvVars("STOREBUS_PREFIX"),
		Usage: "the `PREFIX` of all subjects; the sidecar must be started with the same",
	}
}

// connectionFlags have the names and variables of the nats command line tool.
func connectionFlags() []cli.Flag {
	text := func(name, usage string, variables ...string) cli.Flag {
		return &cli.StringFlag{Category: connectionCategory, Name: name, Sources: cli.EnvVars(variables...), Usage: usage}
	}
	return []cli.Flag{
		&cli.StringFlag{
			Category: connectionCategory, Name: natsFlag, Aliases: []string{"server", "s"}, Value: nats.DefaultURL,
			Sources: cli.EnvVars("STOREBUS_NATS", "NATS_URL"),
			Usage:   "the `URL` of the broker, or several with commas between them; a URL replaces the NATS context",
		},
		text(contextFlag, "the `NAME` of a NATS context; its settings override all variables (default: the selected context, unless --nats is given)",
			"NATS_CONTEXT"),
		text(userFlag, "the `NAME` of a user; if no password is given, the name is sent as a token", "NATS_USER"),
		text(passwordFlag, "the `PASSWORD` of the user; put it into the variable, because other users of the machine can read flags", "NATS_PASSWORD"),
		text(credsFlag, "a credentials `FILE`", "NATS_CREDS"),
		text(nkeyFlag, "a `FILE` with the seed of an NKey", "NATS_NKEY"),
		text(tlsCertFlag, "a `FILE` with the certificate of the client", "NATS_CERT"),
		text(tlsKeyFlag, "a `FILE` with the private key of the client", "NATS_KEY"),
		text(tlsCAFlag, "a `FILE` with the certificate authorities for the certificate of the broker", "NATS_CA"),
		text(inboxPrefixFlag, "the `SUBJECT` that all inboxes begin with", "STOREBUS_INBOX_PREFIX"),
	}
}

func newIfRevisionFlag(usage string) cli.Flag {
	return &cli.Uint64Flag{Config: decimalDigits, Name: ifRevisionFlag, Usage: usage}
}

// connect opens the connection to the broker that the flags and variables name.
func (call *call) connect(declared *clientCommand) (*nats.Conn, error) {
	timeout := call.command.Duration(timeoutFlag)
	if timeout <= 0 {
		return nil, declared.usageError(fmt.Sprintf("--timeout is %s, and it must be more than nothing", timeout))
	}
	config, err := call.broker()
	if err != nil {
		return nil, err
	}
	var servers []string
	options := append(connectOptions(declared, timeout), func(options *nats.Options) error {
		servers = options.Servers
		return nil
	})
	connection, err := config.Connect(options...)
	if err == nil {
		return connection, nil
	}
	place := brokerNames(servers)
	if config.Context != "" {
		place += fmt.Sprintf(" of the NATS context %q", config.Context)
	}
	if errors.Is(err, nats.ErrNoServers) {
		place += " (is storebus serve or a NATS server running there?)"
	}
	return nil, fmt.Errorf("connect to %s: %w", place, brokerError{err})
}

// broker returns the address of the broker and the credentials. A flag overrides a
// variable, and a variable overrides a context. If a flag names a context, it overrides
// every variable. With a URL, no context is used.
func (call *call) broker() (storebus.NATSConfig, error) {
	config := storebus.NATSConfig{Context: call.contextName()}
	if call.given[natsFlag] && call.given[contextFlag] {
		return config, call.declared.usageError("--nats and --context both say where the broker is")
	}
	if config.Context == "" {
		config.URL = call.command.String(natsFlag)
	}
	if config.URL == "" && config.Context == "" {
		config.URL = nats.DefaultURL
	}
	config.CertificateFile, config.KeyFile = call.setting(tlsCertFlag), call.setting(tlsKeyFlag)
	if (config.CertificateFile == "") != (config.KeyFile == "") {
		return config, call.declared.usageError("--tlscert and --tlskey come together")
	}
	config.AuthorityFile, config.InboxPrefix = call.setting(tlsCAFlag), call.setting(inboxPrefixFlag)
	credentials, err := call.credentials()
	config.NATSCredentials = credentials
	return config, err
}

// contextName returns the name of the context in use, "" if there is none.
func (call *call) contextName() string {
	name, broker := call.command.String(contextFlag), call.command.String(natsFlag)
	switch {
	case call.given[contextFlag]:
		return name
	case call.command.IsSet(natsFlag) && broker != "":
		return ""
	case name != "":
		return name
	}
	return selectedContext()
}

// setting returns a setting of the connection. If a flag names a context, variables do not
// count.
func (call *call) setting(flag string) string {
	if call.given[contextFlag] && !call.given[flag] {
		return ""
	}
	return call.command.String(flag)
}

// selectedContext returns the name of the context that nats context select has chosen.
func selectedContext() string {
	folder := os.Getenv("XDG_CONFIG_HOME")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		folder = filepath.Join(home, ".config")
	}
	// No file means no selected context.
	name, _ := os.ReadFile(filepath.Join(folder, "nats", "context.txt"))
	return strings.TrimSpace(string(name))
}

func connectOptions(declared *clientCommand, timeout time.Duration) []nats.Option {
	options := []nats.Option{
		nats.Name("storebus " + declared.name),
		nats.Timeout(timeout),
		// The library would print the error. The error of the call says enough.
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}),
	}
	if !declared.lasting {
		return append(options, nats.NoReconnect())
	}
	// A refused user may be let in later, with a new secret in the file.
	return append(options, nats.MaxReconnects(-1), nats.ReconnectWait(reconnectPause), nats.IgnoreAuthErrorAbort())
}

// brokerNames returns the addresses of all attempts, without passwords.
func brokerNames(servers []string) string {
	if len(servers) == 0 {
		return "a broker"
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

// brokerError is the error of a failed connection.
type brokerError struct{ error }

func (failure brokerError) Is(target error) bool { return target == errBroker }

func (failure brokerError) Unwrap() error { return failure.error }
