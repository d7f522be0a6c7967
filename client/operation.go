// SPDX-License-Identifier: EUPL-1.2

package client

import "dappco.re/go/storebus/subjects"

// Guard is what has to hold of an entry for a transaction to carry out Then:
// RevisionIs, Present, Absent and ValueIs make one.
type Guard struct {
	guard subjects.Guard
}

// RevisionIs holds where the key stands at a revision; 0 is a key that is not there.
func RevisionIs(group, key string, revision uint64) Guard {
	return Guard{subjects.Guard{Group: &group, Key: &key, Revision: &revision}}
}

// Present holds where the key is there.
func Present(group, key string) Guard {
	return Guard{subjects.Guard{Group: &group, Key: &key, Exists: new(true)}}
}

// Absent holds where the key is not there.
func Absent(group, key string) Guard {
	return Guard{subjects.Guard{Group: &group, Key: &key, Exists: new(false)}}
}

// ValueIs holds where the key is there and has this value, byte for byte.
func ValueIs(group, key string, value []byte) Guard {
	return Guard{subjects.Guard{Group: &group, Key: &key, Content: subjects.NewContent(string(value))}}
}

// Operation is one step of a transaction: the functions below make them, each with
// the arguments of the call of its name. MessageID is the transaction's own, and
// refused in theirs.
type Operation struct {
	operation subjects.Operation
	messageID string
}

// SetOperation is Set in a transaction.
func SetOperation(group, key string, value []byte, options SetOptions) Operation {
	return Operation{subjects.Operation{
		Op: new(subjects.VerbSet), Group: &group, Key: &key,
		Content: subjects.NewContent(string(value)), TTL: given(options.TTL), IfRevision: options.IfRevision,
	}, options.MessageID}
}

// GetOperation is Get in a transaction. A key that is not there is no error: its
// result is Missing.
func GetOperation(group, key string) Operation {
	return Operation{operation: subjects.Operation{Op: new(subjects.VerbGet), Group: &group, Key: &key}}
}

// GetAndTouchOperation is GetAndTouch in a transaction, where a key that is not there
// is no error.
func GetAndTouchOperation(group, key string, ttl subjects.TTL) Operation {
	return Operation{operation: subjects.Operation{Op: new(subjects.VerbGet), Group: &group, Key: &key, TTL: &ttl}}
}

// DeleteOperation is Delete in a transaction.
func DeleteOperation(group, key string, options DeleteOptions) Operation {
	return Operation{subjects.Operation{Op: new(subjects.VerbDelete), Group: &group, Key: &key, IfRevision: options.IfRevision}, options.MessageID}
}

// TouchOperation is Touch in a transaction.
func TouchOperation(group, key string, ttl subjects.TTL, options TouchOptions) Operation {
	return Operation{subjects.Operation{
		Op: new(subjects.VerbTouch), Group: &group, Key: &key, TTL: &ttl, IfRevision: options.IfRevision,
	}, options.MessageID}
}

// IncrementOperation is Increment in a transaction.
func IncrementOperation(group, key string, by int64, options IncrementOptions) Operation {
	return Operation{subjects.Operation{Op: new(subjects.VerbIncrement), Group: &group, Key: &key, By: &by, TTL: options.TTL}, options.MessageID}
}

// DeleteGroupOperation is DeleteGroup in a transaction.
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
