// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestRead_Get_Good(t *testing.T) {
	clock := newClock()
	config := store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now}
	opened := openStore(t, config)
	require.NoError(t, opened.SetWithTTL("acme:g", "a", "1", time.Hour))
	for _, place := range []string{"FromMemory", "FromTheTables", "FromMemoryAgain"} {
		t.Run(place, func(t *testing.T) {
			value, err := opened.Get("acme:g", "a")
			require.NoError(t, err)
			assert.Equal(t, "1", value)
			entry, err := opened.GetEntry("acme:g", "a")
			require.NoError(t, err)
			want := store.Entry{Group: "acme:g", Key: "a", Value: "1", Revision: 1, UpdatedAt: clock.Now(), ExpiresAt: clock.Now().Add(time.Hour)}
			assert.Equal(t, want, entry)
			exists, err := opened.Exists("acme:g", "a")
			require.NoError(t, err)
			assert.True(t, exists)
			answer := make(chan store.Entry, 1)
			opened.SubmitGet("acme:g", "a", func(entry store.Entry, err error) {
				assert.NoError(t, err)
				answer <- entry
			})
			assert.Equal(t, want, <-answer)
			buffer := []byte("before ")
			require.True(t, opened.SubmitGetInto(&buffer, "acme:g", "a", func(found store.Entry, err error) {
				assert.NoError(t, err)
				found.Value = "1"
				assert.Equal(t, want, found)
			}), "the get before has put it into memory")
			assert.Equal(t, "before 1", string(buffer))
		})
		if place == "FromMemory" {
			opened = reopen(t, opened, config)
		}
	}
}

func TestRead_Get_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("acme:g", "a", "1"))
	for _, name := range [][2]string{{"acme:g", "b"}, {"acme:h", "a"}, {"g", "a"}, {"ACME:g", "a"}, {"acme:g", "A"}, {"acme:g", "a\x00"}, {"acme:g", ""}, {"", ""}} {
		for range 2 { // From the tables, then from memory.
			_, err := opened.Get(name[0], name[1])
			require.ErrorIs(t, err, store.ErrNotFound, name)
			entry, err := opened.GetEntry(name[0], name[1])
			require.ErrorIs(t, err, store.ErrNotFound, name)
			assert.Zero(t, entry)
		}
	}
	_, err := opened.GetEntry("acme:g", "b")
	require.EqualError(t, err, `store.GetEntry: group "acme:g" key "b": not found`)
	answer := make(chan error, 1)
	opened.SubmitGet("acme:g", "never asked for before", func(_ store.Entry, err error) { answer <- err })
	assert.ErrorIs(t, <-answer, store.ErrNotFound)
	buffer := []byte("before")
	for _, known := range []bool{false, true} {
		submitted := opened.SubmitGetInto(&buffer, "acme:g", "nor this one", func(_ store.Entry, err error) { answer <- err })
		require.ErrorIs(t, <-answer, store.ErrNotFound)
		require.Equal(t, known, submitted, "memory knows afterwards that it is not there")
		assert.Equal(t, "before", string(buffer))
	}
}

func TestRead_Get_Ugly(t *testing.T) {
	t.Run("SmallCacheForgetsNothingThatIsTrue", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{CacheBytes: 16 * 1024, PendingBytes: 1024, Durability: store.DurabilityRelaxed})
		var running sync.WaitGroup
		for writer := range 8 {
			running.Go(func() {
				for index := range 100 {
					key := fmt.Sprint(writer, "-", index%20)
					value := strings.Repeat(key, index)
					assert.NoError(t, opened.Set("acme:g", key, value))
					got, err := opened.Get("acme:g", key)
					assert.NoError(t, err)
					assert.Equal(t, value, got)
					if index%7 == 0 {
						assert.NoError(t, opened.Delete("acme:g", key))
						_, err = opened.Get("acme:g", key)
						assert.ErrorIs(t, err, store.ErrNotFound)
					}
				}
			})
		}
		running.Wait()
	})
	t.Run("EntryLargerThanTheCache", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{CacheBytes: 1, PendingBytes: 1})
		value := strings.Repeat("x", 100_000)
		require.NoError(t, opened.Set("acme:g", "a", value))
		got, err := opened.Get("acme:g", "a")
		require.NoError(t, err)
		assert.Equal(t, value, got)
	})
}

// prefixed is a group whose keys could be taken for each other.
func prefixed(t *testing.T) *store.Store {
	t.Helper()
	opened := openStore(t, store.StoreConfig{})
	for _, key := range []string{"a", "a%", "a_", "ab", "abc", "A", "b", "\xff", "\xff\xff", "\xff\xffz", ""} {
		require.NoError(t, opened.Set("acme:g", key, "value of "+key))
		require.NoError(t, opened.Set("acme:g2", key, "other"))
	}
	return opened
}

func keysOf(page store.Page) []string {
	keys := []string{}
	for _, entry := range page.Entries {
		keys = append(keys, entry.Key)
	}
	return keys
}

func TestRead_GetEntries_Good(t *testing.T) {
	opened := prefixed(t)
	for name, test := range map[string]struct {
		query store.PageQuery
		keys  []string
		more  bool
	}{
		"All":                    {query: store.PageQuery{}, keys: []string{"", "A", "a", "a%", "a_", "ab", "abc", "b", "\xff", "\xff\xff", "\xff\xffz"}},
		"Limited":                {query: store.PageQuery{Limit: 2}, keys: []string{"", "A"}, more: true},
		"LimitAtTheEnd":          {query: store.PageQuery{Limit: 11}, keys: []string{"", "A", "a", "a%", "a_", "ab", "abc", "b", "\xff", "\xff\xff", "\xff\xffz"}},
		"PrefixIsBytes":          {query: store.PageQuery{Prefix: "a"}, keys: []string{"a", "a%", "a_", "ab", "abc"}},
		"WildcardsAreOrdinary":   {query: store.PageQuery{Prefix: "a%"}, keys: []string{"a%"}},
		"UnderscoreIsOrdinary":   {query: store.PageQuery{Prefix: "a_"}, keys: []string{"a_"}},
		"PrefixWithoutEnd":       {query: store.PageQuery{Prefix: "\xff"}, keys: []string{"\xff", "\xff\xff", "\xff\xffz"}},
		"LongerPrefixWithoutEnd": {query: store.PageQuery{Prefix: "\xff\xff"}, keys: []string{"\xff\xff", "\xff\xffz"}},
		"After":                  {query: store.PageQuery{After: pointerTo("ab")}, keys: []string{"abc", "b", "\xff", "\xff\xff", "\xff\xffz"}},
		"AfterTheEmptyKey":       {query: store.PageQuery{After: pointerTo(""), Limit: 1}, keys: []string{"A"}, more: true},
		"AfterAMissingKey":       {query: store.PageQuery{After: pointerTo("aa"), Limit: 1}, keys: []string{"ab"}, more: true},
		"AfterAndPrefix":         {query: store.PageQuery{Prefix: "a", After: pointerTo("a_")}, keys: []string{"ab", "abc"}},
		"AfterBeforeThePrefix":   {query: store.PageQuery{Prefix: "ab", After: pointerTo("a")}, keys: []string{"ab", "abc"}},
		"AfterBehindThePrefix":   {query: store.PageQuery{Prefix: "a", After: pointerTo("b")}, keys: []string{}},
		"Descending":             {query: store.PageQuery{Descending: true, Limit: 4}, keys: []string{"\xff\xffz", "\xff\xff", "\xff", "b"}, more: true},
		"DescendingPrefix":       {query: store.PageQuery{Descending: true, Prefix: "a"}, keys: []string{"abc", "ab", "a_", "a%", "a"}},
		"DescendingAfter":        {query: store.PageQuery{Descending: true, After: pointerTo("a%")}, keys: []string{"a", "A", ""}},
		"DescendingAfterPrefix":  {query: store.PageQuery{Descending: true, Prefix: "a", After: pointerTo("ab")}, keys: []string{"a_", "a%", "a"}},
		"DescendingAfterBehind":  {query: store.PageQuery{Descending: true, Prefix: "a", After: pointerTo("z")}, keys: []string{"abc", "ab", "a_", "a%", "a"}},
		"DescendingAfterEmpty":   {query: store.PageQuery{Descending: true, After: pointerTo("")}, keys: []string{}},
		"DescendingBeforePrefix": {query: store.PageQuery{Descending: true, Prefix: "b", After: pointerTo("a")}, keys: []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			test.query.Group = "acme:g"
			page, err := opened.GetEntries(test.query)
			require.NoError(t, err)
			assert.Equal(t, test.keys, keysOf(page))
			assert.Equal(t, test.more, page.Next != nil)
			assert.Equal(t, uint64(22), page.Revision)
			for _, entry := range page.Entries {
				assert.Equal(t, "value of "+entry.Key, entry.Value)
			}
		})
	}
	t.Run("KeysOnlyLeavesTheValuesOut", func(t *testing.T) {
		writeAll(t, opened, "acme:pending", 40, 0)
		for range 2 { // As pending, then from the tables.
			page, err := opened.GetEntries(store.PageQuery{Group: "acme:pending", KeysOnly: true})
			require.NoError(t, err)
			require.Len(t, page.Entries, 40)
			for _, entry := range page.Entries {
				assert.Empty(t, entry.Value)
				assert.NotZero(t, entry.Revision)
			}
			require.NoError(t, store.Settle(opened))
		}
	})
	t.Run("EndsBeforeWhatDoesNotFitButHoldsOne", func(t *testing.T) {
		page, err := opened.GetEntries(store.PageQuery{Group: "acme:g", Fits: func(entry *store.Entry) bool { return entry.Key < "a_" }})
		require.NoError(t, err)
		assert.Equal(t, []string{"", "A", "a", "a%"}, keysOf(page))
		assert.NotNil(t, page.Next)
		page, err = opened.GetEntries(store.PageQuery{Group: "acme:g", Fits: func(*store.Entry) bool { return false }})
		require.NoError(t, err)
		assert.Equal(t, []string{""}, keysOf(page))
	})
	t.Run("MissingGroupIsEmpty", func(t *testing.T) {
		page, err := opened.GetEntries(store.PageQuery{Group: "acme:missing"})
		require.NoError(t, err)
		assert.Equal(t, store.Page{Revision: revision(t, opened, "acme")}, page)
	})
	t.Run("SubmitPageIsTheSame", func(t *testing.T) {
		answer := make(chan store.Page, 1)
		opened.SubmitPage(store.PageQuery{Group: "acme:g", Limit: 1}, func(page store.Page, err error) {
			assert.NoError(t, err)
			answer <- page
		})
		assert.Equal(t, []string{""}, keysOf(<-answer))
	})
}

// TestRead_GetEntries_Ugly reads a group that is half in memory, half in the tables,
// with the one hiding parts of the other.
func TestRead_GetEntries_Ugly(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{Clock: clock.Now})
	var stored, pending []store.Command
	want := []string{}
	for index := range 60 {
		key := fmt.Sprintf("%02d", index)
		if index%2 == 0 {
			stored = append(stored, store.SetCommand{Group: "acme:g", Key: key, Value: "stored"})
		}
		switch index % 6 {
		case 0:
			pending = append(pending, store.DeleteCommand{Group: "acme:g", Key: key})
		case 2:
			pending = append(pending, store.SetCommand{Group: "acme:g", Key: key, Value: "pending", TimeToLive: time.Second})
		case 3:
			pending = append(pending, store.SetCommand{Group: "acme:g", Key: key, Value: "pending"})
			want = append(want, key+"=pending")
		case 4:
			want = append(want, key+"=stored")
		}
	}
	submitTogether(opened, stored...)
	require.NoError(t, store.Settle(opened))
	submitTogether(opened, pending...)
	clock.Advance(time.Minute)
	for _, place := range []string{"Pending", "Written"} {
		for _, limit := range []int{1, 2, 3, 7, 100} {
			for _, descending := range []bool{false, true} {
				query := store.PageQuery{Group: "acme:g", Limit: limit, Descending: descending}
				got := []string{}
				for more := true; more; {
					page, err := opened.GetEntries(query)
					require.NoError(t, err)
					for _, entry := range page.Entries {
						got = append(got, entry.Key+"="+entry.Value)
						query.After = pointerTo(entry.Key)
					}
					more = page.Next != nil
				}
				if descending {
					slices.Reverse(got)
				}
				require.Equal(t, want, got, "%s, limit %d, descending %t", place, limit, descending)
			}
		}
		require.NoError(t, store.Settle(opened))
	}
}

func TestRead_GetEntries_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	_, err := opened.GetEntries(store.PageQuery{Group: "acme:g", Limit: -1})
	require.ErrorContains(t, err, `store.GetEntries: group "acme:g"`)
	require.ErrorContains(t, err, "limit -1 may not be negative")
}

func TestRead_All_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
	t.Run("AllSeqIsTheSame", func(t *testing.T) {
		setIn(t, opened, "acme:few", "a", "b")
		var keys []string
		for entry, err := range opened.AllSeq("acme:few") {
			require.NoError(t, err)
			keys = append(keys, entry.Key)
		}
		assert.Equal(t, []string{"a", "b"}, keys)
	})
	t.Run("TheLoopMayWriteToTheGroup", func(t *testing.T) {
		writeAll(t, opened, "acme:g", 1100, 0) // More than a page.
		seen := map[string]int{}
		for entry, err := range opened.All("acme:g") {
			require.NoError(t, err)
			seen[entry.Key]++
			require.NoError(t, opened.Set("acme:g", entry.Key, "changed"))
		}
		assert.Len(t, seen, 1100)
		for key, times := range seen {
			require.Equal(t, 1, times, key)
		}
	})
	t.Run("TheLoopMayDeleteWhatItSees", func(t *testing.T) {
		for entry, err := range opened.All("acme:g") {
			require.NoError(t, err)
			require.NoError(t, opened.Delete("acme:g", entry.Key))
		}
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		assert.Empty(t, all)
	})
	t.Run("TheLoopMayEndEarly", func(t *testing.T) {
		writeAll(t, opened, "acme:g", 10, 0)
		for entry, err := range opened.All("acme:g") {
			require.NoError(t, err)
			assert.Equal(t, store.KeyValue{Key: "0", Value: "value"}, entry)
			break
		}
	})
}

func TestRead_All_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	writeAll(t, opened, "acme:g", 2000, 0)
	seen := 0
	var failure error
	for _, err := range opened.All("acme:g") {
		if err != nil {
			failure = err
			continue
		}
		seen++
		require.NoError(t, opened.Close())
	}
	require.ErrorIs(t, failure, store.ErrClosed, "the last that it yields")
	assert.Equal(t, 1024, seen)
}

func TestRead_GetPage_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	var commands []store.Command
	for index := range 2500 {
		commands = append(commands, store.SetCommand{Group: "acme:g", Key: fmt.Sprintf("%04d", index), Value: fmt.Sprint(index)})
	}
	submitTogether(opened, commands...)
	for _, test := range []struct{ offset, limit, first, want int }{
		{0, 3, 0, 3}, {1, 3, 1, 3}, {2499, 3, 2499, 1}, {2500, 3, 0, 0}, {5000, 3, 0, 0}, {0, 0, 0, 0}, {0, 5000, 0, 2500}, {1500, 1100, 1500, 1000}, {1025, 1, 1025, 1},
	} {
		page, err := opened.GetPage("acme:g", test.offset, test.limit)
		require.NoError(t, err)
		require.NotNil(t, page)
		require.Len(t, page, test.want, "%+v", test)
		if test.want > 0 {
			assert.Equal(t, store.KeyValue{Key: fmt.Sprintf("%04d", test.first), Value: fmt.Sprint(test.first)}, page[0])
		}
	}
}

func TestRead_GetPage_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, arguments := range [][2]int{{-1, 1}, {1, -1}} {
		_, err := opened.GetPage("acme:g", arguments[0], arguments[1])
		require.ErrorContains(t, err, "may not be negative")
	}
}
