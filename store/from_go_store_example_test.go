// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dappco.re/go/storebus/store"
)

// The lines of docs/from-go-store.md stand in these examples.

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// exampleFolder is a folder of an example, which removes it.
func exampleFolder() (path string, remove func()) {
	path, err := os.MkdirTemp("", "storebus-example-")
	check(err)
	return path, func() { check(os.RemoveAll(path)) }
}

// exampleStore opens a store in memory.
func exampleStore() (opened *store.Store, closeStore func()) {
	opened, err := store.New(store.MemoryDatabase)
	check(err)
	return opened, func() { check(opened.Close()) }
}

func Example_opening() {
	folder, remove := exampleFolder()
	defer remove()
	path, state := filepath.Join(folder, "app.db"), filepath.Join(folder, "state")

	journal := store.JournalConfiguration{EndpointURL: "http://127.0.0.1:8086", Organisation: "core", BucketName: "events"}
	withJournal := func(config *store.StoreConfig) { config.Journal = journal }
	withFolder := func(config *store.StoreConfig) { config.WorkspaceStateDirectory = state }
	opened, err := store.New(path, store.WithPurgeInterval(time.Minute), withJournal, withFolder)
	check(err)
	fmt.Println(opened.JournalConfigured(), opened.JournalConfiguration().BucketName)
	fmt.Println(opened.DatabasePath() == path, opened.Config().WorkspaceStateDirectory == state)
	err = opened.Close()
	fmt.Println(err, opened.IsClosed())

	config := store.StoreConfig{DatabasePath: path, PurgeInterval: 30 * time.Second}
	err = config.Validate()
	check(err)
	opened, err = store.NewConfigured(config)
	check(err)
	config = opened.Config()
	fmt.Println(config.PurgeInterval, config.Durability)
	check(opened.Close())
	// Output:
	// true events
	// true true
	// <nil> true
	// 30s full
}

func Example_entries() {
	opened, closeStore := exampleStore()
	defer closeStore()

	err := opened.Set("config", "colour", "blue")
	check(err)
	err = opened.SetWithTTL("session", "token", "abc 123", time.Hour)
	check(err)
	value, err := opened.Get("config", "colour")
	check(err)
	there, err := opened.Exists("config", "colour")
	check(err)
	fmt.Println(value, there)
	there, err = opened.GroupExists("config")
	check(err)
	keys, err := opened.Count("config")
	check(err)
	all, err := opened.CountAll("")
	check(err)
	fmt.Println(there, keys, all)
	entries, err := opened.GetAll("config")
	check(err)
	page, err := opened.GetPage("config", 0, 25)
	check(err)
	fmt.Println(entries, page)
	for entry, err := range opened.All("config") {
		check(err)
		fmt.Println(entry.Key, entry.Value)
	}
	parts, err := opened.GetSplit("session", "token", " ")
	check(err)
	fields, err := opened.GetFields("session", "token")
	check(err)
	for part := range parts {
		fmt.Println(part)
	}
	for field := range fields {
		fmt.Println(field)
	}
	text, err := opened.Render("colour: {{ .colour }}", "config")
	check(err)
	groups, err := opened.Groups("s")
	check(err)
	fmt.Println(text, groups)
	for group, err := range opened.GroupsSeq("c") {
		check(err)
		fmt.Println(group)
	}
	err = opened.Delete("config", "colour")
	check(err)
	err = opened.DeleteGroup("session")
	check(err)
	err = opened.DeletePrefix("tenant-a:")
	check(err)
	purged, err := opened.PurgeExpired()
	check(err)
	for entry, err := range opened.AllSeq("config") {
		fmt.Println(entry, err)
	}
	fmt.Println(purged)
	// Output:
	// blue true
	// true 1 2
	// map[colour:blue] [{colour blue}]
	// colour blue
	// abc
	// 123
	// abc
	// 123
	// colour: blue [session]
	// config
	// 0
}

func Example_errors() {
	opened, closeStore := exampleStore()
	defer closeStore()
	scoped, err := store.NewScopedConfigured(opened, store.ScopedStoreConfig{Namespace: "tenant-a", Quota: store.QuotaConfig{MaxKeys: 1}})
	check(err)

	_, err = opened.Get("config", "colour")
	fmt.Println(errors.Is(err, store.ErrNotFound))
	if missing, ok := errors.AsType[*store.NotFoundError](err); ok {
		fmt.Println(missing.Group, missing.Key)
	}
	err = errors.Join(scoped.Set("colour", "blue"), scoped.Set("size", "10"))
	fmt.Println(errors.Is(err, store.ErrQuotaExceeded))
	if exceeded, ok := errors.AsType[*store.QuotaExceededError](err); ok {
		fmt.Println(exceeded.Quota, exceeded.Limit, exceeded.Usage)
	}
	// Output:
	// true
	// config colour
	// true
	// keys 1 1
}

func Example_scoped() {
	opened, closeStore := exampleStore()
	defer closeStore()

	scoped, err := store.NewScoped(opened, "tenant-a")
	check(err)
	fmt.Println(scoped.Namespace())
	quota := store.QuotaConfig{MaxKeys: 100, MaxGroups: 10}
	config := store.ScopedStoreConfig{Namespace: "tenant-a", Quota: quota}
	err = config.Validate()
	check(err)
	scoped, err = store.NewScopedConfigured(opened, config)
	check(err)
	err = scoped.SetQuota(store.Quota{MaxKeys: 100})
	check(err)
	limits, err := scoped.Quota()
	check(err)
	fmt.Println(scoped.Namespace(), limits.MaxKeys)

	err = scoped.Set("colour", "blue")
	check(err)
	err = scoped.SetIn("preferences", "locale", "en-GB")
	check(err)
	err = scoped.SetWithTTL("session", "token", "abc 123", time.Hour)
	check(err)
	value, err := scoped.Get("colour")
	check(err)
	locale, err := scoped.GetFrom("preferences", "locale")
	check(err)
	there, err := scoped.Exists("colour")
	check(err)
	thereToo, err := scoped.ExistsIn("preferences", "locale")
	check(err)
	fmt.Println(value, locale, there, thereToo)
	there, err = scoped.GroupExists("preferences")
	check(err)
	keys, err := scoped.Count("preferences")
	check(err)
	all, err := scoped.CountAll()
	check(err)
	fmt.Println(there, keys, all)
	entries, err := scoped.GetAll("preferences")
	check(err)
	page, err := scoped.GetPage("preferences", 0, 25)
	check(err)
	fmt.Println(entries, page)
	for entry, err := range scoped.All("preferences") {
		check(err)
		fmt.Println(entry.Value)
	}
	for entry, err := range scoped.AllSeq("preferences") {
		check(err)
		fmt.Println(entry.Value)
	}
	parts, err := scoped.GetSplit("session", "token", " ")
	check(err)
	fields, err := scoped.GetFields("session", "token")
	check(err)
	for part := range parts {
		fmt.Println(part)
	}
	for field := range fields {
		fmt.Println(field)
	}
	text, err := scoped.Render("{{ .locale }}", "preferences")
	check(err)
	groups, err := scoped.Groups()
	check(err)
	fmt.Println(text, groups)
	for group, err := range scoped.GroupsSeq("pref") {
		check(err)
		fmt.Println(group)
	}
	err = scoped.Delete("session", "token")
	check(err)
	err = scoped.DeleteGroup("preferences")
	check(err)
	err = scoped.DeletePrefix("cache:")
	check(err)
	purged, err := scoped.PurgeExpired()
	check(err)
	fmt.Println(purged)
	// Output:
	// tenant-a
	// tenant-a 100
	// blue en-GB true true
	// true 1 3
	// map[locale:en-GB] [{locale en-GB}]
	// en-GB
	// en-GB
	// abc
	// 123
	// abc
	// 123
	// en-GB [default preferences session]
	// preferences
	// 0
}

func Example_events() {
	opened, closeStore := exampleStore()
	defer closeStore()
	scoped, err := store.NewScoped(opened, "tenant-a")
	check(err)

	events := opened.Watch("config")
	unregister := opened.OnChange(func(event store.Event) { fmt.Println("changed", event.Group, event.Key) })
	scopedEvents := scoped.Watch("preferences")
	unregisterScoped := scoped.OnChange(func(event store.Event) { fmt.Println("changed in tenant-a", event.Group) })
	check(opened.Set("config", "colour", "blue"))
	check(scoped.SetIn("preferences", "locale", "en-GB"))
	event := <-events
	fmt.Println(event.Type, event.Key, event.Type == store.EventSet)
	fmt.Println((<-scopedEvents).Group)
	unregister()
	unregisterScoped()
	opened.Unwatch("config", events)
	scoped.Unwatch("preferences", scopedEvents)
	fmt.Println(store.EventDelete, store.EventDeleteGroup, store.EventExpire)
	// Output:
	// changed config colour
	// changed tenant-a:preferences locale
	// changed in tenant-a preferences
	// set colour true
	// preferences
	// delete delete_group expire
}

func Example_transaction() {
	opened, closeStore := exampleStore()
	defer closeStore()

	err := opened.Set("cache", "page", "")
	check(err)
	err = opened.Transaction(func(transaction *store.StoreTransaction) error {
		err := transaction.Set("config", "colour", "blue")
		check(err)
		err = transaction.SetWithTTL("session", "token", "abc 123", time.Hour)
		check(err)
		value, err := transaction.Get("config", "colour")
		check(err)
		there, err := transaction.Exists("config", "colour")
		check(err)
		fmt.Println(value, there)
		there, err = transaction.GroupExists("config")
		check(err)
		keys, err := transaction.Count("config")
		check(err)
		all, err := transaction.CountAll("")
		check(err)
		fmt.Println(there, keys, all)
		entries, err := transaction.GetAll("config")
		check(err)
		page, err := transaction.GetPage("config", 0, 25)
		check(err)
		fmt.Println(entries, page)
		for entry, err := range transaction.All("config") {
			check(err)
			fmt.Println(entry.Key)
		}
		for entry, err := range transaction.AllSeq("config") {
			check(err)
			fmt.Println(entry.Value)
		}
		parts, err := transaction.GetSplit("session", "token", " ")
		check(err)
		fields, err := transaction.GetFields("session", "token")
		check(err)
		text, err := transaction.Render("colour: {{ .colour }}", "config")
		check(err)
		groups, err := transaction.Groups("s")
		check(err)
		fmt.Println(slices.Collect(parts), slices.Collect(fields), text, groups)
		for group, err := range transaction.GroupsSeq("c") {
			check(err)
			fmt.Println(group)
		}
		err = transaction.Delete("config", "colour")
		check(err)
		err = transaction.DeleteGroup("session")
		check(err)
		err = transaction.DeletePrefix("tenant-a:")
		check(err)
		return errors.New("all of it is taken back")
	})
	fmt.Println(err)
	// Output:
	// blue true
	// true 1 3
	// map[colour:blue] [{colour blue}]
	// colour
	// blue
	// [abc 123] [abc 123] colour: blue [session]
	// cache
	// config
	// store.Transaction: all of it is taken back
}

func Example_scopedTransaction() {
	opened, closeStore := exampleStore()
	defer closeStore()
	scoped, err := store.NewScoped(opened, "tenant-a")
	check(err)

	err = scoped.Transaction(func(transaction *store.ScopedStoreTransaction) error {
		err := transaction.Set("colour", "blue")
		check(err)
		err = transaction.SetIn("preferences", "locale", "en-GB")
		check(err)
		err = transaction.SetWithTTL("session", "token", "abc 123", time.Hour)
		check(err)
		value, err := transaction.Get("colour")
		check(err)
		locale, err := transaction.GetFrom("preferences", "locale")
		check(err)
		there, err := transaction.Exists("colour")
		check(err)
		thereToo, err := transaction.ExistsIn("preferences", "locale")
		check(err)
		fmt.Println(value, locale, there, thereToo)
		there, err = transaction.GroupExists("preferences")
		check(err)
		keys, err := transaction.Count("preferences")
		check(err)
		all, err := transaction.CountAll()
		check(err)
		fmt.Println(there, keys, all)
		entries, err := transaction.GetAll("preferences")
		check(err)
		page, err := transaction.GetPage("preferences", 0, 25)
		check(err)
		fmt.Println(entries, page)
		for entry, err := range transaction.All("preferences") {
			check(err)
			fmt.Println(entry.Key)
		}
		for entry, err := range transaction.AllSeq("preferences") {
			check(err)
			fmt.Println(entry.Value)
		}
		parts, err := transaction.GetSplit("session", "token", " ")
		check(err)
		fields, err := transaction.GetFields("session", "token")
		check(err)
		text, err := transaction.Render("{{ .locale }}", "preferences")
		check(err)
		groups, err := transaction.Groups()
		check(err)
		fmt.Println(slices.Collect(parts), slices.Collect(fields), text, groups)
		for group, err := range transaction.GroupsSeq("pref") {
			check(err)
			fmt.Println(group)
		}
		err = transaction.Delete("session", "token")
		check(err)
		err = transaction.DeleteGroup("preferences")
		check(err)
		err = transaction.DeletePrefix("cache:")
		return err
	})
	check(err)
	left, err := scoped.Groups()
	fmt.Println(left, err)
	// Output:
	// blue en-GB true true
	// true 1 3
	// map[locale:en-GB] [{locale en-GB}]
	// locale
	// en-GB
	// [abc 123] [abc 123] en-GB [default preferences session]
	// preferences
	// [default] <nil>
}

func Example_journal() {
	folder, remove := exampleFolder()
	defer remove()
	opened, closeStore := exampleStore()
	defer closeStore()

	entry, err := opened.CommitToJournal("deploy", map[string]any{"seconds": 12.5}, map[string]string{"host": "a1"})
	check(err)
	fmt.Println(entry.Measurement, entry.Fields["seconds"], entry.Tags["host"])
	flux := `from(bucket: "events") |> range(start: -24h) |> filter(fn: (r) => r.host == "a1")`
	found, err := opened.QueryJournal(flux)
	check(err)
	fmt.Println(len(found))

	options := store.CompactOptions{Before: time.Now(), Output: folder, Format: store.ArchiveGzip}
	compaction, err := opened.Compact(options)
	check(err)
	fmt.Println(compaction.Entries, compaction.Archive != "")
	// Output:
	// deploy 12.5 a1
	// 1
	// 1 true
}

func Example_workspaces() {
	folder, remove := exampleFolder()
	defer remove()
	opened, closeStore := exampleStore()
	defer closeStore()

	workspace, err := opened.NewWorkspace("import-42")
	check(err)
	err = workspace.Put("row", map[string]any{"sku": "A-17"})
	check(err)
	entries, err := workspace.Count()
	check(err)
	summary, err := workspace.Aggregate()
	check(err)
	fmt.Println(workspace.Name(), entries, summary["row"], workspace.DatabasePath() != "")
	rows, err := workspace.Query("SELECT kind, data ->> 'sku' FROM entries")
	check(err)
	fmt.Println(rows.Columns[0], rows.Rows[0])
	err = workspace.Close()
	check(err)

	workspace, err = opened.NewWorkspace("import-42")
	check(err)
	commit, err := workspace.Commit()
	check(err)
	fmt.Println(commit.Summary["row"])
	kept, err := opened.Get("workspace:import-42", "summary")
	check(err)
	fmt.Println(kept)

	workspace, err = opened.NewWorkspace("import-43")
	check(err)
	err = workspace.Discard()
	check(err)

	orphans, err := opened.RecoverOrphans(folder)
	check(err)
	for _, orphan := range orphans {
		fmt.Println(store.OriginalName(orphan.Name()))
	}
	// Output:
	// import-42 1 1 true
	// kind [row A-17]
	// 1
	// {"row":1}
}

func Example_json() {
	raw := json.RawMessage(`{"sku":"A-17"}`)
	text, err := json.MarshalIndent(raw, "", "  ")
	check(err)
	fmt.Println(string(text))
	// Output:
	// {
	//   "sku": "A-17"
	// }
}
