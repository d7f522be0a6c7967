// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/store"
)

// What stands here are the commands of the model beyond set and delete, and how all
// of them are drawn.

func (model *model) touch(command store.TouchCommand) (store.Outcome, error) {
	if err := checkTTL(command.TimeToLive); err != nil {
		return store.Outcome{}, err
	}
	if err := model.check(command.Group, command.Key, command.IfRevision); err != nil {
		return store.Outcome{}, err
	}
	entry, exists := model.entries[entryID{command.Group, command.Key}]
	if !exists {
		return store.Outcome{}, store.ErrNotFound
	}
	entry.ExpiresAt = model.expiry(command.TimeToLive)
	event := model.log(store.Event{
		Type: store.EventTouch, Group: command.Group, Key: command.Key, ExpiresAt: entry.ExpiresAt, TraceParent: command.TraceParent,
	})
	entry.Revision, entry.UpdatedAt = event.Revision, event.Timestamp
	model.entries[entryID{command.Group, command.Key}] = entry
	return store.Outcome{Revision: event.Revision, ExpiresAt: entry.ExpiresAt, Entry: &entry}, nil
}

func (model *model) increment(command store.IncrementCommand) (store.Outcome, error) {
	set := store.SetCommand{Group: command.Group, Key: command.Key, TraceParent: command.TraceParent, KeepExpiry: command.TimeToLive == nil}
	if command.TimeToLive != nil {
		set.TimeToLive = *command.TimeToLive
	}
	if err := checkTTL(set.TimeToLive); err != nil {
		return store.Outcome{}, err
	}
	if err := model.check(command.Group, command.Key, nil); err != nil {
		return store.Outcome{}, err
	}
	sum := new(big.Int)
	if entry, exists := model.entries[entryID{command.Group, command.Key}]; exists {
		if _, isNumber := sum.SetString(entry.Value, 10); !isNumber {
			return store.Outcome{}, store.ErrNotANumber
		}
	}
	if sum.Add(sum, big.NewInt(command.By)); !sum.IsInt64() {
		return store.Outcome{}, store.ErrOverflow
	}
	set.Value = sum.String()
	outcome, err := model.set(set)
	if err != nil {
		return store.Outcome{}, err
	}
	outcome.Number = sum.Int64()
	return outcome, nil
}

func (model *model) get(operation store.GetOperation) (store.Outcome, error) {
	if err := model.check(operation.Group, operation.Key, nil); err != nil {
		return store.Outcome{}, err
	}
	entry, exists := model.entries[entryID{operation.Group, operation.Key}]
	if !exists {
		return store.Outcome{}, nil
	}
	return store.Outcome{Revision: entry.Revision, ExpiresAt: entry.ExpiresAt, Entry: &entry}, nil
}

// snapshot returns a function that takes back what happens from now on.
func (model *model) snapshot() (restore func()) {
	entries, lastChange, journal, namespaces := maps.Clone(model.entries), maps.Clone(model.lastChange), len(model.journal), map[string]*modelNamespace{}
	for name, namespace := range model.namespaces {
		copied := *namespace
		namespaces[name] = &copied
	}
	return func() {
		model.entries, model.lastChange, model.journal, model.namespaces = entries, lastChange, model.journal[:journal], namespaces
	}
}

// atomically takes back what function has done where it fails, and marks it as one
// transaction where it does not.
func (model *model) atomically(function func() error) error {
	revisions := map[string]uint64{}
	for name, namespace := range model.namespaces {
		revisions[name] = namespace.revision
	}
	restore := model.snapshot()
	if err := function(); err != nil {
		restore()
		return err
	}
	for name, namespace := range model.namespaces {
		first := revisions[name] + 1
		for index := range namespace.events[first-1:] {
			event := &namespace.events[first-1:][index]
			event.TransactionFirst, event.TransactionLast = first, namespace.revision
		}
	}
	return nil
}

func (model *model) transaction(command store.TransactionCommand) (store.Outcome, error) {
	outcome := store.Outcome{Transaction: &store.TransactionOutcome{}}
	err := model.atomically(func() error {
		before := model.namespace(command.Namespace).revision
		list, operations := "else", command.Else
		holds, err := model.guardsHold(command)
		if err != nil {
			return err
		}
		if holds {
			list, operations, outcome.Transaction.Succeeded = "then", command.Then, true
		}
		outcome.Transaction.Results = make([]store.Outcome, len(operations))
		for index, operation := range operations {
			result, err := model.apply(operation)
			if err == nil && namespaceOf(operation) != command.Namespace {
				err = store.ErrInvalidTransaction
			}
			if err != nil {
				return &store.TransactionError{List: list, Index: index, Err: err}
			}
			outcome.Transaction.Results[index] = result
		}
		if outcome.Revision = model.namespace(command.Namespace).revision; outcome.Revision > before {
			outcome.Transaction.FirstRevision = before + 1
		}
		return nil
	})
	if err != nil {
		return store.Outcome{}, err
	}
	return outcome, nil
}

func (model *model) guardsHold(command store.TransactionCommand) (bool, error) {
	for index, guard := range command.If {
		namespace, _ := store.NamespaceOf(guard.Group)
		err := model.check(guard.Group, guard.Key, nil)
		if err == nil && namespace != command.Namespace {
			err = store.ErrInvalidTransaction
		}
		if err != nil {
			return false, &store.TransactionError{List: "if", Index: index, Err: err}
		}
		entry, exists := model.entries[entryID{guard.Group, guard.Key}]
		switch {
		case guard.Revision != nil && *guard.Revision != entry.Revision,
			guard.Exists != nil && *guard.Exists != exists,
			guard.Value != nil && (!exists || *guard.Value != entry.Value):
			return false, nil
		}
	}
	return true, nil
}

// namespaceOf is where an operation works.
func namespaceOf(operation store.Command) string {
	group := ""
	switch operation := operation.(type) {
	case store.SetCommand:
		group = operation.Group
	case store.DeleteCommand:
		group = operation.Group
	case store.TouchCommand:
		group = operation.Group
	case store.IncrementCommand:
		group = operation.Group
	case store.GetOperation:
		group = operation.Group
	case store.DeleteGroupCommand:
		group = operation.Group
	}
	namespace, _ := store.NamespaceOf(group)
	return namespace
}

// modelAnswer is what was answered to a request.
type modelAnswer struct {
	digest [store.DigestBytes]byte
	bytes  []byte
	at     time.Time
}

// errUnanswerable is what an answer fails with in the model test.
var errUnanswerable = errors.New("no answer fits")

func (model *model) request(requested requested) (store.Outcome, error) {
	request := requested.request
	name := request.Namespace + "/" + request.ID
	if earlier, known := model.answers[name]; known && request.ID != "" && model.now().Sub(earlier.at) < 2*time.Minute {
		if earlier.digest != request.Digest {
			return store.Outcome{}, store.ErrRequestMismatch
		}
		return store.Outcome{Answer: earlier.bytes, Replayed: true}, nil
	}
	restore := model.snapshot()
	outcome, err := model.apply(requested.Command)
	if err == nil {
		outcome.Answer, err = request.Answer(outcome)
	}
	if err == nil && request.ID != "" && len(outcome.Answer) > 65_536 {
		err = store.ErrTooLarge
	}
	if err != nil {
		restore()
		return store.Outcome{}, err
	}
	if request.ID != "" {
		model.answers[name] = modelAnswer{digest: request.Digest, bytes: outcome.Answer, at: model.now()}
		model.clock.keepUnlogged()
	}
	return outcome, nil
}

// request draws a command, now and then with a request whose id was seen before.
func (machine *machine) request(t *rapid.T) store.Command {
	command := machine.command(t)
	if rapid.IntRange(0, 2).Draw(t, "requested") > 0 {
		return command
	}
	return requested{command, store.Request{
		Namespace: rapid.SampledFrom([]string{"acme", ""}).Draw(t, "request namespace"),
		ID:        rapid.SampledFrom([]string{"", "1", "2", "3"}).Draw(t, "request id"),
		Digest:    [store.DigestBytes]byte{byte(rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(t, "digest"))},
		Answer:    modelAnswers[rapid.IntRange(0, len(modelAnswers)-1).Draw(t, "answer")],
	}}
}

var modelAnswers = []func(store.Outcome) ([]byte, error){
	describeOutcome, describeOutcome, describeOutcome,
	func(store.Outcome) ([]byte, error) { return []byte{}, nil },
	func(store.Outcome) ([]byte, error) { return nil, errUnanswerable },
	func(store.Outcome) ([]byte, error) { return make([]byte, store.MaxAnswerBytes), nil },
	func(store.Outcome) ([]byte, error) { return make([]byte, store.MaxAnswerBytes+1), nil },
}

func describeOutcome(outcome store.Outcome) ([]byte, error) {
	return fmt.Appendf(nil, "%d %t %t %s %d", outcome.Revision, outcome.Created, outcome.Deleted, outcome.ExpiresAt, outcome.Number), nil
}

// command draws a command.
func (machine *machine) command(t *rapid.T) store.Command {
	switch rapid.IntRange(0, 12).Draw(t, "kind") {
	case 0, 1:
		return machine.transactionCommand(t)
	case 2:
		return store.DeletePrefixCommand{Prefix: rapid.SampledFrom(modelPrefixes).Draw(t, "prefix")}
	case 3:
		return machine.pointCommand(t)
	default:
		return machine.operation(t, modelGroups)
	}
}

// operation draws a command on one key; its guard is right more often than not.
func (machine *machine) operation(t *rapid.T, groups []string) store.Command {
	group := rapid.SampledFrom(groups).Draw(t, "group")
	key := rapid.SampledFrom(modelKeys).Draw(t, "key")
	traceParent := rapid.SampledFrom([]string{"", "00-trace-01"}).Draw(t, "trace parent")
	guard := machine.guard(t, machine.model.entries[entryID{group, key}].Revision)
	timeToLive := rapid.SampledFrom([]time.Duration{
		0, 0, time.Millisecond, 1500 * time.Microsecond, time.Second, time.Hour, 1, -time.Second, store.MaxTimeToLive, store.MaxTimeToLive + 1,
	}).Draw(t, "ttl")
	switch rapid.IntRange(0, 9).Draw(t, "operation") {
	case 0:
		return store.DeleteCommand{Group: group, Key: key, IfRevision: guard, TraceParent: traceParent}
	case 1:
		return store.GetOperation{Group: group, Key: key}
	case 2, 3:
		return store.TouchCommand{Group: group, Key: key, TimeToLive: timeToLive, IfRevision: guard, TraceParent: traceParent}
	case 4:
		command := store.IncrementCommand{Group: group, Key: key, TraceParent: traceParent}
		command.By = rapid.SampledFrom([]int64{1, -1, 0, 41, math.MaxInt64, math.MinInt64}).Draw(t, "by")
		if rapid.Bool().Draw(t, "has ttl") {
			command.TimeToLive = &timeToLive
		}
		return command
	case 5:
		return store.DeleteGroupCommand{Group: group, TraceParent: traceParent}
	default:
		return store.SetCommand{
			Group: group, Key: key, Value: drawValue(t), IfRevision: guard, TraceParent: traceParent,
			TimeToLive: timeToLive, KeepExpiry: rapid.IntRange(0, 4).Draw(t, "keep") == 0,
		}
	}
}

// guard draws what a key is expected to stand at, nil where nothing is.
func (machine *machine) guard(t *rapid.T, current uint64) *uint64 {
	switch rapid.IntRange(0, 5).Draw(t, "guard") {
	case 0, 1:
		return &current
	case 2:
		return pointerTo(rapid.SampledFrom([]uint64{0, 1, current + 1, 1 << 63}).Draw(t, "expected"))
	default:
		return nil
	}
}

// transactionCommand draws a transaction in one namespace, which now and then
// reaches for another.
func (machine *machine) transactionCommand(t *rapid.T) store.Command {
	namespace, _ := store.NamespaceOf(rapid.SampledFrom(modelGroups).Draw(t, "group of namespace"))
	groups := modelGroups
	if rapid.IntRange(0, 9).Draw(t, "astray") > 0 {
		groups = slices.DeleteFunc(slices.Clone(modelGroups), func(group string) bool {
			of, _ := store.NamespaceOf(group)
			return of != namespace
		})
	}
	command := store.TransactionCommand{Namespace: namespace}
	for range rapid.IntRange(0, 2).Draw(t, "guards") {
		command.If = append(command.If, machine.transactionGuard(t, groups))
	}
	for range rapid.IntRange(0, 5).Draw(t, "then") {
		command.Then = append(command.Then, machine.operation(t, groups))
	}
	for range rapid.IntRange(0, 2).Draw(t, "else") {
		command.Else = append(command.Else, machine.operation(t, groups))
	}
	return command
}

func (machine *machine) transactionGuard(t *rapid.T, groups []string) store.Guard {
	guard := store.Guard{Group: rapid.SampledFrom(groups).Draw(t, "guarded group"), Key: rapid.SampledFrom(modelKeys).Draw(t, "guarded key")}
	entry, exists := machine.model.entries[entryID{guard.Group, guard.Key}]
	guard.Revision = machine.guard(t, entry.Revision)
	if rapid.Bool().Draw(t, "has value") {
		guard.Value = pointerTo(rapid.SampledFrom([]string{entry.Value, entry.Value, "other"}).Draw(t, "guarded value"))
	}
	if guard.Revision == nil && guard.Value == nil {
		guard.Exists = pointerTo(exists != (rapid.IntRange(0, 3).Draw(t, "wrong") == 0))
	}
	return guard
}

// writeAtRevision uses the methods of the store that look before they write.
func (machine *machine) writeAtRevision(t *rapid.T, group, key, value string) (got, want error) {
	expected := orZero(machine.guard(t, machine.model.entries[entryID{group, key}].Revision))
	var outcome store.Outcome
	var revision uint64
	switch rapid.IntRange(0, 4).Draw(t, "guarded method") {
	case 0:
		revision, got = machine.opened.Create(group, key, value)
		outcome, want = machine.model.apply(store.SetCommand{Group: group, Key: key, Value: value, IfRevision: new(uint64)})
	case 1:
		revision, got = machine.opened.Update(group, key, value, expected)
		outcome, want = machine.model.apply(store.SetCommand{Group: group, Key: key, Value: value, IfRevision: &expected})
	case 2:
		got = machine.opened.DeleteAt(group, key, expected)
		_, want = machine.model.apply(store.DeleteCommand{Group: group, Key: key, IfRevision: &expected})
	case 3:
		revision, got = machine.opened.Touch(group, key, 700*time.Millisecond)
		outcome, want = machine.model.apply(store.TouchCommand{Group: group, Key: key, TimeToLive: 700 * time.Millisecond})
	case 4:
		var sum int64
		sum, got = machine.opened.Increment(group, key, 7)
		outcome, want = machine.model.apply(store.IncrementCommand{Group: group, Key: key, By: 7})
		require.Equal(t, outcome.Number, sum)
		outcome.Revision = 0
	}
	require.Equal(t, outcome.Revision, revision)
	return got, want
}

func orZero(revision *uint64) uint64 {
	if revision == nil {
		return 0
	}
	return *revision
}

// errUndo is what a callback takes its transaction back with.
var errUndo = errors.New("undo")

// Transaction runs a callback that writes, reads what it wrote, and fails now and then.
func (machine *machine) Transaction(t *rapid.T) {
	fails := rapid.IntRange(0, 2).Draw(t, "fails") == 0
	operations := rapid.IntRange(0, 6).Draw(t, "operations")
	machine.model.commit(func() {
		_ = machine.model.atomically(func() error {
			err := machine.opened.Transaction(func(transaction *store.StoreTransaction) error {
				for range operations {
					machine.transact(t, transaction)
				}
				if fails {
					return errUndo
				}
				return nil
			})
			if fails {
				require.ErrorIs(t, err, errUndo)
				return errUndo
			}
			require.NoError(t, err)
			return nil
		})
	})
}

// transact does one thing in a transaction and in the model, and compares.
func (machine *machine) transact(t *rapid.T, transaction *store.StoreTransaction) {
	group, key := rapid.SampledFrom(modelGroups).Draw(t, "group"), rapid.SampledFrom(modelKeys).Draw(t, "key")
	value := drawValue(t)
	expected := orZero(machine.guard(t, machine.model.entries[entryID{group, key}].Revision))
	var got, want error
	switch rapid.IntRange(0, 11).Draw(t, "method") {
	case 0:
		got = transaction.Set(group, key, value)
		_, want = machine.model.apply(store.SetCommand{Group: group, Key: key, Value: value})
	case 1:
		got = transaction.SetWithTTL(group, key, value, time.Second)
		_, want = machine.model.apply(store.SetCommand{Group: group, Key: key, Value: value, TimeToLive: time.Second})
	case 2:
		_, got = transaction.Create(group, key, value)
		_, want = machine.model.apply(store.SetCommand{Group: group, Key: key, Value: value, IfRevision: new(uint64)})
	case 3:
		_, got = transaction.Update(group, key, value, expected)
		_, want = machine.model.apply(store.SetCommand{Group: group, Key: key, Value: value, IfRevision: &expected})
	case 4:
		got = transaction.Delete(group, key)
		_, want = machine.model.apply(store.DeleteCommand{Group: group, Key: key})
	case 5:
		got = transaction.DeleteAt(group, key, expected)
		_, want = machine.model.apply(store.DeleteCommand{Group: group, Key: key, IfRevision: &expected})
	case 6:
		_, got = transaction.Touch(group, key, time.Hour)
		_, want = machine.model.apply(store.TouchCommand{Group: group, Key: key, TimeToLive: time.Hour})
	case 7:
		_, got = transaction.Increment(group, key, -7)
		_, want = machine.model.apply(store.IncrementCommand{Group: group, Key: key, By: -7})
	case 8:
		machine.compareWithin(t, transaction, group)
	case 9:
		got = transaction.DeleteGroup(group)
		_, want = machine.model.apply(store.DeleteGroupCommand{Group: group})
	case 10:
		prefix := rapid.SampledFrom(modelPrefixes).Draw(t, "prefix")
		got = transaction.DeletePrefix(prefix)
		_, want = machine.model.apply(store.DeletePrefixCommand{Prefix: prefix})
	case 11:
		machine.compareGroupsWithin(t, transaction, rapid.SampledFrom(modelPrefixes).Draw(t, "prefix"))
	}
	requireSameError(t, want, got)
	machine.compareEntryWithin(t, transaction, entryID{group, key})
}

func (machine *machine) compareEntryWithin(t *rapid.T, transaction *store.StoreTransaction, id entryID) {
	want, exists := machine.model.entries[id]
	got, err := transaction.GetEntry(id.group, id.key)
	if !exists {
		require.ErrorIs(t, err, store.ErrNotFound)
	} else {
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	there, err := transaction.Exists(id.group, id.key)
	require.NoError(t, err)
	require.Equal(t, exists, there)
}

func (machine *machine) compareWithin(t *rapid.T, transaction *store.StoreTransaction, group string) {
	all, err := transaction.GetAll(group)
	require.NoError(t, err)
	want := map[string]string{}
	for _, entry := range machine.model.group(group) {
		want[entry.Key] = entry.Value
		value, err := transaction.Get(group, entry.Key)
		require.NoError(t, err)
		require.Equal(t, entry.Value, value)
	}
	require.Equal(t, want, all)
	count, err := transaction.Count(group)
	require.NoError(t, err)
	require.Equal(t, len(want), count)
	exists, err := transaction.GroupExists(group)
	require.NoError(t, err)
	require.Equal(t, count > 0, exists)
	page, err := transaction.GetPage(group, 0, len(want)+1)
	require.NoError(t, err)
	require.Equal(t, keyValues(machine.model.group(group)), page)
}

func (machine *machine) compareGroupsWithin(t *rapid.T, transaction *store.StoreTransaction, prefix string) {
	groups, err := transaction.Groups(prefix)
	require.NoError(t, err)
	require.Equal(t, machine.model.groups(prefix), groups)
	keys, err := transaction.CountAll(prefix)
	require.NoError(t, err)
	require.Equal(t, machine.model.count(prefix), keys)
}
