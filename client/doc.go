// SPDX-License-Identifier: EUPL-1.2

// Package client is the Go client of storebus: one typed call for each verb of
// the wire contract, and a watch that never loses a change.
//
//	connection, err := nats.Connect("nats://127.0.0.1:4222")
//	store, err := client.New(connection, client.Config{})
//	reply, err := store.Set(ctx, "acme", "config", "theme", []byte("dark"), client.SetOptions{})
//	entry, err := store.Get(ctx, "acme", "config", "theme")  // entry.Value is "dark"
//
// A call takes the words of its subject in their order (namespace, group, key),
// what it needs, and last the options of its verb, a literal struct whose zero
// value asks for nothing special:
//
//	store.Set(ctx, "acme", "config", "theme", []byte("light"), client.SetOptions{
//		TTL:        subjects.After(time.Minute),
//		IfRevision: client.Revision(41),
//	})
//
// Namespaces, groups and keys are strings, because they are text: valid UTF-8
// that is compared and made into subjects. Values are bytes, because they are
// whatever the caller stores: what json.Marshal gives and os.ReadFile reads goes
// in as it is, UTF-8 or not, and the two kinds of argument cannot be confused.
// The caller owns every slice that a call returns, and keeps every slice that it
// hands in.
//
// # Errors
//
// What the sidecar refused is a *subjects.Error: compare it with errors.Is
// (subjects.ErrNotFound, subjects.ErrRevisionConflict, …) and read its fields with
// errors.As. What the contract does not allow is refused in the same way before it is
// sent. What never got there wraps the error of NATS, as nats.ErrNoResponders where no
// sidecar serves the subject. A write without a reply may have happened: it is
// subjects.ErrOutcomeUnknown, and wraps the reason for the silence too. Any other
// error of a write means that nothing was changed.
//
// # Requests that are sent again
//
// Every write of a namespace carries a message id, one that nobody else uses or the
// MessageID of its options, and the sidecar does once what comes with the same id
// within two minutes. So the client sends a write again, with the same id, as long as
// its outcome is unknown: after a second without a reply at the latest, after twice as
// long from then on, and when the sidecar itself does not know. It does so until the
// call's time is over, a minute at the longest, and returns what the sidecar says of
// the first attempt that it has executed. A write is never done twice, and an
// ErrOutcomeUnknown is left for outages that outlast the call.
//
// Two kinds of write are sent once, for they answer with values and the sidecar
// remembers small answers only: GetAndTouch, and a Transaction that gets something,
// where it is given no MessageID. Reads are sent once too.
//
// Where no sidecar is there nothing was changed. Any call asks again then, for
// Config.Patience, so that a restart of the sidecar shows as a delay. Every other error
// is returned at once, subjects.ErrUnavailable for one: a sidecar that is too busy is
// not asked more often.
package client
