// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/testrun"
	"dappco.re/go/storebus/store"
)

func TestGroups_Groups_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	groups := []string{"acme:a", "acme:a%", "acme:b", "acme", "acmé:x", "", "b", "ACME:a"}
	for _, group := range groups {
		setIn(t, opened, group, "x")
	}
	require.NoError(t, opened.SetWithTTL("acme:due", "x", "", time.Minute))
	setIn(t, opened, "acme:deleted", "x")
	require.NoError(t, opened.Delete("acme:deleted", "x"))
	clock.Advance(time.Hour)
	for range 2 { // As pending, then from the tables.
		all, err := opened.Groups()
		require.NoError(t, err)
		assert.Equal(t, slices.Sorted(slices.Values(groups)), all)
		names, err := opened.Groups("acme:")
		require.NoError(t, err)
		assert.Equal(t, []string{"acme:a", "acme:a%", "acme:b"}, names)
		none, err := opened.Groups("nothing")
		require.NoError(t, err)
		assert.Equal(t, []string{}, none)
		require.NoError(t, store.Settle(opened))
	}
	t.Run("TheLoopMayWrite", func(t *testing.T) {
		for group, err := range opened.GroupsSeq("acme:") {
			require.NoError(t, err)
			require.NoError(t, opened.DeleteGroup(group))
		}
		names, err := opened.Groups("acme:")
		require.NoError(t, err)
		assert.Empty(t, names)
	})
	t.Run("TheLoopMayEnd", func(t *testing.T) {
		for group, err := range opened.GroupsSeq() {
			require.NoError(t, err)
			assert.Empty(t, group)
			break
		}
	})
	t.Run("ManyPages", func(t *testing.T) {
		commands := make([]store.Command, 2500)
		for index := range commands {
			commands[index] = store.SetCommand{Group: fmt.Sprintf("many:%04d", index), Key: "x"}
		}
		submitTogether(opened, commands...)
		names, err := opened.Groups("many:")
		require.NoError(t, err)
		require.Len(t, names, 2500)
		assert.True(t, slices.IsSorted(names))
	})
}

func TestGroups_GetGroups_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	setIn(t, opened, "acme:a", "x", "y")
	setIn(t, opened, "acme:b", "x")
	setIn(t, opened, "acme:c", "x")
	answers := make(chan store.GroupsPage, 1)
	opened.SubmitGroups(store.GroupsQuery{Prefix: "acme:", Fits: func(group *store.GroupInfo) bool { return group.Group < "acme:c" }}, func(page store.GroupsPage, err error) {
		assert.NoError(t, err)
		answers <- page
	})
	assert.Equal(t, store.GroupsPage{
		Groups:   []store.GroupInfo{{Group: "acme:a", Keys: 2, Revision: 2}, {Group: "acme:b", Keys: 1, Revision: 3}},
		Next:     pointerTo("acme:b"),
		Revision: 4,
	}, <-answers)
}

// TestGroups_GetGroups_Ugly lists a group behind thousands that were deleted a moment
// ago: the pages before it end early, and are empty.
func TestGroups_GetGroups_Ugly(t *testing.T) {
	testrun.SkipUnderDetector(t)
	t.Parallel()
	opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
	const groups = 9000
	commands := make([]store.Command, groups)
	for index := range commands {
		commands[index] = store.SetCommand{Group: fmt.Sprintf("acme:%05d", index), Key: "x"}
	}
	submitTogether(opened, commands...)
	setIn(t, opened, "acme:last", "x")
	require.NoError(t, store.Settle(opened))
	_, err := store.HoldRemovals(opened)
	require.NoError(t, err)
	require.NoError(t, opened.DeletePrefix("acme:0"))
	page, err := opened.GetGroups(store.GroupsQuery{Prefix: "acme:"})
	require.NoError(t, err)
	assert.Empty(t, page.Groups)
	assert.NotNil(t, page.Next)
	names, err := opened.Groups("acme:")
	require.NoError(t, err)
	assert.Equal(t, []string{"acme:last"}, names)
	scanned := 0
	for query := (store.ScanQuery{Prefix: "acme:"}); ; {
		page, err := opened.Scan(query)
		require.NoError(t, err)
		scanned += len(page.Entries)
		if query.After = page.Next; page.Next == nil {
			break
		}
	}
	assert.Equal(t, 1, scanned)
}

func TestGroups_Queries_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	_, err := opened.GetGroups(store.GroupsQuery{Prefix: "acme:", Limit: -1})
	require.EqualError(t, err, `store.GetGroups: prefix "acme:": limit -1 may not be negative`)
	_, err = opened.Scan(store.ScanQuery{Prefix: "acme:", Limit: -1})
	require.EqualError(t, err, `store.Scan: prefix "acme:": limit -1 may not be negative`)
	_, err = opened.GetNamespaces(store.NamespacesQuery{Limit: -1})
	require.EqualError(t, err, `store.GetNamespaces: prefix "": limit -1 may not be negative`)
	require.NoError(t, opened.Close())
	for name, read := range reads(opened) {
		require.ErrorIs(t, read(), store.ErrClosed, name)
	}
}

// reads are the questions about many keys at once.
func reads(opened *store.Store) map[string]func() error {
	return map[string]func() error{
		"Count":       func() error { _, err := opened.Count("acme:g"); return err },
		"CountAll":    func() error { _, err := opened.CountAll("acme:g"); return err },
		"CountKeys":   func() error { _, err := opened.CountKeys(store.CountQuery{Prefix: "acme:g"}); return err },
		"GroupExists": func() error { _, err := opened.GroupExists("acme:g"); return err },
		"Groups":      func() error { _, err := opened.Groups("acme:g"); return err },
		"GroupsSeq": func() (failure error) {
			for _, err := range opened.GroupsSeq("acme:g") {
				failure = err
			}
			return failure
		},
		"GetGroups": func() error { _, err := opened.GetGroups(store.GroupsQuery{}); return err },
		"Scan":      func() error { _, err := opened.Scan(store.ScanQuery{Prefix: "acme:"}); return err },
		"GetMany": func() error {
			_, err := opened.GetMany(store.ManyQuery{Names: []store.EntryName{{Group: "acme:g", Key: "b"}}})
			return err
		},
		"GetNamespaces": func() error { _, err := opened.GetNamespaces(store.NamespacesQuery{}); return err },
		"DeleteGroup":   func() error { return opened.DeleteGroup("acme:none") },
		"DeletePrefix":  func() error { return opened.DeletePrefix("acme:n") },
		"SubmitCount": func() error {
			return submitted(func(done func(store.KeyCount, error)) { opened.SubmitCount(store.CountQuery{Prefix: "acme:g"}, done) })
		},
		"SubmitGroups": func() error {
			return submitted(func(done func(store.GroupsPage, error)) { opened.SubmitGroups(store.GroupsQuery{}, done) })
		},
		"SubmitScan": func() error {
			return submitted(func(done func(store.ScanPage, error)) { opened.SubmitScan(store.ScanQuery{Prefix: "acme:"}, done) })
		},
		"SubmitGetMany": func() error {
			query := store.ManyQuery{Names: []store.EntryName{{Group: "acme:g", Key: "b"}}}
			return submitted(func(done func(store.ManyEntries, error)) { opened.SubmitGetMany(query, done) })
		},
		"SubmitNamespaces": func() error {
			return submitted(func(done func(store.NamespacesPage, error)) { opened.SubmitNamespaces(store.NamespacesQuery{}, done) })
		},
	}
}

// submitted returns the error that a question ends with.
func submitted[Answer any](submit func(done func(Answer, error))) error {
	failure := make(chan error, 1)
	submit(func(_ Answer, err error) { failure <- err })
	return <-failure
}

func TestGroups_Count_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	setIn(t, opened, "acme:a", "x", "y")
	setIn(t, opened, "acme:ab", "x")
	setIn(t, opened, "ACME:a", "x")
	setIn(t, opened, "acme", "x")
	require.NoError(t, opened.SetWithTTL("acme:a", "due", "", time.Minute))
	clock.Advance(time.Hour)
	for range 2 {
		for prefix, want := range map[string]int{"": 5, "acme:": 3, "acme:a": 3, "acme:ab": 1, "ac": 4, "ACME:": 1, "none:": 0, "acme": 4} {
			keys, err := opened.CountAll(prefix)
			require.NoError(t, err)
			assert.Equal(t, want, keys, "prefix %q", prefix)
		}
		for group, want := range map[string]int{"acme:a": 2, "acme": 1, "acme:": 0, "none": 0} {
			keys, err := opened.Count(group)
			require.NoError(t, err)
			assert.Equal(t, want, keys, "group %q", group)
			exists, err := opened.GroupExists(group)
			require.NoError(t, err)
			assert.Equal(t, want > 0, exists)
		}
		require.NoError(t, store.Settle(opened))
	}
	count, err := opened.CountKeys(store.CountQuery{Group: pointerTo("acme:a")})
	require.NoError(t, err)
	assert.Equal(t, store.KeyCount{Keys: 2, Revision: 5}, count)
}

func TestGroups_GetMany_Good(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	setIn(t, opened, "acme:a", "x", "y")
	require.NoError(t, opened.SetWithTTL("acme:a", "due", "", time.Minute))
	clock.Advance(time.Hour)
	names := []store.EntryName{{Group: "acme:a", Key: "y"}, {Group: "acme:a", Key: "due"}, {Group: "acme:a", Key: "x"}, {Group: "acme:a", Key: "y"}}
	many, err := opened.GetMany(store.ManyQuery{Names: names})
	require.NoError(t, err)
	require.Len(t, many.Entries, 4)
	assert.GreaterOrEqual(t, many.Revision, uint64(3))
	assert.Equal(t, store.Entry{Group: "acme:a", Key: "due"}, many.Entries[1])
	assert.Equal(t, uint64(1), many.Entries[2].Revision)
	assert.Equal(t, many.Entries[0], many.Entries[3])
	_, err = opened.GetMany(store.ManyQuery{Names: names, Fits: func(entry *store.Entry) bool { return entry.Key != "x" }})
	require.ErrorIs(t, err, store.ErrTooLarge)
	require.EqualError(t, err, `store.GetMany: too large: group "acme:a" key "x" does not fit any more`)
	none, err := opened.GetMany(store.ManyQuery{})
	require.NoError(t, err)
	assert.Equal(t, store.ManyEntries{}, none)
}

func TestGroups_GetNamespaces_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, group := range []string{"b:g", "a:g", "c", "B:g", "a:h"} {
		setIn(t, opened, group, "key")
	}
	require.NoError(t, opened.DeletePrefix("b:"))
	page, err := opened.GetNamespaces(store.NamespacesQuery{Limit: 2})
	require.NoError(t, err)
	assert.Equal(t, store.NamespacesPage{
		Namespaces: []store.NamespaceInfo{{Namespace: "B", Revision: 1, Keys: 1, Groups: 1, Bytes: 9}, {Namespace: "a", Revision: 2, Keys: 2, Groups: 2, Bytes: 18}},
		Next:       pointerTo("a"),
	}, page)
	page, err = opened.GetNamespaces(store.NamespacesQuery{After: page.Next})
	require.NoError(t, err)
	assert.Equal(t, store.NamespacesPage{Namespaces: []store.NamespaceInfo{{Namespace: "b", Revision: 2}}}, page)
}

// TestGroups_Scan_Ugly scans while others write and delete: a key present throughout
// appears exactly once, in order.
func TestGroups_Scan_Ugly(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed, PendingBytes: 50_000, CacheBytes: 50_000})
	var present []store.EntryName
	for group := range 20 {
		for key := range 30 {
			present = append(present, store.EntryName{Group: fmt.Sprintf("acme:%02d", group), Key: fmt.Sprintf("%02d", key)})
		}
	}
	commands := make([]store.Command, len(present))
	for index, name := range present {
		commands[index] = store.SetCommand{Group: name.Group, Key: name.Key, Value: "present"}
	}
	submitTogether(opened, commands...)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for writer := range 3 {
		writers.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-stop:
					return
				default:
				}
				group := fmt.Sprintf("acme:%02d", (round*7+writer)%20)
				passing := fmt.Sprintf("acme:%02d-%d", round%20, writer)
				assert.NoError(t, opened.Set(group, fmt.Sprintf("%02d-%d", round%30, writer), "passing"))
				assert.NoError(t, opened.Set(group, fmt.Sprintf("%02d", round%30), "present"))
				assert.NoError(t, opened.Set(passing, "a", "passing"))
				assert.NoError(t, opened.DeleteGroup(passing))
			}
		})
	}
	for round := range 10 {
		var seen []store.EntryName
		query := store.ScanQuery{Prefix: "acme:", Limit: 17 + round, KeysOnly: round%2 == 0}
		for more := true; more; more = query.After != nil {
			page, err := opened.Scan(query)
			require.NoError(t, err)
			for _, entry := range page.Entries {
				seen = append(seen, store.EntryName{Group: entry.Group, Key: entry.Key})
			}
			query.After = page.Next
		}
		require.True(t, slices.IsSortedFunc(seen, compareNames))
		kept := slices.DeleteFunc(slices.Clone(seen), func(name store.EntryName) bool {
			_, found := slices.BinarySearchFunc(present, name, compareNames)
			return !found
		})
		require.Equal(t, present, kept)
	}
	close(stop)
	writers.Wait()
}

func compareNames(left, right store.EntryName) int {
	return slices.Compare([]string{left.Group, left.Key}, []string{right.Group, right.Key})
}

// TestGroups_Pages_Ugly reads pages of groups of which thousands of entries were
// deleted or have expired a moment ago: they end early, and go on.
func TestGroups_Pages_Ugly(t *testing.T) {
	t.Parallel()
	const keys = 6000
	for name, make := range map[string]func(t *testing.T, opened *store.Store, clock *testClock){
		"Deleted": func(t *testing.T, opened *store.Store, _ *testClock) {
			t.Helper()
			require.NoError(t, opened.DeleteGroup("acme:g"))
		},
		"Due": func(t *testing.T, opened *store.Store, clock *testClock) {
			t.Helper()
			require.NoError(t, store.Execute(opened, "ALTER TABLE commits RENAME TO moved"))
			clock.Advance(time.Hour)
		},
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			opened := openStore(t, store.StoreConfig{Clock: clock.Now, Durability: store.DurabilityRelaxed})
			writeAll(t, opened, "acme:g", keys, time.Minute)
			if name == "Due" {
				setIn(t, opened, "acme:g", "z")
			}
			require.NoError(t, store.Settle(opened))
			_, err := store.HoldRemovals(opened)
			require.NoError(t, err)
			make(t, opened, clock)
			if name == "Deleted" {
				setIn(t, opened, "acme:g", "z")
			}
			page, err := opened.GetEntries(store.PageQuery{Group: "acme:g"})
			require.NoError(t, err)
			assert.Empty(t, page.Entries)
			assert.NotNil(t, page.Next)
			all, err := opened.GetAll("acme:g")
			require.NoError(t, err)
			assert.Equal(t, map[string]string{"z": "value"}, all)
			scan, err := opened.Scan(store.ScanQuery{Prefix: "acme:"})
			require.NoError(t, err)
			assert.Empty(t, scan.Entries)
			scan, err = opened.Scan(store.ScanQuery{Prefix: "acme:", After: scan.Next})
			require.NoError(t, err)
			assert.Len(t, scan.Entries, 1)
			if name == "Due" {
				require.NoError(t, store.Execute(opened, "ALTER TABLE moved RENAME TO commits"))
				clock.Advance(time.Minute)
			}
		})
	}
}
