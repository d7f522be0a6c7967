// SPDX-License-Identifier: EUPL-1.2

package commands

import (
	"fmt"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// MaxTransactionOperations is the largest length of each list of a TransactionCommand.
const MaxTransactionOperations = 1000

// TransactionCommand carries out Then if all guards of If hold, and Else otherwise. It carries
// out the whole list or, if one operation fails, nothing. Each operation sees the operations
// before it. All groups lie in one namespace. It fails with TransactionError, which names the
// guard or the operation, or with ErrInvalidTransaction.
//
//	store.TransactionCommand{
//		Namespace: "acme",
//		If:        []store.Guard{{Group: "acme:stock", Key: "apples", Value: &three}},
//		Then: []store.Command{
//			store.IncrementCommand{Group: "acme:stock", Key: "apples", By: -1},
//			store.IncrementCommand{Group: "acme:sold", Key: "apples", By: 1},
//		},
//		Else: []store.Command{store.GetOperation{Group: "acme:stock", Key: "apples"}},
//	}
type TransactionCommand struct {
	// Namespace is the namespace of every group; it may be empty.
	Namespace string
	// If, Then and Else hold at most MaxTransactionOperations each, and may be empty. Every
	// command can be an operation, with two exceptions: another transaction, and a
	// DeletePrefixCommand whose prefix has no colon, which would reach beyond the namespace.
	If   []Guard
	Then []Command
	Else []Command
}

// The lists of a transaction, as TransactionError names them.
const (
	listIf   = "if"
	listThen = "then"
	listElse = "else"
)

// Apply implements Command.
func (command TransactionCommand) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	if err := command.check(); err != nil {
		return Outcome{}, err
	}
	nested := batch.Nested()
	revision, err := nested.Revision(command.Namespace)
	if err != nil {
		return Outcome{}, err
	}
	outcome := &TransactionOutcome{}
	if outcome.Succeeded, err = command.guardsHold(nested); err != nil {
		return Outcome{}, err
	}
	if outcome.Results, err = command.operate(nested, outcome.Succeeded, origin); err != nil {
		return Outcome{}, err
	}
	nested.MarkTransaction()
	if changes := nested.Events(); len(changes) > 0 {
		outcome.FirstRevision, revision = changes[0].Revision, changes[len(changes)-1].Revision
	}
	batch.Merge(nested)
	return Outcome{Revision: revision, Transaction: outcome}, nil
}

// Groups implements Command.
func (command TransactionCommand) Groups() (groups []string) {
	for _, guard := range command.If {
		groups = append(groups, guard.Group)
	}
	for _, operation := range slices.Concat(command.Then, command.Else) {
		if Check(operation) == nil { // else the transaction is none, and names nothing
			groups = append(groups, operation.Groups()...)
		}
	}
	return groups
}

// check refuses an invalid transaction, whichever list would be carried out.
func (command TransactionCommand) check() error {
	if err := checkLength(listIf, len(command.If)); err != nil {
		return err
	}
	for index, guard := range command.If {
		if guard.Revision == nil && guard.Exists == nil && guard.Value == nil {
			return &failure.TransactionError{List: listIf, Index: index, Err: fmt.Errorf("%w: a guard needs a revision, an existence or a value", failure.ErrInvalidTransaction)}
		}
	}
	if err := checkOperations(listThen, command.Then); err != nil {
		return err
	}
	return checkOperations(listElse, command.Else)
}

func checkOperations(list string, operations []Command) error {
	for index, operation := range operations {
		if err := checkOperation(operation); err != nil {
			return &failure.TransactionError{List: list, Index: index, Err: err}
		}
	}
	return checkLength(list, len(operations))
}

func checkOperation(operation Command) error {
	if err := Check(operation); err != nil {
		return fmt.Errorf("%w: %w", failure.ErrInvalidTransaction, err)
	}
	switch operation := operation.(type) {
	case TransactionCommand:
		return fmt.Errorf("%w: a transaction cannot hold another", failure.ErrInvalidTransaction)
	case DeletePrefixCommand:
		if kv.RealmOfPrefix(operation.Prefix).Whole {
			return fmt.Errorf("%w: groups of many namespaces may begin with %q; a prefix needs its colon", failure.ErrInvalidTransaction, operation.Prefix)
		}
	}
	return nil
}

func checkLength(list string, length int) error {
	if length > MaxTransactionOperations {
		return fmt.Errorf("%w: %q holds %d, at most %d are allowed", failure.ErrInvalidTransaction, list, length, MaxTransactionOperations)
	}
	return nil
}

func (command TransactionCommand) guardsHold(batch *batch.Batch) (bool, error) {
	for index, guard := range command.If {
		holds, err := guard.holds(batch)
		if err == nil {
			err = command.within(batch)
		}
		if err != nil {
			return false, &failure.TransactionError{List: listIf, Index: index, Err: err}
		}
		if !holds {
			return false, nil
		}
	}
	return true, nil
}

// operate carries out the list that the guards have chosen.
func (command TransactionCommand) operate(batch *batch.Batch, succeeded bool, origin batch.Origin) ([]Outcome, error) {
	list, operations := listElse, command.Else
	if succeeded {
		list, operations = listThen, command.Then
	}
	results := make([]Outcome, len(operations))
	for index, operation := range operations {
		var err error
		if results[index], err = operation.Apply(batch, origin); err == nil {
			err = command.within(batch)
		}
		if err != nil {
			return nil, &failure.TransactionError{List: list, Index: index, Err: err}
		}
	}
	return results, nil
}

// within returns an error if a nested batch has had to do with another namespace than the
// transaction's: it has looked at that one first.
func (command TransactionCommand) within(batch *batch.Batch) error {
	if name, beyond := batch.Beyond(command.Namespace); beyond {
		return fmt.Errorf("%w: its namespace is %q, not %q", failure.ErrInvalidTransaction, command.Namespace, name)
	}
	return nil
}

// Guard is a condition of a TransactionCommand on Key of Group, the group's whole name. All
// fields that are not nil must hold; at least one is required.
//
//	store.Guard{Group: "acme:config", Key: "theme", Exists: &no}
type Guard struct {
	Group string
	Key   string
	// Revision, if not nil, is the revision of the entry, 0 for no entry.
	Revision *uint64
	// Exists, if not nil, says whether there is an entry.
	Exists *bool
	// Value, if not nil, is the value of the entry. It never holds if there is no entry.
	Value *string
}

func (guard Guard) holds(batch *batch.Batch) (bool, error) {
	target, err := batch.CheckedTargetWithValue(guard.Group, guard.Key)
	if err != nil {
		return false, err
	}
	current := target.Live(batch.Timestamp())
	holds := (guard.Revision == nil || *guard.Revision == current.Revision) &&
		(guard.Exists == nil || *guard.Exists == current.Present()) &&
		(guard.Value == nil || current.Present() && *guard.Value == current.Value)
	return holds, nil
}

// GetOperation reads Key of Group, the group's whole name, among the operations of a
// transaction. If there is no such key, Outcome.Entry is nil, and that is not a failure.
//
//	store.GetOperation{Group: "acme:config", Key: "theme"}
type GetOperation struct {
	Group string
	Key   string
	// TimeToLive, if not nil, is the new time to live of the entry; 0 removes the expiry.
	TimeToLive *time.Duration
	// TraceParent is passed to the event of the touch.
	TraceParent string
}

// Groups implements Command.
func (operation GetOperation) Groups() []string { return []string{operation.Group} }

// Apply implements Command.
func (operation GetOperation) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	target, err := batch.CheckedTargetWithValue(operation.Group, operation.Key)
	if err != nil {
		return Outcome{}, err
	}
	current := target.Live(batch.Timestamp())
	switch {
	case !current.Present():
		return Outcome{}, nil
	case operation.TimeToLive != nil:
		touch := TouchCommand{Group: operation.Group, Key: operation.Key, TimeToLive: *operation.TimeToLive, TraceParent: operation.TraceParent}
		return touch.Apply(batch, origin)
	}
	entry := kv.NewEntry(operation.Group, operation.Key, &current)
	return Outcome{Revision: entry.Revision, ExpiresAt: entry.ExpiresAt, Entry: &entry}, nil
}

// Grows reports whether an operation grows, see the function Grows.
func (command TransactionCommand) Grows() bool {
	return slices.ContainsFunc(command.Then, Grows) || slices.ContainsFunc(command.Else, Grows)
}
