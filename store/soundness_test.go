// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"database/sql"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/largevalue"
)

// tester is what the checks need of a test, so that rapid's can be one too.
type tester interface {
	require.TestingT
	Helper()
}

// openRaw opens a database file without the store, which must be closed.
func openRaw(t tester, path string) *sql.DB {
	t.Helper()
	address := url.URL{Path: path}
	raw, err := sql.Open("sqlite", "file:"+address.EscapedPath())
	require.NoError(t, err)
	raw.SetMaxOpenConns(1)
	return raw
}

// execute changes a database file without the store.
func execute(t tester, path, statement string, arguments ...any) {
	t.Helper()
	raw := openRaw(t, path)
	_, err := raw.Exec(statement, arguments...)
	require.NoError(t, err)
	require.NoError(t, raw.Close())
}

// requireSound checks what must hold in the file of every store that is closed:
// the log is dense in each namespace and adds up, and the tables say what the log says.
func requireSound(t tester, path string) {
	t.Helper()
	raw := openRaw(t, path)
	defer raw.Close()
	check := &soundness{t: t, raw: raw, namespaces: map[string]*namespaceCount{}, groups: map[string]*groupCount{}, entries: map[entryID]*loggedEntry{}, deleted: map[string]uint64{}, hidden: map[string]uint64{}, gone: map[string]uint64{}}
	check.text("ok", "PRAGMA integrity_check")
	check.readLog()
	check.readDeletions()
	check.readEntries()
	check.compareGroups()
	check.compareNamespaces()
	check.compareWatermarks()
}

// soundness counts again what the database says.
type soundness struct {
	t   tester
	raw *sql.DB

	lastCommit uint64
	namespaces map[string]*namespaceCount
	groups     map[string]*groupCount
	entries    map[entryID]*loggedEntry
	// deleted are the revisions at which the log deletes groups, hidden those of
	// which rows may still be there.
	deleted map[string]uint64
	hidden  map[string]uint64
	// gone are the last changes of groups that are gone but still in a row.
	gone map[string]uint64
}

type entryID struct {
	group string
	key   string
}

type namespaceCount struct {
	keys, groups, bytes int64
	// first and last are the revisions in the log; 0 where there is none.
	first, last uint64
}

type groupCount struct {
	keys, bytes  int64
	lastRevision uint64
}

// loggedEntry is the last change of a key, and the value that the log gives it, nil
// where it tells none.
type loggedEntry struct {
	last  store.Event
	value *string
	found bool
}

// stays reports whether the key is there after its last change.
func (logged *loggedEntry) stays() bool {
	return logged.last.Type == store.EventSet || logged.last.Type == store.EventTouch
}

func (check *soundness) namespace(name string) *namespaceCount {
	if check.namespaces[name] == nil {
		check.namespaces[name] = &namespaceCount{}
	}
	return check.namespaces[name]
}

func (check *soundness) group(name string) *groupCount {
	if check.groups[name] == nil {
		check.groups[name] = &groupCount{}
	}
	return check.groups[name]
}

// rows calls scan for each row of a query.
func (check *soundness) rows(scan func(row *sql.Rows) error, query string) {
	check.t.Helper()
	rows, err := check.raw.Query(query)
	require.NoError(check.t, err)
	defer rows.Close()
	for rows.Next() {
		require.NoError(check.t, scan(rows))
	}
	require.NoError(check.t, rows.Err())
}

func (check *soundness) text(want, query string) {
	check.t.Helper()
	var got string
	require.NoError(check.t, check.raw.QueryRow(query).Scan(&got))
	require.Equal(check.t, want, got)
}

// readLog checks that the revisions of each namespace are dense, that the totals add up,
// and that namespace_commits finds every commit of a namespace and nothing else. Changes
// that are gone may still be in the row of a commit, which is then known to be thinned.
func (check *soundness) readLog() {
	check.t.Helper()
	var changesTotal, bytesTotal, present, ever, gone, whole uint64
	var committedAt int64
	require.NoError(check.t, check.raw.QueryRow("SELECT value FROM meta WHERE name = 'log_gone'").Scan(&gone))
	require.NoError(check.t, check.raw.QueryRow("SELECT commit_id FROM record_start").Scan(&whole))
	oldest, thinned := check.oldest(), map[uint64]bool{}
	check.rows(func(row *sql.Rows) error {
		var id uint64
		err := row.Scan(&id)
		thinned[id] = true
		return err
	}, "SELECT commit_id FROM commits_thinned")
	found := map[string]map[uint64]uint64{}
	check.rows(func(row *sql.Rows) error {
		var id, changes, bytes uint64
		var at int64
		var blob []byte
		if err := row.Scan(&id, &at, &changes, &bytes, &blob); err != nil {
			return err
		}
		events, err := store.DecodeLog(blob)
		require.NoError(check.t, err)
		require.NotEmpty(check.t, events)
		if check.lastCommit != 0 {
			require.Greater(check.t, id, check.lastCommit, "ids of commits rise")
			require.GreaterOrEqual(check.t, at, committedAt, "time of commit %d", id)
		}
		if check.lastCommit > whole || check.lastCommit != 0 && id == check.lastCommit+1 && id > whole {
			require.Equal(check.t, check.lastCommit+1, id, "ids of whole commits are dense")
			require.Equal(check.t, changesTotal+uint64(len(events)), changes, "changes_total of commit %d", id)
			require.Equal(check.t, bytesTotal+uint64(len(blob)), bytes, "bytes_total of commit %d", id)
		}
		check.lastCommit, changesTotal, bytesTotal, committedAt = id, changes, bytes, at
		present, ever = present+uint64(len(blob)), bytes
		first := map[string]bool{}
		for index := range events {
			namespace := events[index].Namespace
			if from, holds := oldest[namespace]; !holds || events[index].Revision < from {
				require.True(check.t, thinned[id], "commit %d has changes that are gone", id)
				check.gone[events[index].Group] = events[index].Revision
				continue
			}
			events[index].Timestamp = time.Unix(0, at).UTC()
			check.replay(&events[index])
			if !first[namespace] {
				first[namespace] = true
				if found[namespace] == nil {
					found[namespace] = map[uint64]uint64{}
				}
				found[namespace][events[index].Revision] = id
			}
		}
		require.NotEmpty(check.t, first, "commit %d has nothing that is not gone", id)
		return nil
	}, "SELECT id, committed_at, changes_total, bytes_total, changes FROM commits ORDER BY id")
	require.Equal(check.t, ever-gone, present, "the bytes of the log")
	check.compareNamespaceCommits(found)
}

// oldest returns the lowest revision in the log of each namespace.
func (check *soundness) oldest() map[string]uint64 {
	check.t.Helper()
	oldest := map[string]uint64{}
	check.rows(func(row *sql.Rows) error {
		var namespace string
		var first uint64
		err := row.Scan(&namespace, &first)
		oldest[namespace] = first
		return err
	}, "SELECT namespace, min(first_revision) FROM namespace_commits GROUP BY namespace")
	return oldest
}

func (check *soundness) compareNamespaceCommits(found map[string]map[uint64]uint64) {
	check.t.Helper()
	totals := map[string]uint64{}
	check.rows(func(row *sql.Rows) error {
		var namespace string
		var first, id, bytes, total uint64
		err := row.Scan(&namespace, &first, &id, &bytes, &total)
		require.Equal(check.t, id, found[namespace][first], "commit of revision %d of %q", first, namespace)
		delete(found[namespace], first)
		if before, known := totals[namespace]; known {
			require.Equal(check.t, before+bytes, total, "bytes_total of revision %d of %q", first, namespace)
		}
		totals[namespace] = total
		return err
	}, "SELECT namespace, first_revision, commit_id, bytes, bytes_total FROM namespace_commits ORDER BY namespace, first_revision")
	for namespace, missing := range found {
		require.Empty(check.t, missing, "namespace_commits of %q", namespace)
	}
}

// replay takes an event of the log.
func (check *soundness) replay(event *store.Event) {
	check.t.Helper()
	namespace := check.namespace(event.Namespace)
	if namespace.last == 0 {
		namespace.first = event.Revision
	} else {
		require.Equal(check.t, namespace.last+1, event.Revision, "revisions of %q are dense", event.Namespace)
	}
	namespace.last = event.Revision
	group := check.group(event.Group)
	if group.lastRevision != 0 {
		require.Equal(check.t, group.lastRevision, event.Previous, "previous of revision %d of %q", event.Revision, event.Namespace)
	} else if event.Previous != 0 {
		require.Less(check.t, event.Previous, namespace.first, "previous of revision %d of %q", event.Revision, event.Namespace)
	}
	group.lastRevision = event.Revision
	if event.Type != store.EventDeleteGroup {
		check.replayEntry(event)
		return
	}
	check.deleted[event.Group] = event.Revision
	for id, logged := range check.entries {
		if id.group == event.Group {
			logged.last, logged.value = *event, nil
		}
	}
}

func (check *soundness) replayEntry(event *store.Event) {
	id := entryID{event.Group, event.Key}
	logged := &loggedEntry{last: *event}
	switch before := check.entries[id]; {
	case event.Type == store.EventSet:
		logged.value = &event.Value
	case event.Type == store.EventTouch && before != nil:
		require.True(check.t, before.stays(), "%q is touched after %s", id, before.last.Type)
		logged.value = before.value
	}
	check.entries[id] = logged
}

// readDeletions checks that what is being removed was deleted.
func (check *soundness) readDeletions() {
	check.t.Helper()
	check.rows(func(row *sql.Rows) error {
		var group string
		var revision uint64
		err := row.Scan(&group, &revision)
		check.hidden[group] = revision
		if deleted, logged := check.deleted[group]; logged {
			require.Equal(check.t, deleted, revision, "deletion of %q", group)
		}
		return err
	}, "SELECT group_name, revision FROM deletions")
}

// checksum checks the checksum of an entry, if it has one.
func (check *soundness) checksum(group, key, value string, revision uint64, updatedAt, expiresAt int64, checksum sql.NullInt64) {
	check.t.Helper()
	if checksum.Valid {
		state := kv.EntryState{Revision: revision, UpdatedAt: updatedAt, ExpiresAt: expiresAt, Value: value}
		require.Equal(check.t, kv.ChecksumOf(kv.EntryName{Group: group, Key: key}, &state), kv.Checksum(checksum.Int64), "checksum of %q %q", group, key)
	}
}

// readEntries counts the entries again, and compares them with the log.
func (check *soundness) readEntries() {
	check.t.Helper()
	check.rows(func(row *sql.Rows) error {
		var group, key, value string
		var revision uint64
		var updatedAt int64
		var expiresAt, checksum sql.NullInt64
		if err := row.Scan(&group, &key, &value, &revision, &updatedAt, &expiresAt, &checksum); err != nil {
			return err
		}
		if revision <= check.hidden[group] {
			return nil
		}
		check.count(group, key, value)
		require.Greater(check.t, revision, check.deleted[group], "revision of an entry whose group was deleted")
		logged := check.entries[entryID{group, key}]
		if logged == nil {
			namespaceName, _ := store.NamespaceOf(group)
			if first := check.namespace(namespaceName).first; first != 0 {
				require.Less(check.t, revision, first, "revision of an entry that the log does not hold")
			}
			check.checksum(group, key, value, revision, updatedAt, expiresAt.Int64, checksum)
			return nil
		}
		logged.found = true
		require.True(check.t, logged.stays(), "last change of %q %q is %s", group, key, logged.last.Type)
		require.Equal(check.t, logged.last.Revision, revision, "revision of %q %q", group, key)
		if logged.value != nil {
			require.Equal(check.t, *logged.value, value, "value of %q %q", group, key)
		}
		require.Equal(check.t, logged.last.Timestamp.UnixNano(), updatedAt, "time of %q %q", group, key)
		require.Equal(check.t, !logged.last.ExpiresAt.IsZero(), expiresAt.Valid, "expiry of %q %q", group, key)
		if expiresAt.Valid {
			require.Equal(check.t, logged.last.ExpiresAt.UnixMilli(), expiresAt.Int64, "expiry of %q %q", group, key)
		}
		check.checksum(group, key, value, revision, updatedAt, expiresAt.Int64, checksum)
		return nil
	}, "SELECT group_name, entry_key, "+largevalue.Text+", revision, updated_at, expires_at, checksum FROM entries")
	var lost int
	require.NoError(check.t, check.raw.QueryRow(largevalue.CountLost).Scan(&lost))
	require.Zero(check.t, lost, "large values without an entry")
	for name, logged := range check.entries {
		require.Equal(check.t, logged.stays(), logged.found, "entry %q after %s", name, logged.last.Type)
	}
}

// count adds an entry to its group and namespace.
func (check *soundness) count(group, key, value string) {
	namespaceName, local := store.NamespaceOf(group)
	namespace, counted := check.namespace(namespaceName), check.group(group)
	if counted.keys == 0 {
		namespace.groups++
	}
	size := int64(len(local) + len(key) + len(value))
	counted.keys++
	counted.bytes += size
	namespace.keys++
	namespace.bytes += size
}

func (check *soundness) compareGroups() {
	check.t.Helper()
	seen := map[string]bool{}
	check.rows(func(row *sql.Rows) error {
		var name string
		var got groupCount
		if err := row.Scan(&name, &got.keys, &got.bytes, &got.lastRevision); err != nil {
			return err
		}
		want := check.groups[name]
		if want == nil && check.gone[name] == got.lastRevision {
			return nil // its last change is still in the row of a commit
		}
		require.NotNil(check.t, want, "group %q has neither keys nor changes in the log", name)
		if want.lastRevision == 0 {
			want.lastRevision = got.lastRevision
		}
		assert.Equal(check.t, *want, got, "group %q", name)
		seen[name] = true
		return nil
	}, "SELECT group_name, keys, bytes, last_revision FROM groups")
	for name := range check.groups {
		require.True(check.t, seen[name], "group %q has no row", name)
	}
}

func (check *soundness) compareNamespaces() {
	check.t.Helper()
	seen := map[string]bool{}
	check.rows(func(row *sql.Rows) error {
		var name string
		var revision uint64
		var got namespaceCount
		if err := row.Scan(&name, &revision, &got.keys, &got.groups, &got.bytes); err != nil {
			return err
		}
		want := check.namespace(name)
		if want.last != 0 {
			require.Equal(check.t, want.last, revision, "revision of %q", name)
		}
		got.first, got.last = want.first, want.last
		assert.Equal(check.t, *want, got, "namespace %q", name)
		seen[name] = true
		return nil
	}, "SELECT namespace, revision, keys, groups, bytes FROM namespaces")
	for name := range check.namespaces {
		require.True(check.t, seen[name], "namespace %q has no row", name)
	}
}

// compareWatermarks checks that nothing claims to be ahead of the log.
func (check *soundness) compareWatermarks() {
	check.t.Helper()
	var materialised, ahead uint64
	require.NoError(check.t, check.raw.QueryRow("SELECT value FROM meta WHERE name = 'materialised'").Scan(&materialised))
	assert.Equal(check.t, check.lastCommit, materialised, "the tables are as new as the log")
	require.NoError(check.t, check.raw.QueryRow("SELECT count(*) FROM consumers WHERE commit_id > ?", check.lastCommit).Scan(&ahead))
	assert.Zero(check.t, ahead, "consumers ahead of the log")
}

func TestSoundness_RequireSound_Bad(t *testing.T) {
	for name, damage := range map[string]string{
		"FindsWrongValue":     "UPDATE entries SET entry_value = 'other' WHERE entry_key = 'b'",
		"FindsWrongRevision":  "UPDATE entries SET revision = 1 WHERE entry_key = 'b'",
		"FindsMissingEntry":   "DELETE FROM entries WHERE entry_key = 'b'",
		"FindsMissingCommit":  "DELETE FROM commits WHERE id = 2",
		"FindsMissingPlace":   "DELETE FROM namespace_commits WHERE first_revision = 2",
		"FindsWrongKeys":      "UPDATE namespaces SET keys = keys + 1",
		"FindsWrongBytes":     "UPDATE groups SET bytes = bytes + 1",
		"FindsWrongGroups":    "UPDATE namespaces SET groups = groups + 1",
		"FindsWrongTotals":    "UPDATE commits SET bytes_total = bytes_total + 1 WHERE id = 2",
		"FindsStaleTables":    "UPDATE meta SET value = 1 WHERE name = 'materialised'",
		"FindsMissingExpiry":  "UPDATE entries SET expires_at = NULL",
		"FindsWrongChecksum":  "UPDATE entries SET checksum = checksum + 1",
		"FindsStaleNamespace": "UPDATE namespaces SET revision = revision + 1",
	} {
		t.Run(name, func(t *testing.T) {
			path := databasePath(t)
			opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: path})
			require.NoError(t, err)
			require.NoError(t, opened.Set("acme:config", "a", "1"))
			require.NoError(t, opened.SetWithTTL("acme:config", "b", "2", time.Hour))
			require.NoError(t, opened.Set("acme:config", "c", "3"))
			require.NoError(t, opened.Close())
			requireSound(t, path)
			execute(t, path, damage)
			recorder := &recordingTester{}
			func() {
				defer func() { _ = recover() }()
				requireSound(recorder, path)
			}()
			assert.True(t, recorder.failed)
		})
	}
}

// recordingTester takes note that a check failed.
type recordingTester struct{ failed bool }

func (recorder *recordingTester) Errorf(string, ...any) { recorder.failed = true }
func (recorder *recordingTester) FailNow()              { panic("failed") }
func (recorder *recordingTester) Helper()               {}
