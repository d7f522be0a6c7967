// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
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
	requireExceeded(t, scoped.Set("b", ""), store.QuotaError{Quota: "keys", Limit: 1, Usage: 1})
	require.NoError(t, scoped.SetQuota(store.Quota{MaxKeys: 2}))
	require.NoError(t, scoped.Set("b", ""))
	usage, err := scoped.Usage()
	require.NoError(t, err)
	assert.Equal(t, store.Usage{Quota: store.Quota{MaxKeys: 2}, Keys: 2, Groups: 1, Bytes: int64(len("defaultadefaultb")), Revision: 2}, usage)
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
