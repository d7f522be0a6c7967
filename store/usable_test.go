// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"maps"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

var (
	errorType   = reflect.TypeFor[error]()
	contextType = reflect.TypeFor[context.Context]()
)

// unopened are receivers that no call of the package has made.
var unopened = map[string]any{
	"nil Store":                   (*store.Store)(nil),
	"zero Store":                  &store.Store{},
	"nil ScopedStore":             (*store.ScopedStore)(nil),
	"zero ScopedStore":            &store.ScopedStore{},
	"nil StoreTransaction":        (*store.StoreTransaction)(nil),
	"zero StoreTransaction":       &store.StoreTransaction{},
	"nil ScopedStoreTransaction":  (*store.ScopedStoreTransaction)(nil),
	"zero ScopedStoreTransaction": &store.ScopedStoreTransaction{},
	"nil Workspace":               (*store.Workspace)(nil),
	"zero Workspace":              &store.Workspace{},
	"nil Consumer":                (*store.Consumer)(nil),
	"zero Consumer":               &store.Consumer{},
}

// closed are receivers that were opened, of a store that is closed.
func closed(t *testing.T) map[string]any {
	t.Helper()
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: store.MemoryDatabase})
	require.NoError(t, err)
	scoped, err := store.NewScoped(opened, "acme")
	require.NoError(t, err)
	workspace := newWorkspace(t, opened, "acme", "import-42")
	consumer, err := opened.RegisterConsumer("reader")
	require.NoError(t, err)
	var transaction *store.StoreTransaction
	require.NoError(t, opened.Transaction(func(given *store.StoreTransaction) error {
		transaction = given
		return nil
	}))
	require.NoError(t, opened.Close())
	return map[string]any{
		"closed Store": opened, "closed ScopedStore": scoped, "closed Workspace": workspace, "closed Consumer": consumer,
		"closed StoreTransaction": transaction,
	}
}

// TestUsable_EveryMethod_Bad calls each method of each receiver that was never opened, or
// is closed.
func TestUsable_EveryMethod_Bad(t *testing.T) {
	receivers := closed(t)
	maps.Copy(receivers, unopened)
	for name, receiver := range receivers {
		want := store.ErrClosed
		switch receiver.(type) {
		case *store.StoreTransaction, *store.ScopedStoreTransaction:
			want = store.ErrTransactionEnded
		}
		forEachMethod(t, name, receiver, func(t *testing.T, method reflect.Value) {
			t.Helper()
			for _, err := range callWith(t, method, argument) {
				assert.ErrorIs(t, err, want)
			}
		})
	}
}

// TestUsable_EveryMethod_Ugly calls each method of an open store with the zero value of
// each argument: nil functions, contexts, commands, channels and slices.
func TestUsable_EveryMethod_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	scoped, err := store.NewScoped(opened, "acme")
	require.NoError(t, err)
	workspace := newWorkspace(t, opened, "acme", "import-42")
	consumer, err := opened.RegisterConsumer("reader")
	require.NoError(t, err)
	for name, receiver := range map[string]any{"Store": opened, "ScopedStore": scoped, "Workspace": workspace, "Consumer": consumer} {
		forEachMethod(t, name, receiver, func(t *testing.T, method reflect.Value) {
			t.Helper()
			errs := callWith(t, method, reflect.Zero)
			if takesNilWork(method.Type()) {
				require.NotEmpty(t, errs)
				assert.ErrorIs(t, errs[0], store.ErrInvalidArgument)
			}
			// Nobody was told of what was submitted: it is over when the store has answered this.
			_, err := opened.PurgeExpired()
			assert.NoError(t, err)
			assert.NoError(t, opened.Set("config", "theme", "dark"))
		})
	}
}

// forEachMethod runs check with each exported method of a receiver, but for what would
// end the receiver of the other calls.
func forEachMethod(t *testing.T, name string, receiver any, check func(t *testing.T, method reflect.Value)) {
	t.Helper()
	value := reflect.ValueOf(receiver)
	for index := range value.NumMethod() {
		method := value.Type().Method(index).Name
		if unopened[name] == nil && (method == "Close" || method == "Commit" || method == "Discard") {
			continue
		}
		t.Run(name+"/"+method, func(t *testing.T) {
			require.NotPanics(t, func() { check(t, value.Method(index)) })
		})
	}
}

// argument is a value that a caller could mean.
func argument(of reflect.Type) reflect.Value {
	switch {
	case of == contextType:
		return reflect.ValueOf(context.Background())
	case of == reflect.TypeFor[store.Command]():
		return reflect.ValueOf(store.SetCommand{Group: "config", Key: "theme"})
	case of == reflect.TypeFor[store.WorkspaceCommand]():
		return reflect.ValueOf(store.OpenWorkspaceCommand{Workspace: "import-42"})
	case of.Kind() == reflect.String:
		return reflect.ValueOf("acme").Convert(of)
	case of == reflect.TypeFor[time.Duration]():
		return reflect.ValueOf(time.Minute)
	case of.Kind() == reflect.Int:
		return reflect.ValueOf(1)
	case of.Kind() == reflect.Func:
		return reflect.MakeFunc(of, func([]reflect.Value) []reflect.Value { return zeros(of) })
	default:
		return reflect.Zero(of)
	}
}

func zeros(function reflect.Type) []reflect.Value {
	values := make([]reflect.Value, function.NumOut())
	for index := range values {
		values[index] = reflect.Zero(function.Out(index))
	}
	return values
}

// isDone reports whether a type is that of a function that is told of an answer.
func isDone(of reflect.Type) bool {
	return of.Kind() == reflect.Func && of.NumOut() == 0 && of.NumIn() == 2 && of.In(1) == errorType
}

// takesNilWork reports whether a method cannot do anything with nil arguments, and
// returns an error.
func takesNilWork(method reflect.Type) bool {
	if method.NumOut() == 0 || method.Out(method.NumOut()-1) != errorType {
		return false
	}
	for index := range method.NumIn() {
		if of := method.In(index); of == contextType || of.Kind() == reflect.Func {
			return true
		}
	}
	return false
}

// callWith calls a method and returns every error that it reports: as a result, in what
// it iterates over, and to a function that is told.
func callWith(t *testing.T, method reflect.Value, valueOf func(reflect.Type) reflect.Value) (errs []error) {
	t.Helper()
	of := method.Type()
	var arguments []reflect.Value
	for index := range of.NumIn() - index(of.IsVariadic()) {
		value := valueOf(of.In(index))
		if isDone(of.In(index)) && !value.IsNil() {
			value = reflect.MakeFunc(of.In(index), func(told []reflect.Value) []reflect.Value {
				errs = append(errs, asError(told[1]))
				return nil
			})
		}
		arguments = append(arguments, value)
	}
	for _, result := range method.Call(arguments) {
		switch of := result.Type(); {
		case of == errorType:
			errs = append(errs, asError(result))
		case of.Kind() == reflect.Func && of.NumIn() == 0:
			result.Call(nil)
		case of.Kind() == reflect.Func && of.CanSeq2():
			for _, err := range result.Seq2() {
				errs = append(errs, asError(err))
			}
		}
	}
	return errs
}

func index(variadic bool) int {
	if variadic {
		return 1
	}
	return 0
}

func asError(value reflect.Value) error {
	err, _ := value.Interface().(error)
	return err
}

func TestUsable_OnChange_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	scoped, err := store.NewScoped(opened, "acme")
	require.NoError(t, err)
	for name, unregister := range map[string]func(){
		"Store": opened.OnChange(nil), "ScopedStore": scoped.OnChange(nil), "nil": (*store.Store)(nil).OnChange(func(store.Event) {}),
	} {
		require.NotNil(t, unregister, name)
		assert.NoError(t, opened.Set("acme:config", "theme", "dark"), name)
		unregister()
		unregister()
	}
	assert.NoError(t, opened.Set("acme:config", "theme", "light"))
}

func TestUsable_Getters_Good(t *testing.T) {
	for _, opened := range []*store.Store{nil, {}} {
		assert.True(t, opened.IsClosed())
		assert.False(t, opened.JournalConfigured())
		assert.Empty(t, opened.DatabasePath()+opened.ID())
		assert.Equal(t, store.StoreConfig{}, opened.Config())
		_, open := <-opened.Watch("config")
		assert.False(t, open, "a loop over the channel ends")
	}
	assert.Empty(t, (*store.Workspace)(nil).Name()+(*store.Workspace)(nil).DatabasePath()+(*store.ScopedStore)(nil).Namespace())
}

func TestUsable_New_Bad(t *testing.T) {
	_, err := store.New(store.MemoryDatabase, store.WithPurgeInterval(time.Minute), nil)
	require.ErrorIs(t, err, store.ErrInvalidArgument)
	assert.EqualError(t, err, "store.New: invalid argument: option 2 of 2 is nil")
	for _, opened := range []*store.Store{nil, {}} {
		_, err = store.NewScoped(opened, "acme")
		assert.ErrorIs(t, err, store.ErrClosed)
		_, err = store.NewScopedConfigured(opened, store.ScopedStoreConfig{Namespace: "acme", Quota: store.QuotaConfig{MaxKeys: 1}})
		assert.ErrorIs(t, err, store.ErrClosed)
	}
}

// TestUsable_Submit_Bad submits what is no command, beside one that is.
func TestUsable_Submit_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	set := store.SetCommand{Group: "config", Key: "theme", Value: "dark"}
	for name, command := range map[string]store.Command{
		"nil": nil, "nil pointer": (*store.SetCommand)(nil), "pointer": &set, "nil transaction": (*store.TransactionCommand)(nil),
	} {
		_, err := submitWithRequest(opened, store.Request{}, command)
		assert.ErrorIs(t, err, store.ErrInvalidArgument, name)
		if command != nil {
			_, err = submit(opened, command)
			assert.ErrorIs(t, err, store.ErrInvalidArgument, name)
		}
		for list, transaction := range map[string]store.TransactionCommand{"then": {Then: []store.Command{set, command}}, "else": {Else: []store.Command{set, command}}} {
			_, err = submit(opened, transaction)
			assert.ErrorIs(t, err, store.ErrInvalidTransaction, name)
			assert.ErrorContains(t, err, list+"[1]: ", name)
		}
	}
	t.Run("ThePrefixOfManyNamespacesBehindAPointer", func(t *testing.T) {
		_, err := submit(opened, store.TransactionCommand{Then: []store.Command{&store.DeletePrefixCommand{}}})
		assert.ErrorIs(t, err, store.ErrInvalidTransaction)
	})
	t.Run("Workspace", func(t *testing.T) {
		for _, command := range []store.WorkspaceCommand{nil, (*store.PutWorkspaceCommand)(nil), &store.OpenWorkspaceCommand{Workspace: "import-42"}} {
			done := make(chan error, 1)
			opened.SubmitWorkspace(store.Request{}, command, func(_ store.Outcome, err error) { done <- err })
			assert.ErrorIs(t, <-done, store.ErrInvalidArgument)
		}
	})
}

// TestUsable_Submit_Ugly submits the zero value of every command.
func TestUsable_Submit_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	for _, command := range []store.Command{
		store.SetCommand{}, store.DeleteCommand{}, store.TouchCommand{}, store.IncrementCommand{}, store.DeleteGroupCommand{}, store.DeletePrefixCommand{},
		store.TransactionCommand{}, store.JournalCommand{}, store.RequeueJournalCommand{}, store.GetOperation{},
	} {
		for _, request := range []store.Request{{}, {Namespace: "acme", ID: reflect.TypeOf(command).Name()}} {
			_, err := submitWithRequest(opened, request, command)
			assert.NotErrorIs(t, err, store.ErrClosed)
			outcome, again := submitWithRequest(opened, request, command)
			assert.Equal(t, err == nil && request.ID != "", outcome.Replayed, "%T: a nil Answer is remembered as an empty one", command)
			assert.Equal(t, err == nil, again == nil)
		}
	}
	for _, command := range []store.WorkspaceCommand{
		store.OpenWorkspaceCommand{}, store.PutWorkspaceCommand{}, store.CommitWorkspaceCommand{}, store.DiscardWorkspaceCommand{},
	} {
		done := make(chan error, 1)
		opened.SubmitWorkspace(store.Request{}, command, func(_ store.Outcome, err error) { done <- err })
		assert.ErrorIs(t, <-done, store.ErrInvalidName, "%T", command)
	}
}

func submitWithRequest(opened *store.Store, request store.Request, command store.Command) (store.Outcome, error) {
	done := make(chan result, 1)
	opened.SubmitRequest(request, command, func(outcome store.Outcome, err error) { done <- result{outcome, err} })
	submitted := <-done
	return submitted.outcome, submitted.err
}
