// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func newScoped(t *testing.T, opened *store.Store, namespace string) *store.ScopedStore {
	t.Helper()
	scoped, err := store.NewScoped(opened, namespace)
	require.NoError(t, err)
	return scoped
}

func TestScope_NewScoped_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, namespace := range []string{"a", "acme", "ACME", "tenant-a", "-", "0", "Events", "events2", strings.Repeat("n", store.MaxNamespaceBytes)} {
		assert.Equal(t, namespace, newScoped(t, opened, namespace).Namespace())
	}
}

func TestScope_NewScoped_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, namespace := range []string{"", "events", "admin", "workspace", "a:b", "a b", "a.b", "a_b", "a*", "ä", "a\x00", "\xff", strings.Repeat("n", store.MaxNamespaceBytes+1)} {
		scoped, err := store.NewScoped(opened, namespace)
		require.ErrorIs(t, err, store.ErrInvalidName, "%q", namespace)
		require.ErrorContains(t, err, "store.NewScoped: ")
		assert.Nil(t, scoped)
	}
}

func TestScope_NewScopedConfigured_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.SetQuota("tenant-a", store.Quota{MaxKeys: 7, MaxGroups: 8, MaxBytes: 1000}))
	for _, test := range []struct {
		quota store.QuotaConfig
		want  store.Quota
	}{
		{store.QuotaConfig{}, store.Quota{MaxKeys: 7, MaxGroups: 8, MaxBytes: 1000}},
		{store.QuotaConfig{MaxKeys: 1}, store.Quota{MaxKeys: 1, MaxBytes: 1000}},
	} {
		scoped, err := store.NewScopedConfigured(opened, store.ScopedStoreConfig{Namespace: "tenant-a", Quota: test.quota})
		require.NoError(t, err)
		assert.Equal(t, "tenant-a", scoped.Namespace())
		quota, err := scoped.Quota()
		require.NoError(t, err)
		assert.Equal(t, test.want, quota)
	}
	scoped := newScoped(t, opened, "tenant-a")
	require.NoError(t, scoped.Set("a", ""))
	requireExceeded(t, scoped.Set("b", ""), store.QuotaExceededError{Quota: "keys", Limit: 1, Usage: 1})
	require.NoError(t, scoped.SetQuota(store.Quota{MaxKeys: 2}))
	require.NoError(t, scoped.Set("b", ""))
	usage, err := scoped.Usage()
	require.NoError(t, err)
	assert.Equal(t, store.Usage{Quota: store.Quota{MaxKeys: 2}, Keys: 2, Groups: 1, Bytes: int64(len("defaultadefaultb")), LogBytes: usage.LogBytes, Revision: 2}, usage)
}

func TestScope_NewScopedConfigured_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, config := range []store.ScopedStoreConfig{{}, {Namespace: "events"}} {
		_, err := store.NewScopedConfigured(opened, config)
		require.ErrorIs(t, err, store.ErrInvalidName)
	}
	_, err := store.NewScopedConfigured(opened, store.ScopedStoreConfig{Namespace: "acme", Quota: store.QuotaConfig{MaxKeys: -1}})
	require.ErrorContains(t, err, "MaxKeys is -1; use 0 for no limit")
}

func TestScope_Methods_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	acme, other := newScoped(t, opened, "acme"), newScoped(t, opened, "ACME")
	t.Run("DefaultGroup", func(t *testing.T) {
		require.NoError(t, acme.Set("colour", "blue"))
		value, err := acme.Get("colour")
		require.NoError(t, err)
		assert.Equal(t, "blue", value)
		value, err = opened.Get("acme:default", "colour")
		require.NoError(t, err)
		assert.Equal(t, "blue", value)
		exists, err := acme.Exists("colour")
		require.NoError(t, err)
		assert.True(t, exists)
		exists, err = other.Exists("colour")
		require.NoError(t, err)
		assert.False(t, exists)
	})
	t.Run("NamesComeOutAsTheyWentIn", func(t *testing.T) {
		for _, group := range []string{"preferences", "user:42", "acme:nested", "", "events:x"} {
			require.NoError(t, acme.SetIn(group, "locale", "en-GB"))
			require.NoError(t, acme.SetWithTTL(group, "token", "abc", time.Hour))
			value, err := acme.GetFrom(group, "locale")
			require.NoError(t, err)
			assert.Equal(t, "en-GB", value)
			entry, err := acme.GetEntry(group, "token")
			require.NoError(t, err)
			assert.Equal(t, group, entry.Group)
			exists, err := acme.ExistsIn(group, "locale")
			require.NoError(t, err)
			assert.True(t, exists)
			all, err := acme.GetAll(group)
			require.NoError(t, err)
			assert.Equal(t, map[string]string{"locale": "en-GB", "token": "abc"}, all)
			parts, err := acme.GetSplit(group, "locale", "-")
			require.NoError(t, err)
			assert.Equal(t, []string{"en", "GB"}, slices.Collect(parts))
			fields, err := acme.GetFields(group, "locale")
			require.NoError(t, err)
			assert.Equal(t, []string{"en-GB"}, slices.Collect(fields))
			text, err := acme.Render("{{.locale}} {{.token}}", group)
			require.NoError(t, err)
			assert.Equal(t, "en-GB abc", text)
			page, err := acme.GetPage(group, 1, 1)
			require.NoError(t, err)
			assert.Equal(t, []store.KeyValue{{Key: "token", Value: "abc"}}, page)
			var asked []string
			entries, err := acme.GetEntries(store.PageQuery{Group: group, Fits: func(entry *store.Entry) bool {
				asked = append(asked, entry.Group)
				return true
			}})
			require.NoError(t, err)
			require.Len(t, entries.Entries, 2)
			assert.Equal(t, []string{group, group}, asked)
			assert.Equal(t, group, entries.Entries[1].Group)
			assert.Equal(t, "token", entries.Entries[1].Key)
			for entry, err := range acme.All(group) {
				require.NoError(t, err)
				require.NoError(t, acme.Delete(group, entry.Key))
			}
			all, err = opened.GetAll("acme:" + group)
			require.NoError(t, err)
			assert.Empty(t, all)
		}
		_, err := acme.GetEntry("preferences", "locale")
		require.ErrorIs(t, err, store.ErrNotFound)
	})
}

func TestScope_Changes_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	acme, other := newScoped(t, opened, "acme"), newScoped(t, opened, "other")
	require.NoError(t, other.SetIn("g", "a", "1"))
	require.NoError(t, acme.SetIn("g", "b", "2"))
	require.NoError(t, acme.SetIn("acme:g", "c", "3"))
	for range 2 {
		var asked []string
		page, err := acme.Changes(context.Background(), store.ChangesQuery{Namespace: "other", Fits: func(event *store.Event) bool {
			asked = append(asked, event.Group)
			return true
		}})
		require.NoError(t, err)
		assert.Equal(t, []string{"set b", "set c"}, brief(page.Events))
		assert.Equal(t, []string{"g", "acme:g"}, []string{page.Events[0].Group, page.Events[1].Group})
		assert.Equal(t, []string{"g", "acme:g"}, asked)
		page, err = acme.Changes(context.Background(), store.ChangesQuery{Group: pointerTo("acme:g")})
		require.NoError(t, err)
		assert.Equal(t, []string{"set c"}, brief(page.Events))
		assert.Equal(t, "acme:acme:g", changes(t, opened, "acme", 0)[1].Group, "the shared event is as it was")
		require.NoError(t, other.SetIn("g", "d", "1"))
		store.Evict(opened)
	}
	_, err := acme.Changes(context.Background(), store.ChangesQuery{After: 99})
	require.ErrorIs(t, err, store.ErrCompacted)
}

func TestScope_Watch_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	acme, other := newScoped(t, opened, "acme"), newScoped(t, opened, "ACME")
	group, every := acme.Watch("g"), acme.Watch("*")
	unscoped := opened.Watch("acme:g")
	require.NoError(t, other.SetIn("g", "not seen", ""))
	require.NoError(t, opened.Set("g", "not seen", ""))
	require.NoError(t, acme.SetIn("g", "a", ""))
	require.NoError(t, acme.SetIn("acme:g", "b", ""))
	names := func(events []store.Event) (names []string) {
		for _, event := range events {
			names = append(names, fmt.Sprint(event.Namespace, "/", event.Group, "/", event.Key))
		}
		return names
	}
	assert.Equal(t, []string{"acme/g/a"}, names(received(group)))
	assert.Equal(t, []string{"acme/g/a", "acme/acme:g/b"}, names(received(every)))
	assert.Equal(t, []string{"acme/acme:g/a"}, names(received(unscoped)))
	t.Run("UnwatchEndsIt", func(t *testing.T) {
		other.Unwatch("g", group)
		require.NoError(t, acme.SetIn("g", "c", ""))
		assert.Len(t, group, 1)
		acme.Unwatch("g", group)
		acme.Unwatch("*", every)
		received(group)
		_, open := <-group
		assert.False(t, open)
		received(every)
		_, open = <-every
		assert.False(t, open)
	})
}

func TestScope_OnChange_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	acme := newScoped(t, opened, "acme")
	var events []store.Event
	unregister := acme.OnChange(func(event store.Event) { events = append(events, event) })
	require.NoError(t, opened.Set("other:g", "a", ""))
	require.NoError(t, acme.SetIn("acme:g", "b", ""))
	require.Equal(t, []string{"set b"}, brief(events))
	assert.Equal(t, "acme:g", events[0].Group)
	unregister()
	require.NoError(t, acme.SetIn("g", "c", ""))
	assert.Len(t, events, 1)
}

// TestScope_Methods_GoodNoneIsForgotten compares what a namespace can do with what the
// store can.
func TestScope_Methods_GoodNoneIsForgotten(t *testing.T) {
	ofTheStore := []string{
		"Backup", "Close", "Compact", "Config", "DatabasePath", "Durability", "Figures", "GetNamespaces", "ID", "IsClosed", "JournalConfiguration", "JournalConfigured",
		"JournalNews", "JournalTotals", "PendingJournal", "PendingJournalOf", "RecoverOrphans",
		"RegisterConsumer", "SetLimits", "SettleJournal", "Status", "Suspend", "UnregisterConsumer",
		"VerifyArchive",
	}
	opened, scoped := reflect.TypeFor[*store.Store](), reflect.TypeFor[*store.ScopedStore]()
	for method := range opened.Methods() {
		if !strings.HasPrefix(method.Name, "Submit") && !slices.Contains(ofTheStore, method.Name) {
			requireScoped(t, method, scoped)
		}
	}
	ofTheStore = append(ofTheStore, "Changes", "CommitToJournal", "CountKeys", "FindWorkspace", "GetEntries", "GetGroups", "GetMany", "GetWorkspaces", "JournalRejected",
		"JournalStatus", "NewWorkspace", "OnChange", "OpenWorkspace", "PurgeExpired", "QueryJournal", "QueryJournalRows", "Quota", "RequeueJournal", "Scan", "SetQuota", "Transaction", "Unwatch", "Usage", "Watch", "Workspaces")
	transaction, scopedTransaction := reflect.TypeFor[*store.StoreTransaction](), reflect.TypeFor[*store.ScopedStoreTransaction]()
	for method := range opened.Methods() {
		if !strings.HasPrefix(method.Name, "Submit") && !slices.Contains(ofTheStore, method.Name) {
			within, there := transaction.MethodByName(method.Name)
			require.True(t, there, "StoreTransaction.%s", method.Name)
			requireScoped(t, within, scopedTransaction)
		}
	}
}

// requireScoped checks that a scoped type has a method of another one: with the same
// parameters, but for the group that Get, Set and Exists leave out, the namespace that
// those of quotas do, and a prefix, which may be left out.
func requireScoped(t *testing.T, method reflect.Method, scoped reflect.Type) {
	t.Helper()
	name, skipped := method.Name, 0
	switch name {
	case "Get":
		name = "GetFrom"
	case "Set", "Exists":
		name += "In"
	case "FindWorkspace", "JournalStatus", "OpenWorkspace", "Quota", "RequeueJournal", "SetQuota", "Usage", "Workspaces":
		skipped = 1
	}
	found, there := scoped.MethodByName(name)
	require.True(t, there, "%s has no %s", scoped, name)
	if name == "CountAll" || name == "Transaction" {
		return
	}
	for index := 1; index < found.Type.NumIn(); index++ {
		assert.Equal(t, method.Type.In(index+skipped), found.Type.In(index), "%s.%s", scoped, name)
	}
	assert.Equal(t, method.Type.NumIn(), found.Type.NumIn()+skipped, "%s.%s", scoped, name)
	assert.Equal(t, method.Type.NumOut(), found.Type.NumOut(), "%s.%s", scoped, name)
	for index := range found.Type.NumOut() {
		assert.Equal(t, method.Type.Out(index), found.Type.Out(index), "%s.%s", scoped, name)
	}
}

func TestScope_Writes_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	acme := newScoped(t, opened, "acme")
	setIn(t, opened, "other:stock", "apples")
	setIn(t, opened, "stock", "apples")
	revision, err := acme.Create("stock", "apples", "1")
	require.NoError(t, err)
	assert.Equal(t, uint64(1), revision)
	revision, err = acme.Update("stock", "apples", "2", revision)
	require.NoError(t, err)
	assert.Equal(t, uint64(2), revision)
	revision, err = acme.Touch("stock", "apples", time.Hour)
	require.NoError(t, err)
	assert.Equal(t, uint64(3), revision)
	sum, err := acme.Increment("stock", "apples", 40)
	require.NoError(t, err)
	assert.Equal(t, int64(42), sum)
	require.ErrorIs(t, acme.DeleteAt("stock", "apples", 3), store.ErrRevisionConflict)
	require.NoError(t, acme.DeleteAt("stock", "apples", 4))
	for _, group := range []string{"session:1", "session:2", "sessions", "users", "other:stock"} {
		require.NoError(t, acme.SetIn(group, "a", ""))
	}
	require.NoError(t, acme.DeleteGroup("users"))
	require.NoError(t, acme.DeletePrefix("session:"))
	left, err := opened.Groups()
	require.NoError(t, err)
	assert.Equal(t, []string{"acme:other:stock", "acme:sessions", "other:stock", "stock"}, left)
	require.NoError(t, acme.DeletePrefix(""))
	left, err = opened.Groups()
	require.NoError(t, err)
	assert.Equal(t, []string{"other:stock", "stock"}, left)
}

func TestScope_Groups_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	acme := newScoped(t, opened, "acme")
	for _, group := range []string{"acme:a", "acme:a", "acme:b:1", "acme:b:2", "acme:", "other:b:3", "b:4", "a"} {
		require.NoError(t, opened.Set(group, fmt.Sprint(revision(t, opened, "acme")), ""))
	}
	t.Run("Names", func(t *testing.T) {
		groups, err := acme.Groups()
		require.NoError(t, err)
		assert.Equal(t, []string{"", "a", "b:1", "b:2"}, groups)
		groups = nil
		for group, err := range acme.GroupsSeq("b:") {
			require.NoError(t, err)
			groups = append(groups, group)
		}
		assert.Equal(t, []string{"b:1", "b:2"}, groups)
		for _, err := range acme.GroupsSeq() {
			require.NoError(t, err)
			break // The loop may end.
		}
	})
	t.Run("Counts", func(t *testing.T) {
		keys, err := acme.Count("a")
		require.NoError(t, err)
		assert.Equal(t, 2, keys)
		keys, err = acme.CountAll()
		require.NoError(t, err)
		assert.Equal(t, 5, keys)
		keys, err = acme.CountAll("b:")
		require.NoError(t, err)
		assert.Equal(t, 2, keys)
		count, err := acme.CountKeys(store.CountQuery{Group: pointerTo("a")})
		require.NoError(t, err)
		assert.Equal(t, store.KeyCount{Keys: 2, Revision: 5}, count)
		count, err = acme.CountKeys(store.CountQuery{})
		require.NoError(t, err)
		assert.Equal(t, store.KeyCount{Keys: 5, Revision: 5}, count)
		for group, want := range map[string]bool{"a": true, "b:3": false} {
			there, err := acme.GroupExists(group)
			require.NoError(t, err)
			assert.Equal(t, want, there)
		}
	})
	t.Run("Pages", func(t *testing.T) {
		var asked []string
		query := store.GroupsQuery{Limit: 2, Fits: func(group *store.GroupInfo) bool {
			asked = append(asked, group.Group)
			return true
		}}
		page, err := acme.GetGroups(query)
		require.NoError(t, err)
		assert.Equal(t, []store.GroupInfo{{Group: "", Keys: 1, Revision: 5}, {Group: "a", Keys: 2, Revision: 2}}, page.Groups)
		assert.Equal(t, []string{"", "a"}, asked)
		require.Equal(t, "a", *page.Next)
		query.After = page.Next
		page, err = acme.GetGroups(query)
		require.NoError(t, err)
		assert.Equal(t, []store.GroupInfo{{Group: "b:1", Keys: 1, Revision: 3}, {Group: "b:2", Keys: 1, Revision: 4}}, page.Groups)
		assert.Nil(t, page.Next)
	})
}

func TestScope_Entries_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	acme := newScoped(t, opened, "acme")
	for _, group := range []string{"acme:a", "acme:b:1", "acme:b:2", "other:b:3"} {
		setIn(t, opened, group, "x", "y")
	}
	var asked []string
	fits := func(entry *store.Entry) bool {
		asked = append(asked, entry.Group+" "+entry.Key)
		return true
	}
	query, seen := store.ScanQuery{Prefix: "b", Limit: 3, Fits: fits}, []string{}
	for more := true; more; more = query.After != nil {
		page, err := acme.Scan(query)
		require.NoError(t, err)
		for _, entry := range page.Entries {
			seen = append(seen, entry.Group+" "+entry.Key)
		}
		query.After = page.Next
	}
	assert.Equal(t, []string{"b:1 x", "b:1 y", "b:2 x", "b:2 y"}, seen)
	assert.Equal(t, seen, asked)
	asked = nil
	names := []store.EntryName{{Group: "b:1", Key: "y"}, {Group: "b:3", Key: "x"}, {Group: "a", Key: "x"}}
	many, err := acme.GetMany(store.ManyQuery{Names: names, Fits: fits})
	require.NoError(t, err)
	assert.Equal(t, store.EntryName{Group: "b:1", Key: "y"}, names[0], "the caller's names are as they were")
	assert.Equal(t, []string{"b:1 y", "a x"}, asked)
	require.Len(t, many.Entries, 3)
	for index, entry := range many.Entries {
		assert.Equal(t, store.EntryName{Group: entry.Group, Key: entry.Key}, names[index])
	}
	assert.Equal(t, []uint64{4, 0, 1}, []uint64{many.Entries[0].Revision, many.Entries[1].Revision, many.Entries[2].Revision})
	keys := []string{}
	for entry, err := range acme.AllSeq("b:2") {
		require.NoError(t, err)
		keys = append(keys, entry.Key)
	}
	assert.Equal(t, []string{"x", "y"}, keys)
}

func TestScope_Transaction_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	acme := newScoped(t, opened, "acme")
	require.NoError(t, opened.Set("g", "a", "outside"))
	require.NoError(t, acme.Transaction(func(transaction *store.ScopedStoreTransaction) error {
		assert.Equal(t, "acme", transaction.Namespace())
		require.NoError(t, transaction.Set("colour", "blue"))
		require.NoError(t, transaction.SetIn("g", "a", "inside"))
		value, err := transaction.GetFrom("g", "a")
		require.NoError(t, err)
		assert.Equal(t, "inside", value)
		entry, err := transaction.GetEntry("g", "a")
		require.NoError(t, err)
		assert.Equal(t, "g", entry.Group)
		groups, err := transaction.Groups()
		require.NoError(t, err)
		assert.Equal(t, []string{"default", "g"}, groups)
		return transaction.DeleteGroup("g")
	}))
	left, err := opened.Groups()
	require.NoError(t, err)
	assert.Equal(t, []string{"acme:default", "g"}, left)
	err = acme.Transaction(func(transaction *store.ScopedStoreTransaction) error {
		require.NoError(t, transaction.Set("colour", "red"))
		return errUndo
	})
	require.ErrorIs(t, err, errUndo)
	value, err := acme.Get("colour")
	require.NoError(t, err)
	assert.Equal(t, "blue", value)
}
