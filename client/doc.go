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
// errors.As. What never got there wraps the error of NATS, as nats.ErrNoResponders
// where no sidecar serves the subject. A write without a reply may have happened:
// it is subjects.ErrOutcomeUnknown, and wraps the reason for the silence too. Any
// other error of a write means that nothing was changed.
package client
