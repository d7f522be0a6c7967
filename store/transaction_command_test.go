// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestTransactionCommand_Apply_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	require.NoError(t, opened.Set("acme:stock", "apples", "3"))
	t.Run("OperationsSeeTheOnesBefore", func(t *testing.T) {
		outcome, err := submit(opened, store.TransactionCommand{
			Namespace: "acme",
			If: []store.Guard{
				{Group: "acme:stock", Key: "apples", Value: pointerTo("3"), Revision: pointerTo(uint64(1)), Exists: pointerTo(true)},
				{Group: "acme:sold", Key: "apples", Exists: pointerTo(false)},
				{Group: "acme:sold", Key: "apples", Revision: new(uint64)},
			},
			Then: []store.Command{
				store.IncrementCommand{Group: "acme:stock", Key: "apples", By: -1},
				store.GetOperation{Group: "acme:stock", Key: "apples"},
				store.GetOperation{Group: "acme:stock", Key: "pears"},
				store.SetCommand{Group: "acme:sold", Key: "apples", Value: "1", TimeToLive: time.Minute},
				store.TouchCommand{Group: "acme:sold", Key: "apples", IfRevision: pointerTo(uint64(3))},
				store.DeleteCommand{Group: "acme:stock", Key: "pears"},
				store.DeleteCommand{Group: "acme:stock", Key: "apples"},
			},
			Else: []store.Command{store.SetCommand{Group: "acme:stock", Key: "never", Value: ""}},
		})
		require.NoError(t, err)
		stock := store.Entry{Group: "acme:stock", Key: "apples", Value: "2", Revision: 2, UpdatedAt: clock.Now()}
		sold := store.Entry{Group: "acme:sold", Key: "apples", Value: "1", Revision: 4, UpdatedAt: clock.Now()}
		assert.Equal(t, store.Outcome{Revision: 5, Transaction: &store.TransactionOutcome{
			Succeeded: true, FirstRevision: 2,
			Results: []store.Outcome{
				{Revision: 2, Number: 2},
				{Revision: 2, Entry: &stock},
				{},
				{Revision: 3, Created: true, ExpiresAt: clock.Now().Add(time.Minute)},
				{Revision: 4, Entry: &sold},
				{Revision: 4},
				{Revision: 5, Deleted: true},
			},
		}}, outcome)
		events := changes(t, opened, "acme", 0)
		assert.Equal(t, []string{"set apples", "set apples", "set apples", "touch apples", "delete apples"}, brief(events))
		assert.Zero(t, events[0].TransactionFirst)
		for _, event := range events[1:] {
			assert.Equal(t, []uint64{2, 5}, []uint64{event.TransactionFirst, event.TransactionLast})
		}
	})
	t.Run("ElseWhereAGuardDoesNotHold", func(t *testing.T) {
		for name, guard := range map[string]store.Guard{
			"Revision":     {Group: "acme:sold", Key: "apples", Revision: pointerTo(uint64(3))},
			"Exists":       {Group: "acme:sold", Key: "apples", Exists: pointerTo(false)},
			"Value":        {Group: "acme:sold", Key: "apples", Value: pointerTo("2")},
			"ValueMissing": {Group: "acme:sold", Key: "pears", Value: pointerTo("")},
			"OneOfTwo":     {Group: "acme:sold", Key: "apples", Value: pointerTo("1"), Exists: pointerTo(false)},
		} {
			outcome, err := submit(opened, store.TransactionCommand{
				Namespace: "acme",
				If:        []store.Guard{{Group: "acme:sold", Key: "apples", Exists: pointerTo(true)}, guard},
				Then:      []store.Command{store.SetCommand{Group: "acme:sold", Key: "apples", Value: "never"}},
				Else:      []store.Command{store.GetOperation{Group: "acme:sold", Key: "apples"}},
			})
			require.NoError(t, err, name)
			require.NotNil(t, outcome.Transaction)
			assert.False(t, outcome.Transaction.Succeeded, name)
			assert.Zero(t, outcome.Transaction.FirstRevision, name)
			assert.Equal(t, uint64(5), outcome.Revision, name)
			require.Len(t, outcome.Transaction.Results, 1)
			assert.Equal(t, "1", outcome.Transaction.Results[0].Entry.Value)
		}
		assert.Len(t, changes(t, opened, "acme", 0), 5)
	})
	t.Run("NothingAtAll", func(t *testing.T) {
		for namespace, revision := range map[string]uint64{"acme": 5, "fresh": 0, "": 0} {
			outcome, err := submit(opened, store.TransactionCommand{Namespace: namespace})
			require.NoError(t, err)
			assert.Equal(t, store.Outcome{Revision: revision, Transaction: &store.TransactionOutcome{Succeeded: true, Results: []store.Outcome{}}}, outcome)
		}
		status, err := opened.Status()
		require.NoError(t, err)
		assert.Equal(t, uint64(1), status.Namespaces, "reading makes no namespace")
	})
	t.Run("ExpiryIsPartOfIt", func(t *testing.T) {
		require.NoError(t, opened.SetWithTTL("short:g", "a", "1", time.Second))
		release := store.Hold(opened)
		opened.Submit(store.TransactionCommand{
			Namespace: "short",
			If:        []store.Guard{{Group: "short:g", Key: "a", Exists: pointerTo(true)}},
			Else:      []store.Command{store.SetCommand{Group: "short:g", Key: "a", Value: "2"}},
		}, func(store.Outcome, error) {})
		clock.Advance(time.Second)
		release()
		settle(t, opened)
		events := changes(t, opened, "short", 0)
		assert.Equal(t, []string{"set a", "expire a", "set a"}, brief(events))
		assert.True(t, events[2].Created)
	})
}

func TestTransactionCommand_Apply_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Limits: store.Limits{KeyBytes: 7, EntryBytes: 1000}})
	require.NoError(t, opened.Set("acme:g", "a", "1"))
	before := store.SetCommand{Group: "acme:new", Key: "before", Value: "1"}
	operation := func(commands ...store.Command) store.TransactionCommand {
		return store.TransactionCommand{Namespace: "acme", Then: append([]store.Command{before}, commands...)}
	}
	many := make([]store.Command, store.MaxTransactionOperations+1)
	for index := range many {
		many[index] = before
	}
	for name, test := range map[string]struct {
		command store.TransactionCommand
		want    error
		list    string
		index   int
	}{
		"MissingKey":        {operation(before, store.TouchCommand{Group: "acme:g", Key: "b"}), store.ErrNotFound, "then", 2},
		"Conflict":          {operation(store.SetCommand{Group: "acme:g", Key: "a", IfRevision: new(uint64)}), store.ErrRevisionConflict, "then", 1},
		"NotANumber":        {operation(store.SetCommand{Group: "acme:g", Key: "a", Value: "x"}, store.IncrementCommand{Group: "acme:g", Key: "a"}), store.ErrNotANumber, "then", 2},
		"TooLarge":          {operation(store.SetCommand{Group: "acme:g", Key: "a", Value: string(make([]byte, 1000))}), store.ErrTooLarge, "then", 1},
		"InvalidName":       {operation(store.GetOperation{Group: "acme:g", Key: "too long"}), store.ErrInvalidName, "then", 1},
		"OtherNamespace":    {operation(store.SetCommand{Group: "other:g", Key: "a"}), store.ErrInvalidTransaction, "then", 1},
		"ReadElsewhere":     {operation(store.GetOperation{Group: "g", Key: "a"}), store.ErrInvalidTransaction, "then", 1},
		"Nested":            {operation(store.TransactionCommand{Namespace: "acme"}), store.ErrInvalidTransaction, "then", 1},
		"NestedInElse":      {store.TransactionCommand{Namespace: "acme", Else: []store.Command{store.TransactionCommand{}}}, store.ErrInvalidTransaction, "else", 0},
		"InElse":            {store.TransactionCommand{Namespace: "acme", If: []store.Guard{{Group: "acme:g", Key: "a", Value: new(string)}}, Else: []store.Command{before, store.TouchCommand{Group: "acme:g", Key: "b"}}}, store.ErrNotFound, "else", 1},
		"GuardWithoutSense": {store.TransactionCommand{Namespace: "acme", If: []store.Guard{{Group: "acme:g", Key: "a"}}, Then: []store.Command{before}}, store.ErrInvalidTransaction, "if", 0},
		"GuardElsewhere":    {store.TransactionCommand{Namespace: "acme", If: []store.Guard{{Group: "other:g", Key: "a", Exists: new(bool)}}, Then: []store.Command{before}}, store.ErrInvalidTransaction, "if", 0},
		"GuardWithBadName":  {store.TransactionCommand{Namespace: "acme", If: []store.Guard{{Group: "acme:g", Key: "too long", Exists: new(bool)}}, Then: []store.Command{before}}, store.ErrInvalidName, "if", 0},
		"TooManyThen":       {store.TransactionCommand{Namespace: "acme", Then: many}, store.ErrInvalidTransaction, "", 0},
		"TooManyElse":       {store.TransactionCommand{Namespace: "acme", Else: many}, store.ErrInvalidTransaction, "", 0},
		"TooManyGuards":     {store.TransactionCommand{Namespace: "acme", If: make([]store.Guard, store.MaxTransactionOperations+1)}, store.ErrInvalidTransaction, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			results := submitTogether(opened,
				store.SetCommand{Group: "acme:g", Key: "before", Value: name},
				test.command,
				store.SetCommand{Group: "acme:g", Key: "after", Value: name},
			)
			require.ErrorIs(t, results[1].err, test.want)
			assert.Zero(t, results[1].outcome)
			if test.list != "" {
				var failure *store.TransactionError
				require.ErrorAs(t, results[1].err, &failure)
				assert.Equal(t, []any{test.list, test.index}, []any{failure.List, failure.Index})
			}
			require.NoError(t, results[0].err)
			require.NoError(t, results[2].err)
			assert.Equal(t, results[0].outcome.Revision+1, results[2].outcome.Revision, "nothing is left in between")
			requireValue(t, opened, "a", "1")
			requireValue(t, opened, "after", name)
			exists, err := opened.Exists("acme:new", "before")
			require.NoError(t, err)
			assert.False(t, exists)
		})
	}
}

func TestTransactionCommand_Apply_Ugly(t *testing.T) {
	t.Run("AsLargeAsItMayBe", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		command := store.TransactionCommand{Namespace: "acme"}
		for range store.MaxTransactionOperations {
			command.Then = append(command.Then, store.IncrementCommand{Group: "acme:g", Key: "a", By: 1})
		}
		for _, result := range submitTogether(opened, command, command) {
			require.NoError(t, result.err)
		}
		requireValue(t, opened, "a", "2000")
		events := changes(t, opened, "acme", 0)
		require.Len(t, events, 2000)
		for index, event := range events {
			first := uint64(index/1000*1000 + 1)
			require.Equal(t, []uint64{first, first + 999}, []uint64{event.TransactionFirst, event.TransactionLast})
		}
	})
	t.Run("EventsKeepTheirPlaceAcrossARestart", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		_, err := submit(opened, store.TransactionCommand{Namespace: "acme", Then: []store.Command{
			store.SetCommand{Group: "acme:g", Key: "a"}, store.SetCommand{Group: "acme:h", Key: "b"},
		}})
		require.NoError(t, err)
		before := changes(t, opened, "acme", 0)
		opened = reopen(t, opened, config)
		assert.Equal(t, before, changes(t, opened, "acme", 0))
	})
}
