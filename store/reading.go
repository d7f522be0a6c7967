// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"strings"

	"dappco.re/go/storebus/store/internal/engine"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
	"dappco.re/go/storebus/store/internal/template"
)

// Get returns the value of a key, or NotFoundError.
//
//	value, err := store.Get("config", "theme")
func (store *Store) Get(group, key string) (string, error) {
	entry, err := store.get(group, key)
	return entry.Value, operationError("store.Get", group, key, err)
}

// GetEntry returns a key with its value, revision and expiry, or NotFoundError.
//
//	entry, err := store.GetEntry("config", "theme")
func (store *Store) GetEntry(group, key string) (Entry, error) {
	entry, err := store.get(group, key)
	return entry, operationError("store.GetEntry", group, key, err)
}

// Exists reports whether a key exists and has not expired.
//
//	there, err := store.Exists("config", "theme")
func (store *Store) Exists(group, key string) (bool, error) {
	_, err := store.get(group, key)
	if errors.Is(err, failure.ErrNotFound) {
		return false, nil
	}
	return err == nil, operationError("store.Exists", group, key, err)
}

// SubmitGet is GetEntry without waiting. It calls done once, before SubmitGet returns or later
// from a goroutine of the store. done must not block.
func (store *Store) SubmitGet(group, key string, done func(Entry, error)) {
	store.SubmitGetInto(nil, group, key, done)
}

// SubmitGetInto is SubmitGet for a caller with a buffer. If memory holds the entry, it appends the
// value there and reports true, and done has the entry without its value before SubmitGetInto returns.
//
//	inMemory := store.SubmitGetInto(&buffer, "config", "theme", done)
func (store *Store) SubmitGetInto(buffer *[]byte, group, key string, done func(Entry, error)) (inMemory bool) {
	name := kv.EntryName{Group: group, Key: key}
	entry, known, err := store.remembered(name, buffer)
	if known {
		tell(done, entry, err)
	} else {
		submitAsk(store, func(committer *engine.Committer) (Entry, error) { return committer.Entry(name) }, done)
	}
	return known
}

func (store *Store) get(group, key string) (Entry, error) {
	name := kv.EntryName{Group: group, Key: key}
	if entry, known, err := store.remembered(name, nil); known {
		return entry, err
	}
	return look(store, func(committer *engine.Committer) (Entry, error) { return committer.Entry(name) })
}

// remembered returns an entry that memory holds, if its time has not come. If into is not nil, the
// value is appended there, and not in the entry.
func (store *Store) remembered(name kv.EntryName, into *[]byte) (entry Entry, known bool, err error) {
	if !store.opened() {
		return Entry{}, false, nil
	}
	entry, known, err = store.engine.Remembered(name, into)
	if known && store.closing.Load() {
		return Entry{}, true, failure.ErrClosed
	}
	return entry, known, err
}

// GetSplit returns the parts of a value between separators. An empty separator splits after
// each UTF-8 character. It returns NotFoundError for a missing key.
//
//	hosts, err := store.GetSplit("config", "hosts", ",")
//	for host := range hosts { … }
func (store *Store) GetSplit(group, key, separator string) (iter.Seq[string], error) {
	entry, err := store.get(group, key)
	if err != nil {
		return nil, operationError("store.GetSplit", group, key, err)
	}
	return strings.SplitSeq(entry.Value, separator), nil
}

// GetFields returns the parts of a value between white space. It returns NotFoundError for a
// missing key.
//
//	flags, err := store.GetFields("config", "flags")
//	for flag := range flags { … }
func (store *Store) GetFields(group, key string) (iter.Seq[string], error) {
	entry, err := store.get(group, key)
	if err != nil {
		return nil, operationError("store.GetFields", group, key, err)
	}
	return strings.FieldsSeq(entry.Value), nil
}

// GetMany returns entries by name, all as they were at one point.
//
//	many, err := store.GetMany(store.ManyQuery{Names: []store.EntryName{{Group: "config", Key: "theme"}}})
func (store *Store) GetMany(query ManyQuery) (ManyEntries, error) {
	many, err := look(store, atTime(query.read))
	if err != nil {
		return many, fmt.Errorf("store.GetMany: %w", err)
	}
	return many, nil
}

// SubmitGetMany is GetMany without waiting. It calls done once, before SubmitGetMany returns or
// later from a goroutine of the store. done must not block.
func (store *Store) SubmitGetMany(query ManyQuery, done func(ManyEntries, error)) {
	submitAsk(store, atTime(query.read), done)
}

// GetEntries returns one page of a group.
//
//	page, err := store.GetEntries(store.PageQuery{Group: "acme:config", Limit: 100})
func (store *Store) GetEntries(query PageQuery) (Page, error) {
	page, err := look(store, atTime(query.read))
	return page, operationError("store.GetEntries", query.Group, query.Prefix, err)
}

// SubmitPage is GetEntries without waiting. It calls done once, before SubmitPage returns or
// later from a goroutine of the store. done must not block.
func (store *Store) SubmitPage(query PageQuery, done func(Page, error)) {
	submitAsk(store, atTime(query.read), done)
}

// GetPage returns at most limit entries of a group in byte order of the keys, after skipping
// offset entries. Skipped entries are counted and not read. Still, a larger offset takes
// longer: use All to iterate over a group.
//
//	page, err := store.GetPage("config", 0, 25)
func (store *Store) GetPage(group string, offset, limit int) ([]KeyValue, error) {
	if err := cmp.Or(store.unusable(), checkPage(offset, limit)); err != nil {
		return nil, operationError("store.GetPage", group, "", err)
	}
	page := offsetPage{Rest: state.RestOf(group), skip: offset, limit: limit, entries: make([]KeyValue, 0, min(limit, keysPerPage))}
	for !page.Ended && len(page.entries) < limit {
		_, err := look(store, func(committer *engine.Committer) (struct{}, error) {
			return struct{}{}, readOffsetPage(committer, committer.View(), &page)
		})
		if err != nil {
			return nil, operationError("store.GetPage", group, "", err)
		}
	}
	return page.entries, nil
}

// All iterates over the entries of a group in byte order of the keys. It reads in pages and
// holds nothing between them. So the loop may call the store, and write to the group. A key
// that is present throughout appears once. An entry that is written meanwhile may appear or
// not. An error ends the loop.
//
//	for entry, err := range store.All("config") { … }
func (store *Store) All(group string) iter.Seq2[KeyValue, error] {
	return func(yield func(KeyValue, error) bool) {
		rest := state.RestOf(group)
		for !rest.Ended {
			var page []KeyValue
			_, err := look(store, func(committer *engine.Committer) (struct{}, error) {
				return struct{}{}, rest.Read(committer.View(), committer.Now(), keysPerPage, state.PairsOnly, func(key, value string) {
					page = append(page, KeyValue{Key: key, Value: value})
				})
			})
			if err != nil {
				yield(KeyValue{}, operationError("store.All", group, "", err))
				return
			}
			for _, pair := range page {
				if !yield(pair, nil) {
					return
				}
			}
		}
	}
}

// AllSeq is All.
//
//	for entry, err := range store.AllSeq("config") { … }
func (store *Store) AllSeq(group string) iter.Seq2[KeyValue, error] { return store.All(group) }

// GetAll returns every entry of a group. A large group is read in pages, so an entry that is
// written meanwhile may be missing or not.
//
//	entries, err := store.GetAll("config")
func (store *Store) GetAll(group string) (map[string]string, error) {
	var all map[string]string
	for rest := state.RestOf(group); !rest.Ended; {
		_, err := look(store, func(committer *engine.Committer) (struct{}, error) {
			if all == nil {
				all = map[string]string{}
				if state, err := committer.View().Group(group); err == nil {
					all = make(map[string]string, min(state.Keys, expectedKeys))
				}
			}
			return struct{}{}, rest.Read(committer.View(), committer.Now(), keysPerPage, state.PairsOnly, func(key, value string) { all[key] = value })
		})
		if err != nil {
			return nil, operationError("store.GetAll", group, "", err)
		}
	}
	return all, nil
}

// Scan returns one page of the entries of many groups. A key that is present throughout appears
// exactly once in the pages, whatever is written meanwhile.
//
//	page, err := store.Scan(store.ScanQuery{Prefix: "acme:"})
func (store *Store) Scan(query ScanQuery) (ScanPage, error) {
	page, err := look(store, atTime(query.read))
	if err != nil {
		return page, fmt.Errorf("store.Scan: prefix %q: %w", query.Prefix, err)
	}
	return page, nil
}

// SubmitScan is Scan without waiting. It calls done once, before SubmitScan returns or later
// from a goroutine of the store. done must not block.
func (store *Store) SubmitScan(query ScanQuery, done func(ScanPage, error)) {
	submitAsk(store, atTime(query.read), done)
}

// GetGroups returns one page of groups. Expired keys do not count.
//
//	page, err := store.GetGroups(store.GroupsQuery{Prefix: "acme:"})
func (store *Store) GetGroups(query GroupsQuery) (GroupsPage, error) {
	page, err := askExactly(store, kv.RealmOfPrefix(query.Prefix), inView(query.read))
	if err != nil {
		return page, fmt.Errorf("store.GetGroups: prefix %q: %w", query.Prefix, err)
	}
	return page, nil
}

// SubmitGroups is GetGroups without waiting. It calls done once, before SubmitGroups returns or
// later from a goroutine of the store. done must not block.
func (store *Store) SubmitGroups(query GroupsQuery, done func(GroupsPage, error)) {
	submitExactly(store, kv.RealmOfPrefix(query.Prefix), inView(query.read), done)
}

// GroupsSeq iterates over the names of the groups that have keys and begin with prefix, byte
// for byte, in byte order. Without a prefix it iterates over all groups with keys. Like All it
// holds nothing between its pages.
//
//	for group, err := range store.GroupsSeq("tenant-a:") { … }
func (store *Store) GroupsSeq(prefix ...string) iter.Seq2[string, error] {
	query := GroupsQuery{Prefix: firstOf(prefix), Limit: keysPerPage}
	return func(yield func(string, error) bool) {
		for group, err := range store.groups(query) {
			if err != nil {
				err = fmt.Errorf("store.GroupsSeq: prefix %q: %w", query.Prefix, err)
			}
			if !yield(group, err) {
				return
			}
		}
	}
}

// Groups returns the names of the groups that have keys and begin with prefix, byte for byte,
// in byte order. Without a prefix it returns all groups with keys.
//
//	groups, err := store.Groups("tenant-a:")
func (store *Store) Groups(prefix ...string) ([]string, error) {
	names := []string{}
	for group, err := range store.groups(GroupsQuery{Prefix: firstOf(prefix), Limit: keysPerPage}) {
		if err != nil {
			return nil, fmt.Errorf("store.Groups: prefix %q: %w", firstOf(prefix), err)
		}
		names = append(names, group)
	}
	return names, nil
}

// groups goes through the pages of a query; an error is the last that it yields.
func (store *Store) groups(query GroupsQuery) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for more := true; more; {
			page, err := askExactly(store, kv.RealmOfPrefix(query.Prefix), inView(query.read))
			if err != nil {
				yield("", err)
				return
			}
			for _, group := range page.Groups {
				if !yield(group.Group, nil) {
					return
				}
			}
			query.After, more = page.Next, page.Next != nil
		}
	}
}

func firstOf(texts []string) string {
	if len(texts) == 0 {
		return ""
	}
	return texts[0]
}

// GetNamespaces returns one page of the namespaces that were ever written. Groups outside every
// namespace do not count, and neither do expired keys.
//
//	page, err := store.GetNamespaces(store.NamespacesQuery{Limit: 100})
func (store *Store) GetNamespaces(query NamespacesQuery) (NamespacesPage, error) {
	page, err := askExactly(store, kv.WholeStore, inView(query.read))
	if err != nil {
		return page, fmt.Errorf("store.GetNamespaces: prefix %q: %w", query.Prefix, err)
	}
	return page, nil
}

// SubmitNamespaces is GetNamespaces without waiting. It calls done once, before
// SubmitNamespaces returns or later from a goroutine of the store. done must not block.
func (store *Store) SubmitNamespaces(query NamespacesQuery, done func(NamespacesPage, error)) {
	submitExactly(store, kv.WholeStore, inView(query.read), done)
}

// CountKeys returns the number of keys, without expired keys. The count of one group, of a
// namespace and of the store is known at once. For any other prefix the store adds up group by
// group.
//
//	count, err := store.CountKeys(store.CountQuery{Prefix: "acme:"})
func (store *Store) CountKeys(query CountQuery) (KeyCount, error) {
	count, err := askExactly(store, query.realm(), inView(query.read))
	if err != nil {
		return count, fmt.Errorf("store.CountKeys: %w", err)
	}
	return count, nil
}

// SubmitCount is CountKeys without waiting. It calls done once, before SubmitCount returns or
// later from a goroutine of the store. done must not block.
func (store *Store) SubmitCount(query CountQuery, done func(KeyCount, error)) {
	submitExactly(store, query.realm(), inView(query.read), done)
}

// Count returns the number of keys of a group, without expired keys.
//
//	keys, err := store.Count("config")
func (store *Store) Count(group string) (int, error) {
	count, err := askExactly(store, kv.RealmOf(group), inView(CountQuery{Group: &group}.read))
	return int(count.Keys), operationError("store.Count", group, "", err)
}

// CountAll returns the number of keys of all groups that begin with prefix, byte for byte; ""
// counts the whole store.
//
//	keys, err := store.CountAll("tenant-a:")
func (store *Store) CountAll(prefix string) (int, error) {
	count, err := askExactly(store, kv.RealmOfPrefix(prefix), inView(CountQuery{Prefix: prefix}.read))
	if err != nil {
		return 0, fmt.Errorf("store.CountAll: prefix %q: %w", prefix, err)
	}
	return int(count.Keys), nil
}

// GroupExists reports whether a group has a key.
//
//	there, err := store.GroupExists("config")
func (store *Store) GroupExists(group string) (bool, error) {
	count, err := askExactly(store, kv.RealmOf(group), inView(CountQuery{Group: &group}.read))
	return count.Keys > 0, operationError("store.GroupExists", group, "", err)
}

// Render fills a template with the values of a group at one point. The language is a part of
// text/template that can do no harm: the key theme as {{.theme}} or {{index . "theme"}}, len,
// eq ne lt le gt ge, and or not, print, if, with, and one level of range over the group
// ({{range $key, $value := .}}, in byte order of the keys). A missing key renders as <no
// value>.
//
// It returns TemplateError for an invalid template and for anything outside that part. It
// returns TooLargeError beyond MaxTemplateBytes, MaxRenderedBytes or MaxRenderedGroupBytes, and
// ErrDeadlineExceeded after MaxRenderTime.
//
//	text, err := store.Render("theme: {{.theme}}\n", "config")
func (store *Store) Render(template, group string) (string, error) {
	rendering, err := store.render(RenderQuery{Group: group, Template: template})
	if err != nil {
		return "", fmt.Errorf("store.Render: group %q: %w", group, err)
	}
	return rendering.Text, nil
}

// SubmitRender is Render without waiting. It calls done once, before SubmitRender returns or
// later from a goroutine of the store. A few templates run at once, and the others wait.
func (store *Store) SubmitRender(query RenderQuery, done func(Rendering, error)) {
	submitBackground(store, func() (Rendering, error) { return store.renderInTurn(query) }, done)
}

func (store *Store) renderInTurn(query RenderQuery) (Rendering, error) {
	leave, err := store.renderings.Enter(struct{}{})
	if err != nil {
		return Rendering{}, err
	}
	defer leave()
	return store.render(query)
}

func (store *Store) render(query RenderQuery) (Rendering, error) {
	tree, err := template.Parse(query.Template)
	if err != nil {
		return Rendering{}, err
	}
	copied, err := look(store, func(committer *engine.Committer) (*template.Group, error) {
		return copyGroup(committer.View(), query.Group, committer.Now())
	})
	if err != nil {
		return Rendering{}, err
	}
	text, err := copied.Render(tree, query.Strict)
	return Rendering{Text: text, Revision: copied.Revision}, err
}
