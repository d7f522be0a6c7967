// SPDX-License-Identifier: EUPL-1.2

package client

import "dappco.re/go/storebus/subjects"

// Guard is a condition on one entry. RevisionIs, Present, Absent and ValueIs make guards.
type Guard struct {
	guard subjects.Guard
}

// RevisionIs holds if the key stands at the revision; 0 means that the key does not
// exist.
//
//	client.RevisionIs("accounts", "anna", 41)
func RevisionIs(group, key string, revision uint64) Guard {
	return Guard{subjects.Guard{Group: &group, Key: &key, Revision: &revision}}
}

// Present holds if the key exists.
//
//	client.Present("accounts", "anna")
func Present(group, key string) Guard {
	return Guard{subjects.Guard{Group: &group, Key: &key, Exists: new(true)}}
}

// Absent holds if the key does not exist.
//
//	client.Absent("locks", "anna")
func Absent(group, key string) Guard {
	return Guard{subjects.Guard{Group: &group, Key: &key, Exists: new(false)}}
}

// ValueIs holds if the key exists and has this value, byte for byte.
//
//	client.ValueIs("config", "theme", []byte("dark"))
func ValueIs(group, key string, value []byte) Guard {
	return Guard{subjects.Guard{Group: &group, Key: &key, Content: subjects.NewContent(string(value))}}
}

// Operation is one step of a transaction. The functions below make operations, each with
// the arguments of the call of the same name. Only the transaction has a MessageID: an
// operation with one is refused.
type Operation struct {
	operation subjects.Operation
	messageID string
}

// SetOperation is Set in a transaction.
//
//	client.SetOperation("config", "theme", []byte("dark"), client.SetOptions{})
func SetOperation(group, key string, value []byte, options SetOptions) Operation {
	return Operation{subjects.Operation{
		Op: new(subjects.VerbSet), Group: &group, Key: &key,
		Content: subjects.NewContent(string(value)), TTL: given(options.TTL), IfRevision: options.IfRevision,
	}, options.MessageID}
}

// GetOperation is Get in a transaction. A missing key is no error: its result is Missing.
//
//	client.GetOperation("config", "theme")
func GetOperation(group, key string) Operation {
	return Operation{operation: subjects.Operation{Op: new(subjects.VerbGet), Group: &group, Key: &key}}
}

// GetAndTouchOperation is GetAndTouch in a transaction. There, a missing key is no error.
//
//	client.GetAndTouchOperation("sessions", "k3F", subjects.After(time.Hour))
func GetAndTouchOperation(group, key string, ttl subjects.TTL) Operation {
	return Operation{operation: subjects.Operation{Op: new(subjects.VerbGet), Group: &group, Key: &key, TTL: &ttl}}
}

// DeleteOperation is Delete in a transaction.
//
//	client.DeleteOperation("config", "theme", client.DeleteOptions{})
func DeleteOperation(group, key string, options DeleteOptions) Operation {
	return Operation{subjects.Operation{Op: new(subjects.VerbDelete), Group: &group, Key: &key, IfRevision: options.IfRevision}, options.MessageID}
}

// TouchOperation is Touch in a transaction.
//
//	client.TouchOperation("presence", "42", subjects.After(90*time.Second), client.TouchOptions{})
func TouchOperation(group, key string, ttl subjects.TTL, options TouchOptions) Operation {
	return Operation{subjects.Operation{
		Op: new(subjects.VerbTouch), Group: &group, Key: &key, TTL: &ttl, IfRevision: options.IfRevision,
	}, options.MessageID}
}

// IncrementOperation is Increment in a transaction.
//
//	client.IncrementOperation("accounts", "anna", -10, client.IncrementOptions{})
func IncrementOperation(group, key string, by int64, options IncrementOptions) Operation {
	return Operation{subjects.Operation{Op: new(subjects.VerbIncrement), Group: &group, Key: &key, By: &by, TTL: options.TTL}, options.MessageID}
}

// DeleteGroupOperation is DeleteGroup in a transaction.
//
//	client.DeleteGroupOperation("user:42")
func DeleteGroupOperation(group string) Operation {
	return Operation{operation: subjects.Operation{Op: new(subjects.VerbDeleteGroup), Group: &group}}
}

// reads reports whether the operation answers with a value.
func (operation Operation) reads() bool {
	return operation.operation.Op != nil && *operation.operation.Op == subjects.VerbGet
}

// writes reports whether the operation changes anything.
func (operation Operation) writes() bool {
	return !operation.reads() || operation.operation.TTL != nil
}
