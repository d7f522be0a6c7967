// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestStoreTransactionGroups_Reads_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	for _, group := range []string{"acme:a", "acme:b", "acme:gone", "other:a", "plain"} {
		setIn(t, opened, group, "x", "y")
	}
	require.NoError(t, opened.SetWithTTL("acme:a", "due", "", time.Minute))
	require.NoError(t, opened.SetWithTTL("acme:due", "due", "", time.Minute))
	release := store.Hold(opened)
	done := make(chan error, 1)
	go func() {
		done <- opened.Transaction(func(transaction *store.StoreTransaction) error {
			assert.NoError(t, transaction.Set("acme:new", "z", "1, 2"))
			assert.NoError(t, transaction.Set("acme:b", "z", ""))
			assert.NoError(t, transaction.DeleteGroup("acme:gone"))
			requireGroupsWithin(t, transaction)
			requireEntriesWithin(t, transaction)
			return nil
		})
	}()
	store.WaitForWrite(opened)
	clock.Advance(time.Hour)
	release()
	require.NoError(t, <-done)
	keys, err := opened.CountAll("acme:")
	require.NoError(t, err)
	assert.Equal(t, 6, keys)
}

// requireGroupsWithin checks what a transaction tells of groups that it has changed.
func requireGroupsWithin(t *testing.T, transaction *store.StoreTransaction) {
	t.Helper()
	for prefix, want := range map[string][]string{
		"acme:": {"acme:a", "acme:b", "acme:new"}, "": {"acme:a", "acme:b", "acme:new", "other:a", "plain"}, "acme:g": {},
	} {
		groups, err := transaction.Groups(prefix)
		assert.NoError(t, err)
		assert.Equal(t, want, groups)
		keys, err := transaction.CountAll(prefix)
		assert.NoError(t, err)
		assert.Equal(t, map[string]int{"acme:": 6, "": 10, "acme:g": 0}[prefix], keys)
	}
	for group, want := range map[string]int{"acme:a": 2, "acme:b": 3, "acme:gone": 0, "acme:due": 0, "acme:new": 1, "plain": 2} {
		keys, err := transaction.Count(group)
		assert.NoError(t, err)
		assert.Equal(t, want, keys, group)
		there, err := transaction.GroupExists(group)
		assert.NoError(t, err)
		assert.Equal(t, want > 0, there, group)
	}
	for group, err := range transaction.GroupsSeq() {
		assert.NoError(t, err)
		assert.Equal(t, "acme:a", group)
		break
	}
}

func requireEntriesWithin(t *testing.T, transaction *store.StoreTransaction) {
	t.Helper()
	page, err := transaction.GetPage("acme:b", 1, 5)
	assert.NoError(t, err)
	assert.Equal(t, []store.KeyValue{{Key: "y", Value: "value"}, {Key: "z"}}, page)
	for _, place := range [][2]int{{0, 0}, {3, 1}, {9, 9}} {
		page, err = transaction.GetPage("acme:b", place[0], place[1])
		assert.NoError(t, err)
		assert.Equal(t, []store.KeyValue{}, page)
	}
	keys := []string{}
	for entry, err := range transaction.AllSeq("acme:a") {
		assert.NoError(t, err)
		assert.NoError(t, transaction.Set("acme:a", "also "+entry.Key, ""), "the loop may write")
		keys = append(keys, entry.Key)
	}
	assert.Equal(t, []string{"x", "y"}, keys)
	for _, key := range keys {
		assert.NoError(t, transaction.Delete("acme:a", "also "+key))
	}
	for _, err := range transaction.All("acme:a") {
		assert.NoError(t, err)
		break // The loop may end.
	}
	parts, err := transaction.GetSplit("acme:new", "z", ",")
	assert.NoError(t, err)
	assert.Equal(t, []string{"1", " 2"}, slices.Collect(parts))
	parts, err = transaction.GetFields("acme:new", "z")
	assert.NoError(t, err)
	assert.Equal(t, []string{"1,", "2"}, slices.Collect(parts))
	text, err := transaction.Render("{{range $key, $value := .}}{{$key}}={{$value}};{{end}}", "acme:b")
	assert.NoError(t, err)
	assert.Equal(t, "x=value;y=value;z=;", text)
}

func TestStoreTransactionGroups_Reads_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	var kept *store.StoreTransaction
	require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
		kept = transaction
		_, err := transaction.GetPage("acme:g", -1, 0)
		require.EqualError(t, err, `store.StoreTransaction.GetPage: group "acme:g" key "": offset -1 and limit 0 may not be negative`)
		_, err = transaction.GetSplit("acme:g", "missing", ",")
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = transaction.GetFields("acme:g", "missing")
		require.ErrorIs(t, err, store.ErrNotFound)
		_, err = transaction.Render("{{", "acme:g")
		require.ErrorIs(t, err, store.ErrInvalidTemplate)
		require.NoError(t, transaction.Set("acme:g", "a", strings.Repeat("x", store.MaxRenderedGroupBytes)))
		_, err = transaction.Render("", "acme:g")
		require.ErrorIs(t, err, store.ErrTooLarge)
		return transaction.Delete("acme:g", "a")
	}))
	failures := map[string]error{"DeleteGroup": kept.DeleteGroup("acme:g"), "DeletePrefix": kept.DeletePrefix("acme:")}
	_, failures["GetPage"] = kept.GetPage("acme:g", 0, 1)
	_, failures["Render"] = kept.Render("", "acme:g")
	_, failures["Count"] = kept.Count("acme:g")
	_, failures["CountAll"] = kept.CountAll("acme:")
	_, failures["GroupExists"] = kept.GroupExists("acme:g")
	_, failures["Groups"] = kept.Groups("acme:")
	for _, failures["GroupsSeq"] = range kept.GroupsSeq("acme:") {
	}
	for _, failures["All"] = range kept.All("acme:g") {
	}
	for name, failure := range failures {
		require.ErrorIs(t, failure, store.ErrTransactionEnded, name)
		assert.ErrorContains(t, failure, "store.StoreTransaction."+name+": ")
	}
}

func TestStoreTransactionGroups_Deletes_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, group := range []string{"acme:a", "acme:b", "acme:c", "other:a"} {
		setIn(t, opened, group, "x", "y")
	}
	require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
		require.NoError(t, transaction.DeleteGroup("acme:a"))
		require.NoError(t, transaction.Set("acme:a", "x", "new"))
		require.NoError(t, transaction.Set("acme:d", "x", "new"))
		require.NoError(t, transaction.DeletePrefix("acme:"))
		require.NoError(t, transaction.Set("acme:b", "z", "newest"))
		return nil
	}))
	requireKeys(t, opened, "acme:b", "z")
	all, err := opened.CountAll("acme:")
	require.NoError(t, err)
	assert.Equal(t, 1, all)
	events := changes(t, opened, "acme", 6)
	assert.Equal(t, []string{"delete_group ", "set x", "set x", "delete_group ", "delete_group ", "delete_group ", "delete_group ", "set z"}, brief(events))
	for _, event := range events {
		assert.Equal(t, []uint64{7, 14}, []uint64{event.TransactionFirst, event.TransactionLast})
	}
	require.ErrorIs(t, opened.Transaction(func(transaction *store.StoreTransaction) error {
		require.NoError(t, transaction.DeletePrefix(""))
		return errUndo
	}), errUndo)
	requireKeys(t, opened, "acme:b", "z")
	requireKeys(t, opened, "other:a", "x", "y")
}

// TestStoreTransactionGroups_Expiry_Ugly counts and deletes in a transaction while more
// is due than a batch otherwise expires.
func TestStoreTransactionGroups_Expiry_Ugly(t *testing.T) {
	const due = 3000
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
	writeAll(t, opened, "acme:g", due, time.Minute)
	writeAll(t, opened, "other:g", due, time.Minute)
	setIn(t, opened, "acme:g", "stays")
	release := store.Hold(opened)
	done := make(chan error, 1)
	go func() {
		done <- opened.Transaction(func(transaction *store.StoreTransaction) error {
			keys, err := transaction.Count("acme:g")
			assert.NoError(t, err)
			assert.Equal(t, 1, keys)
			assert.NoError(t, transaction.DeleteGroup("acme:g"))
			return transaction.Set("acme:g", "new", "")
		})
	}()
	store.WaitForWrite(opened)
	clock.Advance(time.Hour)
	release()
	require.NoError(t, <-done)
	requireKeys(t, opened, "acme:g", "new")
	events := changes(t, opened, "acme", due+1)
	require.Len(t, events, due+2)
	expired := map[string]bool{}
	for _, event := range events[:due] {
		require.Equal(t, store.EventExpire, event.Type)
		expired[event.Key] = true
	}
	assert.Len(t, expired, due, "each once")
	assert.Equal(t, []string{"delete_group ", "set new"}, brief(events[due:]))
	assert.NotContains(t, fmt.Sprint(expired), "stays")
}
