// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// damagedStore returns an open store of six commits, whose log in the database a
// statement has damaged, and which holds nothing of it in memory.
func damagedStore(t *testing.T, damage string, logged *logged) *store.Store {
	t.Helper()
	path := databasePath(t)
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path, Logger: logged.logger(), Retention: store.Retention{Count: 6}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, opened.Close()) })
	setKeys(t, opened, "a", "b", "c", "d", "e", "f")
	require.NoError(t, store.Settle(opened))
	require.NoError(t, store.Execute(opened, damage))
	store.Evict(opened)
	return opened
}

func TestChangeLog_Changes_Ugly(t *testing.T) {
	for name, damage := range map[string]string{
		"NotALog":        "UPDATE commits SET changes = 'not a log' WHERE id = 3",
		"NothingAtAll":   "UPDATE commits SET changes = x'' WHERE id = 3",
		"WithoutChanges": "UPDATE commits SET changes = x'01' WHERE id >= 3",
		"CutShort":       "UPDATE commits SET changes = CAST(substr(changes, 1, 9) AS BLOB) WHERE id = 3",
		"Lengthened":     "UPDATE commits SET changes = CAST(changes || x'00' AS BLOB) WHERE id = 3",
		"MissingCommits": "DELETE FROM commits WHERE id >= 3",
		"MissingPlaces":  "DELETE FROM namespace_commits WHERE commit_id >= 3",
		"AnotherCommit":  "UPDATE namespace_commits SET commit_id = 5 WHERE commit_id = 3",
	} {
		t.Run(name, func(t *testing.T) {
			var logged logged
			opened := damagedStore(t, damage, &logged)
			_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: 2})
			require.ErrorContains(t, err, "log is damaged")
			page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", Limit: 1})
			require.NoError(t, err)
			assert.Equal(t, []string{"set a"}, brief(page.Events), "what is whole can be read")
			requireValue(t, opened, "c", "value")
			setKeys(t, opened, "g")
			page, err = opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: 6})
			require.NoError(t, err)
			assert.Equal(t, []string{"set g"}, brief(page.Events))
		})
	}
}

func TestChangeLog_After_Ugly(t *testing.T) {
	t.Run("ConsumerIsTold", func(t *testing.T) {
		var logged logged
		opened := damagedStore(t, "SELECT 1", &logged)
		consumer := registerConsumer(t, opened)
		setKeys(t, opened, "g", "h")
		require.NoError(t, store.Execute(opened, "UPDATE commits SET changes = 'not a log' WHERE id = 7"))
		store.Evict(opened)
		_, err := consumer.Next(context.Background())
		require.ErrorContains(t, err, "log is damaged")
	})
	t.Run("CallbacksAreNotCalledAndTheOperatorIsTold", func(t *testing.T) {
		var logged logged
		opened := damagedStore(t, "SELECT 1", &logged)
		held, called := make(chan struct{}), make(chan struct{}, 10)
		opened.OnChange(func(store.Event) {
			called <- struct{}{}
			<-held
		})
		for _, key := range []string{"g", "h", "i"} {
			_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: key})
			require.NoError(t, err)
			if key == "g" {
				<-called
			}
		}
		require.NoError(t, store.Execute(opened, "UPDATE commits SET changes = 'not a log' WHERE id = 8"))
		store.Evict(opened)
		close(held)
		require.NoError(t, opened.Close())
		assert.Empty(t, called)
	})
	t.Run("TrimmingIsTriedAgain", func(t *testing.T) {
		var logged logged
		opened := damagedStore(t, "UPDATE commits SET changes = 'not a log' WHERE id = 1", &logged)
		setKeys(t, opened, "g", "h")
		require.NoError(t, store.Settle(opened))
		assert.Contains(t, logged.String(), "trimming the log failed; it is tried again")
		setKeys(t, opened, "i")
	})
	t.Run("StoreIsNotOpenedWhereTheOldestIsDamaged", func(t *testing.T) {
		path := databasePath(t)
		opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
		require.NoError(t, err)
		setKeys(t, opened, "a", "b")
		require.NoError(t, opened.Close())
		execute(t, path, "UPDATE commits SET changes = 'not a log' WHERE id = 1")
		require.ErrorContains(t, refusal(t, path), "log is damaged")
	})
	t.Run("ReplayIsRefused", func(t *testing.T) {
		path := databasePath(t)
		opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
		require.NoError(t, err)
		setKeys(t, opened, "a", "b")
		require.NoError(t, opened.Close())
		execute(t, path, "UPDATE commits SET changes = 'not a log' WHERE id = 2; UPDATE meta SET value = 1 WHERE name = 'materialised'")
		require.ErrorContains(t, refusal(t, path), "replay the log after commit 1: log is damaged")
	})
}
