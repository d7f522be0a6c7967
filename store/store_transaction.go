// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// StoreTransaction is the store in the callback of Store.Transaction: the state at the
// beginning of the transaction, with the writes of the callback. An operation that fails
// changes nothing; the callback decides whether the transaction fails. After the end its
// methods return ErrTransactionEnded or ErrTransactionTimeout. Any number of goroutines may
// call them.
type StoreTransaction struct {
	lending *engine.Lending
}

// perform carries out an operation in the place of the committer, which waits.
func perform[Result any](transaction *StoreTransaction, operation func(batch *batch.Batch, origin batch.Origin) (Result, error)) (performed Result, err error) {
	if transaction == nil || transaction.lending == nil {
		return performed, fmt.Errorf("%w: it never began; use Store.Transaction", failure.ErrTransactionEnded)
	}
	return engine.Perform(transaction.lending, operation)
}

func (transaction *StoreTransaction) execute(command Command) (Outcome, error) {
	return perform(transaction, command.Apply)
}

// Get is Store.Get within the transaction.
//
//	value, err := transaction.Get("config", "theme")
func (transaction *StoreTransaction) Get(group, key string) (string, error) {
	entry, err := transaction.get(group, key)
	return entry.Value, operationError("store.StoreTransaction.Get", group, key, err)
}

// GetEntry is Store.GetEntry within the transaction. An entry written by the transaction has
// the revision that it will have after the commit.
//
//	entry, err := transaction.GetEntry("config", "theme")
func (transaction *StoreTransaction) GetEntry(group, key string) (Entry, error) {
	entry, err := transaction.get(group, key)
	return entry, operationError("store.StoreTransaction.GetEntry", group, key, err)
}

// Exists is Store.Exists within the transaction.
//
//	there, err := transaction.Exists("config", "theme")
func (transaction *StoreTransaction) Exists(group, key string) (bool, error) {
	_, err := transaction.get(group, key)
	if errors.Is(err, failure.ErrNotFound) {
		return false, nil
	}
	return err == nil, operationError("store.StoreTransaction.Exists", group, key, err)
}

func (transaction *StoreTransaction) get(group, key string) (Entry, error) {
	return perform(transaction, func(batch *batch.Batch, _ batch.Origin) (Entry, error) {
		name := kv.EntryName{Group: group, Key: key}
		found, err := batch.Entry(name)
		if err != nil {
			return Entry{}, err
		}
		return kv.LiveEntry(name, &found, batch.Timestamp())
	})
}

// GetSplit is Store.GetSplit within the transaction.
//
//	hosts, err := transaction.GetSplit("config", "hosts", ",")
func (transaction *StoreTransaction) GetSplit(group, key, separator string) (iter.Seq[string], error) {
	entry, err := transaction.get(group, key)
	if err != nil {
		return nil, operationError("store.StoreTransaction.GetSplit", group, key, err)
	}
	return strings.SplitSeq(entry.Value, separator), nil
}

// GetFields is Store.GetFields within the transaction.
//
//	flags, err := transaction.GetFields("config", "flags")
func (transaction *StoreTransaction) GetFields(group, key string) (iter.Seq[string], error) {
	entry, err := transaction.get(group, key)
	if err != nil {
		return nil, operationError("store.StoreTransaction.GetFields", group, key, err)
	}
	return strings.FieldsSeq(entry.Value), nil
}

// Set is Store.Set within the transaction.
//
//	err := transaction.Set("config", "theme", "dark")
func (transaction *StoreTransaction) Set(group, key, value string) error {
	_, err := transaction.execute(SetCommand{Group: group, Key: key, Value: value})
	return operationError("store.StoreTransaction.Set", group, key, err)
}

// SetWithTTL is Store.SetWithTTL within the transaction.
//
//	err := transaction.SetWithTTL("session", "token", "abc123", 5*time.Minute)
func (transaction *StoreTransaction) SetWithTTL(group, key, value string, timeToLive time.Duration) error {
	err := checkGiven(timeToLive)
	if err == nil {
		_, err = transaction.execute(SetCommand{Group: group, Key: key, Value: value, TimeToLive: timeToLive})
	}
	return operationError("store.StoreTransaction.SetWithTTL", group, key, err)
}

// Create is Store.Create within the transaction.
//
//	revision, err := transaction.Create("lock", "leader", "node-1")
func (transaction *StoreTransaction) Create(group, key, value string) (uint64, error) {
	outcome, err := transaction.execute(SetCommand{Group: group, Key: key, Value: value, IfRevision: new(uint64)})
	return outcome.Revision, operationError("store.StoreTransaction.Create", group, key, err)
}

// Update is Store.Update within the transaction.
//
//	revision, err := transaction.Update("config", "theme", "light", 41)
func (transaction *StoreTransaction) Update(group, key, value string, revision uint64) (uint64, error) {
	outcome, err := transaction.execute(SetCommand{Group: group, Key: key, Value: value, IfRevision: &revision})
	return outcome.Revision, operationError("store.StoreTransaction.Update", group, key, err)
}

// Delete is Store.Delete within the transaction.
//
//	err := transaction.Delete("config", "theme")
func (transaction *StoreTransaction) Delete(group, key string) error {
	_, err := transaction.execute(DeleteCommand{Group: group, Key: key})
	return operationError("store.StoreTransaction.Delete", group, key, err)
}

// DeleteAt is Store.DeleteAt within the transaction.
//
//	err := transaction.DeleteAt("config", "theme", 41)
func (transaction *StoreTransaction) DeleteAt(group, key string, revision uint64) error {
	_, err := transaction.execute(DeleteCommand{Group: group, Key: key, IfRevision: &revision})
	return operationError("store.StoreTransaction.DeleteAt", group, key, err)
}

// Touch is Store.Touch within the transaction.
//
//	revision, err := transaction.Touch("session", "token", 5*time.Minute)
func (transaction *StoreTransaction) Touch(group, key string, timeToLive time.Duration) (uint64, error) {
	outcome, err := transaction.execute(TouchCommand{Group: group, Key: key, TimeToLive: timeToLive})
	return outcome.Revision, operationError("store.StoreTransaction.Touch", group, key, err)
}

// Increment is Store.Increment within the transaction.
//
//	left, err := transaction.Increment("stock", "apples", -1)
func (transaction *StoreTransaction) Increment(group, key string, by int64) (int64, error) {
	outcome, err := transaction.execute(IncrementCommand{Group: group, Key: key, By: by})
	return outcome.Number, operationError("store.StoreTransaction.Increment", group, key, err)
}
