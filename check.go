// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/web"
)

// checkTimeout is how long Check waits for a broker.
const checkTimeout = 5 * time.Second

// ErrBrokerAway is wrapped by a finding of Check about a broker that cannot be reached.
var ErrBrokerAway = errors.New("the broker cannot be reached")

// Finding is the result of Check for one part of a configuration.
type Finding struct {
	// Part is the name of the part: configuration, database, broker, ….
	Part string
	// Text describes the part, if nothing is wrong.
	Text string
	// Err is the fault of the part, nil if there is none.
	Err error
}

// Check checks everything that Start needs, and returns a Finding for each part. It creates
// and changes nothing, and sends no request. A broker must answer within 5 s, though Start
// would wait for it. The endpoint of the journal is not contacted.
//
// If a sidecar runs on the same database, its lock and its addresses are no faults: a
// configuration can be checked before a restart.
//
//	for _, finding := range storebus.Check(ctx, config) {
//		fmt.Println(finding.Part, finding.Text, finding.Err)
//	}
func Check(ctx context.Context, config Config) []Finding {
	check := &check{ctx: ctx, config: config}
	check.configuration()
	check.database()
	check.folders()
	check.secrets()
	check.tls()
	check.broker()
	check.http()
	return check.findings
}

// check gathers findings.
type check struct {
	ctx      context.Context //nolint:containedctx // it belongs to the one call of Check
	config   Config
	findings []Finding
	// running says that a sidecar has the database.
	running bool
}

// found adds a finding: the fault of a part, or its state if err is nil.
func (check *check) found(part, text string, err error) {
	if err != nil {
		text = ""
	}
	check.findings = append(check.findings, Finding{Part: part, Text: text, Err: err})
}

// faulty reports whether one of some parts has a fault.
func (check *check) faulty(parts ...string) bool {
	for _, finding := range check.findings {
		for _, part := range parts {
			if finding.Part == part && finding.Err != nil {
				return true
			}
		}
	}
	return false
}

// configuration fills in the defaults, also of a configuration with faults.
func (check *check) configuration() {
	faults := separate(check.config.check())
	check.config = check.config.filled()
	if len(faults) == 0 {
		faults = separate(check.config.storeConfig().Validate())
	}
	for _, fault := range faults {
		check.found("configuration", "", fmt.Errorf("%w: %w", ErrConfig, fault))
	}
	if len(faults) > 0 {
		return
	}
	check.found("configuration", "the settings fit together", nil)
	text := "off"
	if journal := check.config.Journal; journal.URL != "" {
		text = journal.URL + " is not asked; its settings and its token can be read"
	}
	check.found("journal", text, nil)
}

// separate gives the errors that were joined.
func separate(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

func (check *check) database() {
	path := check.config.DatabasePath
	if path == store.MemoryDatabase {
		check.found("database", "nothing is kept on disk", nil)
		return
	}
	state, err := store.CheckDatabase(check.ctx, path)
	if check.running = errors.Is(err, store.ErrDatabaseInUse); check.running {
		check.found("database", err.Error()+", and was not read", nil)
		return
	}
	check.found("database", path+" "+databaseTexts[state], err)
}

var databaseTexts = map[store.DatabaseState]string{
	store.DatabaseMissing:    "is not there, and will be created",
	store.DatabaseSound:      "is sound",
	store.DatabaseOutdated:   "is sound, and will be brought up to date",
	store.DatabaseUnfinished: "was not closed: it was not read, and the start will recover it",
}

// listening checks that an address is free; inUse is the error if it is not.
func (check *check) listening(part, address string, anyPort bool, inUse error) {
	listener, err := net.Listen("tcp", address)
	switch {
	case err == nil:
		check.found(part, address+" is free", listener.Close())
	case platform.IsAddressInUse(err) && check.running:
		check.found(part, address+" is in use, as the database is", nil)
	case platform.IsAddressInUse(err) && anyPort:
		check.found(part, address+" is in use: another port will be taken", nil)
	case platform.IsAddressInUse(err):
		check.found(part, "", fmt.Errorf("%w: %s", inUse, address))
	default:
		check.found(part, "", err)
	}
}

func (check *check) http() {
	if check.config.HTTPAddress == "" {
		check.found("HTTP", "off", nil)
		return
	}
	if check.config.HTTPTokenFile != "" {
		check.found("HTTP", check.config.HTTPTokenFile+" holds a token", web.CheckTokenFile(check.config.HTTPTokenFile))
	}
	if checkAddress("HTTPAddress", check.config.HTTPAddress) == nil {
		check.listening("HTTP", check.config.HTTPAddress, check.config.HTTPAnyPort, web.ErrAddressInUse)
	}
}

// broker looks at the address of the sidecar's own broker, or connects to the other one,
// unless it is known already that this must fail.
func (check *check) broker() {
	nats := &check.config.NATS
	switch {
	case !nats.outside():
		if checkAddress("Listen", check.config.Listen) != nil {
			return
		}
		address, err := check.config.brokerAddress()
		if err != nil {
			check.found("broker", "", err)
			return
		}
		check.listening("broker", address, false, ErrAddressInUse)
	case nats.check() != nil || check.config.EventsNATS.check("EventsNATS") != nil || check.faulty("secrets", "TLS"):
		check.found("broker", nats.name()+" was not asked, for what is wrong with the rest", nil)
	default:
		check.connecting("requests", nats.NATSCredentials)
		if check.config.EventsNATS != nats.NATSCredentials {
			check.connecting("events", check.config.EventsNATS)
		}
	}
}

// connecting opens one of the connections, and closes it.
func (check *check) connecting(purpose string, credentials NATSCredentials) {
	config := check.config.NATS
	config.NATSCredentials = credentials
	connection, err := config.Connect(nats.Name("storebus check"), nats.Timeout(checkTimeout), nats.NoReconnect())
	if err == nil {
		defer connection.Close()
		err = settle(check.ctx, connection)
	}
	if err != nil {
		if isAway(err) {
			err = fmt.Errorf("%w: %w", ErrBrokerAway, err)
		}
		check.found("broker", "", fmt.Errorf("%s: the connection for %s: %w", config.name(), purpose, err))
		return
	}
	check.found("broker", connection.ConnectedUrlRedacted()+" takes the connection for "+purpose, checkPayload(connection.MaxPayload()))
}
