// SPDX-License-Identifier: EUPL-1.2

package stage

import "dappco.re/go/storebus/internal/bench/load"

// target is what answers the requests of a case.
type target string

const (
	targetEcho     target = "echo"      // the bare responder
	targetSidecar  target = "outside"   // the sidecar on the same broker as the others
	targetEmbedded target = "embedded"  // the sidecar with a broker of its own
	targetLarge    target = "large"     // a sidecar that holds a million keys
	targetScale    target = "scale"     // a sidecar that holds as many keys as --scale says
	targetKV       target = "kv"        // JetStream as it comes
	targetAlways   target = "kv-always" // JetStream with sync_interval always
	targetJournal  target = "journal"   // a sidecar that delivers points to an endpoint
	targetNoHTTP   target = "no-http"   // a sidecar without HTTP
	targetScraped  target = "scraped"   // a sidecar whose metrics are scraped
)

// verb is what a case asks.
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
	// largeKeys is how many keys the large store holds.
	largeKeys = 1_000_000
	// besideWriters is how many sets are in flight beside the besideReaders of the
	// cases that show what writers do to a reader.
	besideWriters = 128
	besideReaders = 4
	// loneClient waits for each reply before it asks again.
	loneClient = 1
	// UsualInFlight is where those cases are measured that need one level only.
	UsualInFlight = 64
	// fullInFlight keeps a sidecar as busy as it can be.
	fullInFlight  = 256
	manyListeners = 100
	// manyWaiters is as many requests for changes as one namespace may have wait, but one.
	manyWaiters = 9_999
)

// work is what a trial goes on beside that is too much for one moment.
type work string

const (
	// workDeletion deletes a large group with one request.
	workDeletion work = "deletion"
	// workExpiry has every key of a large group expire within the time of the round.
	workExpiry work = "expiry"
)

// Kind is a kind of case, as it is measured at one or several levels.
type Kind struct {
	// Name is what --cases takes.
	Name   string
	target target
	verb   verb
	// Level is the one number of requests in flight that it is measured at; 0: all.
	Level int
	// Big says that it is measured with big values too, at the usual level.
	Big bool
	// subscribers is how many of them listen to its changes.
	subscribers int
	// writers is how many sets to the sidecar go on beside it.
	writers int
	// neighbour says that these sets are another tenant's. Of that one there are so many
	// waiters for the changes of a group besides.
	neighbour bool
	waiters   int
	// woken says that the neighbour's sets are to that group, and answer all of them.
	woken bool
	// lag measures how soon the events of its changes arrive, and expiry how soon those
	// of its keys' expiries do.
	lag, expiry bool
	// work is done in another namespace meanwhile.
	work work
	// held is how many keys the store of a size holds, and spread is where.
	held   int
	spread load.Spread
}

// Kinds is every kind of case, in the order of the rounds: what is compared runs
// close together, and what writes to a sidecar comes last, so that few cases wait for it.
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
		{Name: "set-1-subscriber", target: targetSidecar, verb: verbSet, Level: UsualInFlight, subscribers: 1},
		{Name: "set-100-subscribers", target: targetSidecar, verb: verbSet, Level: UsualInFlight, subscribers: manyListeners},
		{Name: "change-latency", target: targetSidecar, verb: verbSet, Level: UsualInFlight, lag: true},
		{Name: "embedded-change-latency", target: targetEmbedded, verb: verbSet, Level: UsualInFlight, lag: true},
		{Name: "expiry-latency", target: targetSidecar, verb: verbSet, Level: UsualInFlight, expiry: true},
		{Name: "expiry-latency-beside-writers", target: targetSidecar, verb: verbSet, Level: UsualInFlight, expiry: true, writers: UsualInFlight},
		{Name: "long-deletion", target: targetSidecar, verb: verbGet, Level: besideReaders, writers: besideWriters, work: workDeletion},
		{Name: "long-expiry", target: targetSidecar, verb: verbGet, Level: besideReaders, writers: besideWriters, work: workExpiry},
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

// Offers reports whether the parts can measure a kind: a broker that is there is the only one,
// and points go to an endpoint that somebody names.
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
