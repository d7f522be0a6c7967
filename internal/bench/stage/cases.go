// SPDX-License-Identifier: EUPL-1.2

package stage

import "dappco.re/go/storebus/internal/bench/load"

// target is the part that answers the requests of a case.
type target string

const (
	targetEcho     target = "echo"      // the bare responder
	targetSidecar  target = "outside"   // a sidecar on the shared broker
	targetEmbedded target = "embedded"  // a sidecar with a broker of its own
	targetLarge    target = "large"     // a sidecar with a million keys
	targetScale    target = "scale"     // a sidecar with the number of keys of --scale
	targetKV       target = "kv"        // JetStream with default settings
	targetAlways   target = "kv-always" // JetStream with sync_interval always
	targetJournal  target = "journal"   // a sidecar that delivers points to an endpoint
	targetNoHTTP   target = "no-http"   // a sidecar without HTTP
	targetScraped  target = "scraped"   // a sidecar whose metrics are scraped
)

// verb is the operation of a case.
type verb string

const (
	verbEcho   verb = "echo"
	verbSet    verb = "set"
	verbGet    verb = "get"
	verbRawSet verb = "raw-set"
	verbRawGet verb = "raw-get"
	verbList   verb = "list"
	verbPut    verb = "put"
	verbRead   verb = "read"
	verbCommit verb = "journal-commit"
)

const (
	// largeKeys is the number of keys in the large store.
	largeKeys = 1_000_000
	// besideWriters is the number of sets in flight in the cases that show how writers
	// affect a reader. besideReaders is the number of their reads in flight.
	besideWriters = 128
	besideReaders = 4
	// loneClient waits for each reply before its next request.
	loneClient = 1
	// UsualInFlight is the level of the cases that need one level only.
	UsualInFlight = 64
	// fullInFlight keeps a sidecar as busy as it can be.
	fullInFlight  = 256
	manyListeners = 100
	// manyWaiters is one less than the most requests for changes that may wait in one
	// namespace.
	manyWaiters = 9_999
)

// work is long work beside a trial: too much for one moment.
type work string

const (
	// workDeletion deletes a large group with one request.
	workDeletion work = "deletion"
	// workExpiry makes every key of a large group expire within the time of the round.
	workExpiry work = "expiry"
	// workMass makes every key of a large group expire at the beginning of the round.
	workMass work = "mass expiry"
)

// Kind is a kind of case. It is measured at one or several levels.
type Kind struct {
	// Name is the value for --cases.
	Name   string
	target target
	verb   verb
	// Level is its only number of requests in flight. If it is 0, it is measured at all
	// levels.
	Level int
	// Big says that it is measured with big values too, at the usual level.
	Big bool
	// subscribers is the number of subscribers to its changes.
	subscribers int
	// writers is the number of sets in flight to the sidecar beside it.
	writers int
	// withIDs says that each request has a message id.
	withIDs bool
	// neighbour says that these sets are another tenant's. waiters is the number of that
	// tenant's requests that wait for the changes of a group.
	neighbour bool
	waiters   int
	// woken says that the neighbour's sets are to that group, and answer all these
	// requests.
	woken bool
	// lag measures the delay of the events of its changes, and expiry the delay of its
	// keys' expiries.
	lag, expiry bool
	// work runs in another namespace meanwhile.
	work work
	// held is the number of keys in the store of a size, and spread their places.
	held   int
	spread load.Spread
}

// Kinds returns every kind of case, in the order of the rounds. Kinds that are compared run
// close together. Kinds that write to a sidecar come last, so that few cases wait for it.
func Kinds() []Kind {
	return []Kind{
		{Name: "echo", target: targetEcho, verb: verbEcho},
		{Name: "echo-set", target: targetEcho, verb: verbSet, Big: true},
		{Name: "echo-get", target: targetEcho, verb: verbGet, Big: true},
		{Name: "raw-echo", target: targetEcho, verb: verbRawGet, Big: true},
		{Name: "kv-put", target: targetKV, verb: verbPut, Big: true},
		{Name: "kv-put-always", target: targetAlways, verb: verbPut, Big: true},
		{Name: "kv-get", target: targetKV, verb: verbRead, Big: true},
		{Name: "get", target: targetSidecar, verb: verbGet, Big: true},
		{Name: "embedded-get", target: targetEmbedded, verb: verbGet, Big: true},
		{Name: "get-1m-keys", target: targetLarge, verb: verbGet},
		{Name: "raw-get", target: targetSidecar, verb: verbRawGet, Big: true},
		{Name: "embedded-raw-get", target: targetEmbedded, verb: verbRawGet},
		{Name: "list", target: targetSidecar, verb: verbList},
		{Name: "echo-beside-writers", target: targetEcho, verb: verbGet, Level: besideReaders, writers: besideWriters},
		{Name: "get-beside-writers", target: targetSidecar, verb: verbGet, Level: besideReaders, writers: besideWriters},
		{Name: "set", target: targetSidecar, verb: verbSet, Big: true},
		{Name: "embedded-set", target: targetEmbedded, verb: verbSet, Big: true},
		{Name: "set-without-http", target: targetNoHTTP, verb: verbSet, Level: fullInFlight},
		{Name: "set-scraped", target: targetScraped, verb: verbSet, Level: fullInFlight},
		{Name: "set-1m-keys", target: targetLarge, verb: verbSet},
		{Name: "raw-set", target: targetSidecar, verb: verbRawSet, Big: true},
		{Name: "embedded-raw-set", target: targetEmbedded, verb: verbRawSet},
		{Name: "set-with-id", target: targetSidecar, verb: verbSet, withIDs: true},
		{Name: "set-1-subscriber", target: targetSidecar, verb: verbSet, Level: UsualInFlight, subscribers: 1},
		{Name: "set-100-subscribers", target: targetSidecar, verb: verbSet, Level: UsualInFlight, subscribers: manyListeners},
		{Name: "change-latency", target: targetSidecar, verb: verbSet, Level: UsualInFlight, lag: true},
		{Name: "embedded-change-latency", target: targetEmbedded, verb: verbSet, Level: UsualInFlight, lag: true},
		{Name: "expiry-latency", target: targetSidecar, verb: verbSet, Level: UsualInFlight, expiry: true},
		{Name: "expiry-latency-beside-writers", target: targetSidecar, verb: verbSet, Level: UsualInFlight, expiry: true, writers: UsualInFlight},
		{Name: "long-deletion", target: targetSidecar, verb: verbGet, Level: besideReaders, writers: besideWriters, work: workDeletion},
		{Name: "long-expiry", target: targetSidecar, verb: verbGet, Level: besideReaders, writers: besideWriters, work: workExpiry},
		{Name: "expiry-beside-lone-writer", target: targetSidecar, verb: verbSet, Level: UsualInFlight, expiry: true, writers: loneClient},
		{Name: "expiry-beside-mass-expiry", target: targetSidecar, verb: verbSet, Level: UsualInFlight, expiry: true, writers: loneClient, work: workMass},
		{Name: "set-beside-neighbour", target: targetSidecar, verb: verbSet, Level: loneClient, writers: 1, neighbour: true},
		{
			Name: "set-beside-waiters", target: targetSidecar, verb: verbSet, Level: loneClient, writers: 1, neighbour: true,
			waiters: manyWaiters,
		},
		{
			Name: "set-beside-woken-waiters", target: targetSidecar, verb: verbSet, Level: loneClient, writers: 1, neighbour: true,
			waiters: manyWaiters, woken: true,
		},
		{Name: "journal", target: targetJournal, verb: verbCommit},
	}
}

// Large reports whether a kind is measured with a million keys.
func (kind Kind) Large() bool { return kind.target == targetLarge }

// Offers reports whether the parts can measure a kind. If the broker was running already,
// there is no other broker. Points need an endpoint in the settings.
func (config *Config) Offers(kind Kind) bool {
	switch kind.target {
	case targetJournal:
		return config.Journal.URL != ""
	case targetEmbedded, targetAlways:
		return config.NATSURL == ""
	}
	return true
}

// CaseNames returns the names of the cases that can be measured.
func CaseNames() []string {
	var names []string
	for _, kind := range Kinds() {
		names = append(names, kind.Name)
	}
	return names
}
