// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"strings"
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

// TestChangeLog_Changes_Ugly has the database lose changes, all from revision 3 on: the
// reader is told where it can go on, as where the log was trimmed.
func TestChangeLog_Changes_Ugly(t *testing.T) {
	for name, test := range map[string]struct {
		damage string
		oldest uint64
		place  string
	}{
		"NotALog":        {"UPDATE commits SET changes = 'not a log' WHERE id = 3", 4, "commit 3"},
		"NothingAtAll":   {"UPDATE commits SET changes = x'' WHERE id = 3", 4, "commit 3"},
		"WithoutChanges": {"UPDATE commits SET changes = x'0100000000' WHERE id >= 3", 7, "revision 3"},
		"CutShort":       {"UPDATE commits SET changes = CAST(substr(changes, 1, 9) AS BLOB) WHERE id = 3", 4, "commit 3"},
		"Lengthened":     {"UPDATE commits SET changes = CAST(changes || x'00' AS BLOB) WHERE id = 3", 4, "commit 3"},
		"AnotherValue":   {"UPDATE commits SET changes = CAST(replace(changes, 'value', 'other') AS BLOB) WHERE id BETWEEN 3 AND 4", 5, "commit 3"},
		"MissingCommits": {"DELETE FROM commits WHERE id >= 3", 7, "revision 3"},
		"MissingPlaces":  {"DELETE FROM namespace_commits WHERE commit_id >= 3", 7, "revision 3"},
		"AnotherCommit":  {"UPDATE namespace_commits SET commit_id = 5 WHERE commit_id = 3", 4, "commit 5"},
	} {
		t.Run(name, func(t *testing.T) {
			var logged logged
			opened := damagedStore(t, test.damage, &logged)
			for range 2 {
				_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: 2})
				var compacted *store.CompactedError
				require.ErrorAs(t, err, &compacted)
				assert.Equal(t, store.CompactedError{Namespace: "acme", After: 2, Oldest: test.oldest, Revision: 6}, *compacted)
			}
			assert.Equal(t, 1, strings.Count(logged.String(), `place="`+test.place), logged.String())
			page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme"})
			require.NoError(t, err)
			assert.Equal(t, []string{"set a", "set b"}, brief(page.Events), "what is whole can be read")
			assert.Equal(t, uint64(2), page.Next)
			page, err = opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: test.oldest - 1})
			require.NoError(t, err)
			assert.Len(t, page.Events, int(7-test.oldest))
			requireValue(t, opened, "c", "value")
			setKeys(t, opened, "g")
			page, err = opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: 6})
			require.NoError(t, err)
			assert.Equal(t, []string{"set g"}, brief(page.Events))
		})
	}
}

func TestChangeLog_After_Ugly(t *testing.T) {
	t.Run("ConsumerGoesOnAndTheOperatorIsToldOnce", func(t *testing.T) {
		var logged logged
		opened := damagedStore(t, "SELECT 1", &logged)
		consumer := registerConsumer(t, opened)
		setKeys(t, opened, "g", "h", "i")
		require.NoError(t, store.Execute(opened, "UPDATE commits SET changes = 'not a log' WHERE id = 8"))
		store.Evict(opened)
		for range 2 {
			assert.Equal(t, []string{"g", "i"}, next(t, consumer, 2))
			consumer.Rewind()
		}
		assert.Equal(t, 1, strings.Count(logged.String(), `place="commit 8"`), logged.String())
	})
	t.Run("CallbacksGoOn", func(t *testing.T) {
		var logged logged
		opened := damagedStore(t, "SELECT 1", &logged)
		held, recorder := make(chan struct{}), newRecorder()
		opened.OnChange(func(event store.Event) {
			recorder.record(event)
			<-held
		})
		for _, key := range []string{"g", "h", "i"} {
			_, err := submit(opened, store.SetCommand{Group: "acme:g", Key: key})
			require.NoError(t, err)
			if key == "g" {
				recorder.waitFor(1)
			}
		}
		require.NoError(t, store.Execute(opened, "UPDATE commits SET changes = 'not a log' WHERE id = 8"))
		store.Evict(opened)
		close(held)
		recorder.waitFor(1)
		assert.Equal(t, []string{"set g", "set i"}, recorder.brief())
		assert.Contains(t, logged.String(), `place="commit 8"`)
	})
	t.Run("DamagedCommitsAreTrimmed", func(t *testing.T) {
		var logged logged
		opened := damagedStore(t, "UPDATE commits SET changes = 'not a log' WHERE id IN (1, 3)", &logged)
		require.NoError(t, opened.Set("other:g", "a", ""))
		setKeys(t, opened, "g", "h")
		require.NoError(t, store.Settle(opened))
		oldest, _ := retained(t, opened, "acme")
		assert.Equal(t, uint64(4), oldest)
		assert.Equal(t, []string{"set d", "set e", "set f", "set g", "set h"}, brief(changes(t, opened, "acme", 3)))
	})
	t.Run("LastChangeOfANamespaceIsTrimmed", func(t *testing.T) {
		var logged logged
		opened := damagedStore(t, "SELECT 1", &logged)
		require.NoError(t, opened.Set("other:g", "a", ""))
		require.NoError(t, store.Execute(opened, "UPDATE commits SET changes = 'not a log' WHERE id = 7"))
		for range 3 {
			setKeys(t, opened, "g", "h")
		}
		require.NoError(t, store.Settle(opened))
		store.Evict(opened)
		_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "other"})
		var compacted *store.CompactedError
		require.ErrorAs(t, err, &compacted)
		assert.Equal(t, store.CompactedError{Namespace: "other", Oldest: 2, Revision: 1}, *compacted, "it is lost, though others did not trim it")
		for range 6 {
			require.NoError(t, opened.Set("other:g", "a", ""))
		}
		require.NoError(t, store.Settle(opened))
		_, err = opened.Changes(context.Background(), store.ChangesQuery{Namespace: "other"})
		require.ErrorAs(t, err, &compacted)
		assert.Equal(t, store.CompactedError{Namespace: "other", Oldest: 5, Revision: 7}, *compacted)
	})
}

func TestChangeLog_Load_Ugly(t *testing.T) {
	t.Run("OldestIsDamaged", func(t *testing.T) {
		var logged logged
		config := store.StoreConfig{DatabasePath: databasePath(t), Logger: logged.logger(), Retention: store.Retention{Count: 2}}
		opened, err := store.NewConfigured(config)
		require.NoError(t, err)
		setKeys(t, opened, "a", "b")
		require.NoError(t, opened.Close())
		execute(t, config.DatabasePath, "UPDATE commits SET changes = 'not a log' WHERE id = 1")
		opened = openStore(t, config)
		assert.Contains(t, logged.String(), `place="commit 1"`)
		requireValue(t, opened, "a", "value")
		setKeys(t, opened, "c", "d")
		require.NoError(t, store.Settle(opened))
		oldest, _ := retained(t, opened, "acme")
		assert.Equal(t, uint64(3), oldest)
	})
	t.Run("ReplayIsRefused", func(t *testing.T) {
		path := databasePath(t)
		opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
		require.NoError(t, err)
		setKeys(t, opened, "a", "b", "c")
		require.NoError(t, opened.Close())
		execute(t, path, "UPDATE commits SET changes = 'not a log' WHERE id = 3; UPDATE meta SET value = 1 WHERE name = 'materialised'")
		require.ErrorContains(t, refusal(t, path), "replay the log after commit 1: commit 3: log is damaged")
	})
}
