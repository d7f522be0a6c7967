// SPDX-License-Identifier: EUPL-1.2

package bench

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
	// usualInFlight is where those cases are measured that need one level only.
	usualInFlight = 64
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

// kind is a kind of case, as it is measured at one or several levels.
type kind struct {
	name   string
	target target
	verb   verb
	// level is the one number of requests in flight that it is measured at; 0: all.
	level int
	// big says that it is measured with big values too, at the usual level.
	big bool
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

// kinds is every kind of case, in the order of the rounds: what is compared runs
// close together, and what writes to a sidecar comes last, see quieten.
func kinds() []kind {
	return []kind{
		{name: "echo", target: targetEcho, verb: verbEcho},
		{name: "echo-set", target: targetEcho, verb: verbSet, big: true},
		{name: "echo-get", target: targetEcho, verb: verbGet, big: true},
		{name: "raw-echo", target: targetEcho, verb: verbRawGet, big: true},
		{name: "kv-put", target: targetKV, verb: verbPut, big: true},
		{name: "kv-put-always", target: targetAlways, verb: verbPut, big: true},
		{name: "kv-get", target: targetKV, verb: verbRead, big: true},
		{name: "get", target: targetSidecar, verb: verbGet, big: true},
		{name: "embedded-get", target: targetEmbedded, verb: verbGet, big: true},
		{name: "get-1m-keys", target: targetLarge, verb: verbGet},
		{name: "raw-get", target: targetSidecar, verb: verbRawGet, big: true},
		{name: "embedded-raw-get", target: targetEmbedded, verb: verbRawGet},
		{name: "list", target: targetSidecar, verb: verbList},
		{name: "echo-beside-writers", target: targetEcho, verb: verbGet, level: besideReaders, writers: besideWriters},
		{name: "get-beside-writers", target: targetSidecar, verb: verbGet, level: besideReaders, writers: besideWriters},
		{name: "set", target: targetSidecar, verb: verbSet, big: true},
		{name: "embedded-set", target: targetEmbedded, verb: verbSet, big: true},
		{name: "set-without-http", target: targetNoHTTP, verb: verbSet, level: fullInFlight},
		{name: "set-scraped", target: targetScraped, verb: verbSet, level: fullInFlight},
		{name: "set-1m-keys", target: targetLarge, verb: verbSet},
		{name: "raw-set", target: targetSidecar, verb: verbRawSet, big: true},
		{name: "embedded-raw-set", target: targetEmbedded, verb: verbRawSet},
		{name: "set-1-subscriber", target: targetSidecar, verb: verbSet, level: usualInFlight, subscribers: 1},
		{name: "set-100-subscribers", target: targetSidecar, verb: verbSet, level: usualInFlight, subscribers: manyListeners},
		{name: "change-latency", target: targetSidecar, verb: verbSet, level: usualInFlight, lag: true},
		{name: "embedded-change-latency", target: targetEmbedded, verb: verbSet, level: usualInFlight, lag: true},
		{name: "expiry-latency", target: targetSidecar, verb: verbSet, level: usualInFlight, expiry: true},
		{name: "expiry-latency-beside-writers", target: targetSidecar, verb: verbSet, level: usualInFlight, expiry: true, writers: usualInFlight},
		{name: "long-deletion", target: targetSidecar, verb: verbGet, level: besideReaders, writers: besideWriters, work: workDeletion},
		{name: "long-expiry", target: targetSidecar, verb: verbGet, level: besideReaders, writers: besideWriters, work: workExpiry},
		{name: "set-beside-neighbour", target: targetSidecar, verb: verbSet, level: loneClient, writers: 1, neighbour: true},
		{
			name: "set-beside-waiters", target: targetSidecar, verb: verbSet, level: loneClient, writers: 1, neighbour: true,
			waiters: manyWaiters,
		},
		{
			name: "set-beside-woken-waiters", target: targetSidecar, verb: verbSet, level: loneClient, writers: 1, neighbour: true,
			waiters: manyWaiters, woken: true,
		},
		{name: "journal", target: targetJournal, verb: verbCommit},
	}
}

// large reports whether a kind is measured with a million keys.
func (kind kind) large() bool { return kind.target == targetLarge }

// offers reports whether the parts can measure a kind: a broker that is there is the only one,
// and points go to an endpoint that somebody names.
func (config *Config) offers(kind kind) bool {
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
	for _, kind := range kinds() {
		names = append(names, kind.name)
	}
	return names
}
