// SPDX-License-Identifier: EUPL-1.2

// Package client is the Go client of storebus: one typed call for each verb of the wire
// contract, and a watch that never loses a change.
//
//	connection, err := nats.Connect("nats://127.0.0.1:4222")
//	store, err := client.New(connection, client.Config{})
//	reply, err := store.Set(ctx, "acme", "config", "theme", []byte("dark"), client.SetOptions{})
//	entry, err := store.Get(ctx, "acme", "config", "theme")  // entry.Value is "dark"
//
// The first arguments of a call are the words of its subject, in their order: namespace,
// group, key. Then comes the content, and last the options of the verb. Options are a
// struct, and its zero value asks for nothing special:
//
//	store.Set(ctx, "acme", "config", "theme", []byte("light"), client.SetOptions{
//		TTL:        subjects.After(time.Minute),
//		IfRevision: client.Revision(41),
//	})
//
// Namespaces, groups and keys are strings, because they are text: valid UTF-8 that is
// compared and made into subjects. Values are bytes, UTF-8 or not. Pass the result of
// json.Marshal or os.ReadFile unchanged. The compiler keeps names and values apart. The
// caller owns every slice that a call returns, and keeps every slice that it passes.
//
// # Errors
//
// A refusal of the sidecar is a *subjects.Error. Compare it with errors.Is
// (subjects.ErrNotFound, subjects.ErrRevisionConflict, …) and read its fields with
// errors.As. A call that the contract does not allow is refused with the same error,
// before anything is sent. If a request did not arrive, the error wraps the error of
// NATS, such as nats.ErrNoResponders if no sidecar serves the subject. A write without a
// reply may have happened: its error is subjects.ErrOutcomeUnknown, and also wraps the
// reason for the silence. Any other error of a write means that nothing was changed.
//
// # Requests that are sent again
//
// Every write of a namespace carries a message id: a new id, or the MessageID of its
// options. The sidecar executes a write once, if it comes again with the same id within
// two minutes. So the client sends a write again, with the same id, as long as its outcome
// is unknown: after a second without a reply at the latest, then after twice as long each
// time. It also does so if the sidecar itself does not know the outcome. The client stops
// when the call's time is over, after a minute at the longest. It returns the answer to the
// attempt that was executed first. A write is never done twice. An ErrOutcomeUnknown
// remains only if an outage outlasts the call.
//
// Two kinds of write are sent once: GetAndTouch, and a Transaction with a Get and without
// a MessageID. They answer with values, and the sidecar remembers small answers only.
// Reads are sent once too.
//
// If no sidecar answers, nothing was changed. Any call asks again then, for
// Config.Patience, so that a restart of the sidecar shows as a delay. Every other error
// is returned at once. One of these errors is subjects.ErrUnavailable: a sidecar that is
// too busy is not asked more often.
package client
