// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/store"
)

// model is what a store ought to be: the same rules on maps, without concurrency,
// a database or a cache. Nothing in it knows how the store does it.
type model struct {
	clock     modelClock
	limits    store.Limits
	retention uint64

	namespaces map[string]*modelNamespace
	entries    map[entryID]store.Entry
	// lastChange is the revision of the last change of each group.
	lastChange map[string]uint64
	quotas     map[string]store.Quota
	// commits are those in the log: how far each took the namespaces that still have its changes.
	commits []modelCommit
	trimmed bool
	// answers are those of requests with an id, however old.
	answers    map[string]modelAnswer
	journal    modelJournal
	workspaces map[modelWorkspaceName]*modelWorkspace
}

type modelNamespace struct {
	revision, oldest uint64
	// events is every change there ever was.
	events []store.Event
}

type modelCommit struct{ revisions map[string]uint64 }

func newModel(clock *testClock, limits store.Limits, retention uint64) *model {
	return &model{
		clock: modelClock{testClock: clock}, limits: limits, retention: retention,
		namespaces: map[string]*modelNamespace{}, entries: map[entryID]store.Entry{}, lastChange: map[string]uint64{},
		answers: map[string]modelAnswer{}, quotas: map[string]store.Quota{}, journal: modelJournal{}, workspaces: map[modelWorkspaceName]*modelWorkspace{},
	}
}

func (model *model) namespace(name string) *modelNamespace {
	if model.namespaces[name] == nil {
		model.namespaces[name] = &modelNamespace{oldest: 1}
	}
	return model.namespaces[name]
}

// now is the time by which the store goes.
func (model *model) now() time.Time { return model.clock.time() }

// commit makes what function does one commit, and trims the log.
func (model *model) commit(function func()) {
	before := map[string]uint64{}
	for name, namespace := range model.namespaces {
		before[name] = namespace.revision
	}
	function()
	added := modelCommit{revisions: map[string]uint64{}}
	for name, namespace := range model.namespaces {
		if namespace.revision != before[name] {
			added.revisions[name] = namespace.revision
		}
	}
	if len(added.revisions) == 0 {
		return
	}
	model.clock.keep()
	model.commits = append(model.commits, added)
	model.trim()
}

// trim takes the oldest changes of who holds most, while there are too many. What one commit
// changed in a namespace goes as a whole, and nothing of the newest commit does.
func (model *model) trim() {
	for {
		retained, holders := uint64(0), []string{}
		for name, namespace := range model.namespaces {
			if held := namespace.held(); held > 0 {
				retained += held
				holders = append(holders, name)
			}
		}
		name, found := model.largest(holders)
		if retained <= model.retention || !found {
			return
		}
		for index := range model.commits {
			if revision, changed := model.commits[index].revisions[name]; changed {
				delete(model.commits[index].revisions, name)
				model.namespace(name).oldest = revision + 1
				model.trimmed = true
				break
			}
		}
		model.commits = slices.DeleteFunc(model.commits, func(commit modelCommit) bool { return len(commit.revisions) == 0 })
	}
}

// held is the number of changes of a namespace in the log.
func (namespace *modelNamespace) held() uint64 { return namespace.revision + 1 - namespace.oldest }

// largest returns the namespace that is to lose changes, if there is one: of those with the
// most changes the one with the oldest. If one with more has its changes in the newest commit, only
// a namespace with more than an equal share is to lose any.
func (model *model) largest(holders []string) (name string, found bool) {
	oldest := map[string]int{}
	for index := range slices.Backward(model.commits) {
		for name := range model.commits[index].revisions {
			oldest[name] = index
		}
	}
	slices.SortFunc(holders, func(one, other string) int {
		return cmp.Or(cmp.Compare(model.namespaces[other].held(), model.namespaces[one].held()), cmp.Compare(oldest[one], oldest[other]), cmp.Compare(one, other))
	})
	for index, name := range holders {
		switch {
		case index > 0 && model.namespaces[name].held() <= model.retention/uint64(len(holders)):
			return "", false
		case oldest[name] < len(model.commits)-1:
			return name, true
		}
	}
	return "", false
}

// due returns the entries whose time has come.
func (model *model) due() map[entryID]bool {
	due := map[entryID]bool{}
	for id, entry := range model.entries {
		if !entry.ExpiresAt.IsZero() && !entry.ExpiresAt.After(model.now()) {
			due[id] = true
		}
	}
	return due
}

// expire logs that entries expired, in one commit.
func (model *model) expire(ids []entryID) {
	model.commit(func() {
		for _, id := range ids {
			model.log(store.Event{Type: store.EventExpire, Group: id.group, Key: id.key})
			delete(model.entries, id)
		}
	})
}

// log gives an event its place.
func (model *model) log(event store.Event) store.Event {
	namespaceName, _ := store.NamespaceOf(event.Group)
	namespace := model.namespace(namespaceName)
	namespace.revision++
	event.Namespace, event.Revision, event.Timestamp = namespaceName, namespace.revision, model.now()
	if last := model.lastChange[event.Group]; last >= namespace.oldest {
		event.Previous = last
	}
	model.lastChange[event.Group] = event.Revision
	namespace.events = append(namespace.events, event)
	return event
}

// apply carries out a command, and returns what the store must return.
func (model *model) apply(command store.Command) (store.Outcome, error) {
	switch command := command.(type) {
	case store.SetCommand:
		return model.set(command)
	case store.DeleteCommand:
		return model.delete(command)
	case store.TouchCommand:
		return model.touch(command)
	case store.IncrementCommand:
		return model.increment(command)
	case store.GetOperation:
		return model.get(command)
	case store.TransactionCommand:
		return model.transaction(command)
	case requested:
		return model.request(command)
	case point:
		entry := model.commitToJournal(command.entry)
		return store.Outcome{EntryID: entry.EntryID, CommittedAt: entry.CommittedAt}, nil
	case store.DeleteGroupCommand:
		namespaceName, local := store.NamespaceOf(command.Group)
		if namespaceName != "" && !allowed(local, model.limits.GroupBytes) {
			return store.Outcome{}, store.ErrInvalidName
		}
		var groups []string
		if len(model.group(command.Group)) > 0 {
			groups = []string{command.Group}
		}
		return model.deleteGroups(command.Group, groups, command.TraceParent, false), nil
	case store.DeletePrefixCommand:
		return model.deleteGroups(command.Prefix, model.groups(command.Prefix), command.TraceParent, true), nil
	default:
		panic("unknown command")
	}
}

func (model *model) set(command store.SetCommand) (store.Outcome, error) {
	if !command.KeepExpiry {
		if err := checkTTL(command.TimeToLive); err != nil {
			return store.Outcome{}, err
		}
	}
	current, exists := model.entries[entryID{command.Group, command.Key}]
	if err := model.check(command.Group, command.Key, command.IfRevision); err != nil {
		return store.Outcome{}, err
	}
	expiresAt := current.ExpiresAt
	if !command.KeepExpiry {
		expiresAt = model.expiry(command.TimeToLive)
	}
	if err := model.admit(command); err != nil {
		return store.Outcome{}, err
	}
	event := model.log(store.Event{
		Type: store.EventSet, Group: command.Group, Key: command.Key, Value: command.Value,
		Created: !exists, ExpiresAt: expiresAt, TraceParent: command.TraceParent,
	})
	model.entries[entryID{command.Group, command.Key}] = store.Entry{
		Group: command.Group, Key: command.Key, Value: command.Value,
		Revision: event.Revision, UpdatedAt: event.Timestamp, ExpiresAt: expiresAt,
	}
	return store.Outcome{Revision: event.Revision, Created: !exists, ExpiresAt: expiresAt}, nil
}

func checkTTL(timeToLive time.Duration) error {
	if timeToLive != 0 && (timeToLive < time.Millisecond || timeToLive > 876_000*time.Hour) {
		return store.ErrInvalidTTL
	}
	return nil
}

// expiry is when a time to live ends, on the next millisecond.
func (model *model) expiry(timeToLive time.Duration) time.Time {
	if timeToLive == 0 {
		return time.Time{}
	}
	expiresAt := model.now().Add(timeToLive)
	if rest := expiresAt.Nanosecond() % 1_000_000; rest > 0 {
		expiresAt = expiresAt.Add(time.Duration(1_000_000 - rest))
	}
	return expiresAt
}

// admit holds a set against the quota of its namespace, which is counted anew.
func (model *model) admit(command store.SetCommand) error {
	namespaceName, local := store.NamespaceOf(command.Group)
	quota := model.quotas[namespaceName]
	current, exists := model.entries[entryID{command.Group, command.Key}]
	used, grown := model.usage(namespaceName), len(command.Value)-len(current.Value)
	if !exists {
		grown += len(local) + len(command.Key)
	}
	newGroup := len(model.group(command.Group)) == 0
	switch {
	case over(len(command.Value), quota.MaxValueBytes) && len(command.Value) > len(current.Value):
		return &store.QuotaExceededError{Quota: "value_bytes", Limit: quota.MaxValueBytes, Usage: int64(len(command.Value))}
	case !exists && over(int(used.Keys)+1, quota.MaxKeys):
		return &store.QuotaExceededError{Quota: "keys", Limit: quota.MaxKeys, Usage: used.Keys}
	case !exists && newGroup && over(int(used.Groups)+1, quota.MaxGroups):
		return &store.QuotaExceededError{Quota: "groups", Limit: quota.MaxGroups, Usage: used.Groups}
	case grown > 0 && over(int(used.Bytes)+grown, quota.MaxBytes):
		return &store.QuotaExceededError{Quota: "bytes", Limit: quota.MaxBytes, Usage: used.Bytes}
	default:
		return nil
	}
}

func over(size int, limit int64) bool { return limit > 0 && int64(size) > limit }

// usage is what Usage must return.
func (model *model) usage(namespaceName string) store.Usage {
	usage := store.Usage{Quota: model.quotas[namespaceName], Revision: model.namespace(namespaceName).revision}
	groups := map[string]bool{}
	for id, entry := range model.entries {
		name, local := store.NamespaceOf(id.group)
		if name == namespaceName {
			usage.Keys++
			usage.Bytes += int64(len(local) + len(id.key) + len(entry.Value))
			groups[id.group] = true
		}
	}
	usage.Groups = int64(len(groups))
	return usage
}

func (model *model) delete(command store.DeleteCommand) (store.Outcome, error) {
	if err := model.check(command.Group, command.Key, command.IfRevision); err != nil {
		return store.Outcome{}, err
	}
	id := entryID{command.Group, command.Key}
	if _, exists := model.entries[id]; !exists {
		namespaceName, _ := store.NamespaceOf(command.Group)
		return store.Outcome{Revision: model.namespace(namespaceName).revision}, nil
	}
	delete(model.entries, id)
	event := model.log(store.Event{Type: store.EventDelete, Group: command.Group, Key: command.Key, TraceParent: command.TraceParent})
	return store.Outcome{Revision: event.Revision, Deleted: true}, nil
}

func (model *model) deleteGroups(name string, groups []string, traceParent string, together bool) (outcome store.Outcome) {
	first, last := map[string]uint64{}, map[string]uint64{}
	for _, group := range groups {
		namespaceName, _ := store.NamespaceOf(group)
		if last[namespaceName] == 0 {
			last[namespaceName] = model.namespace(namespaceName).revision
			first[namespaceName] = last[namespaceName] + 1
		}
		last[namespaceName]++
	}
	for _, group := range groups {
		event := store.Event{Type: store.EventDeleteGroup, Group: group, TraceParent: traceParent}
		if namespaceName, _ := store.NamespaceOf(group); together {
			event.TransactionFirst, event.TransactionLast = first[namespaceName], last[namespaceName]
		}
		model.log(event)
		for _, entry := range model.group(group) {
			delete(model.entries, entryID{group, entry.Key})
			outcome.DeletedKeys++
		}
		outcome.DeletedGroups++
	}
	namespaceName, _ := store.NamespaceOf(name)
	outcome.Revision = model.namespace(namespaceName).revision
	return outcome
}

// groups returns the groups that have keys and begin with a prefix, in byte order.
func (model *model) groups(prefix string) []string {
	names := []string{}
	for id := range model.entries {
		if strings.HasPrefix(id.group, prefix) && !slices.Contains(names, id.group) {
			names = append(names, id.group)
		}
	}
	slices.Sort(names)
	return names
}

// count returns how many keys the groups have that begin with a prefix.
func (model *model) count(prefix string) (keys int) {
	for _, group := range model.groups(prefix) {
		keys += len(model.group(group))
	}
	return keys
}

func (model *model) check(group, key string, expected *uint64) error {
	namespaceName, local := store.NamespaceOf(group)
	if namespaceName != "" && (!allowed(local, model.limits.GroupBytes) || !allowed(key, model.limits.KeyBytes)) {
		return store.ErrInvalidName
	}
	if current := model.entries[entryID{group, key}].Revision; expected != nil && *expected != current {
		return &store.RevisionConflictError{Group: group, Key: key, Expected: *expected, Current: current}
	}
	return nil
}

func allowed(name string, limit int) bool {
	return limit == 0 || (name != "" && len(name) <= limit && strings.ToValidUTF8(name, "") == name)
}

// group returns the entries of a group in the order of the keys.
func (model *model) group(name string) []store.Entry {
	entries := []store.Entry{}
	for id, entry := range model.entries {
		if id.group == name {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(left, right store.Entry) int { return strings.Compare(left.Key, right.Key) })
	return entries
}

// page is what GetEntries must return.
func (model *model) page(query store.PageQuery, fits int) store.Page {
	entries := model.group(query.Group)
	if query.Descending {
		slices.Reverse(entries)
	}
	namespaceName, _ := store.NamespaceOf(query.Group)
	page := store.Page{Revision: model.namespace(namespaceName).revision}
	for _, entry := range entries {
		behind := query.After == nil || (!query.Descending && entry.Key > *query.After) || (query.Descending && entry.Key < *query.After)
		if !behind || !strings.HasPrefix(entry.Key, query.Prefix) {
			continue
		}
		if len(page.Entries) == min(query.Limit, max(fits, 1)) {
			page.Next = &page.Entries[len(page.Entries)-1].Key
			break
		}
		if query.KeysOnly {
			entry.Value = ""
		}
		page.Entries = append(page.Entries, entry)
	}
	return page
}

// changes is what Changes must return.
func (model *model) changes(query store.ChangesQuery) (store.ChangesPage, error) {
	namespace := model.namespace(query.Namespace)
	page := store.ChangesPage{Next: query.After, Oldest: namespace.oldest, Revision: namespace.revision}
	if query.After > namespace.revision || query.After+1 < namespace.oldest {
		return store.ChangesPage{}, &store.CompactedError{Namespace: query.Namespace, After: query.After, Oldest: namespace.oldest, Revision: namespace.revision}
	}
	for _, event := range namespace.events[query.After:] {
		if len(page.Events) == query.Limit {
			break
		}
		if query.Group == nil || event.LocalGroup() == *query.Group {
			page.Events = append(page.Events, event)
		}
		page.Next = event.Revision
	}
	return page, nil
}

// What the commands of the model test are about: names that could be taken for
// each other, and bytes that could be taken for something else.
var (
	modelGroups = []string{
		"config", "", "acme:config", "ACME:config", "acme:", "acme:user:42", ":config", "events:x", "admin:x", "workspace:x",
		"acme:caf\u00e9", "acme:\xff\x00", "tenant-a:g", "ac me:config", "acme", strings.Repeat("n", 64) + ":g", strings.Repeat("n", 65) + ":g",
	}
	modelPrefixes = []string{"", "acme:", "ACME:", "ac", "acme:u", "acme:\xff", "acme", "e", ":", "tenant-a:", "config", "\xff", "nothing"}
	modelKeys     = []string{"a", "b", "", "ab", "A", "a\x00", "a\x00b", "a\xff", "\xff", "\xff\xff", "é", "%", "_", "\U0010ffff"}
	modelValues   = []string{"", "v", "value", "\x00", "\xff\xfe", "41", "-9223372036854775808", strings.Repeat("long ", 30), strings.Repeat("large", 10_000)}
)

// drawValue draws the place of a value: a large one would fill the report of a failure.
func drawValue(t *rapid.T) string {
	return modelValues[rapid.IntRange(0, len(modelValues)-1).Draw(t, "value")]
}

// unlimited is a retention that no run reaches.
const unlimited = 1_000_000

// machine is a store and its model, and what is done to both.
type machine struct {
	opened *store.Store
	config store.StoreConfig
	clock  *testClock
	model  *model
	// directory makes a new folder.
	directory func() string
	held      *store.HeldRemovals
	// unwritable tells that nothing can be logged: what is due stays.
	unwritable bool
	// compared is how far the log of each namespace was compared.
	compared map[string]uint64
}

func newMachine(t *rapid.T, directory func() string) *machine {
	clock := newClock()
	machine := &machine{clock: clock, directory: directory, compared: map[string]uint64{}}
	machine.config = store.StoreConfig{
		DatabasePath: filepath.Join(directory(), "storebus.db"),
		Durability:   store.DurabilityRelaxed,
		Clock:        clock.Now,
		Elapsed:      clock.Elapsed,
		Retention: store.Retention{
			Age:   876_000 * time.Hour,
			Count: rapid.SampledFrom([]uint64{unlimited, unlimited, 20, 5, 1}).Draw(t, "retention"),
		},
		Limits:       rapid.SampledFrom([]store.Limits{{}, {GroupBytes: 6, KeyBytes: 2}}).Draw(t, "limits"),
		CacheBytes:   rapid.SampledFrom([]int{0, 1, 16_000}).Draw(t, "cache"),
		PendingBytes: rapid.SampledFrom([]int{0, 0, 1, 100_000}).Draw(t, "pending"),
	}
	machine.model = newModel(clock, machine.config.Limits, machine.config.Retention.Count)
	machine.open(t)
	return machine
}

func (machine *machine) open(t *rapid.T) {
	var err error
	machine.opened, err = store.NewConfigured(machine.config)
	require.NoError(t, err)
	machine.model.clock.restart(machine.model.journal)
	machine.model.orphan()
	machine.settle(t)
}

func (machine *machine) close(t *rapid.T) {
	machine.held = nil
	machine.commitClock(t)
	machine.model.clock.save()
	require.NoError(t, machine.opened.Close())
	requireSound(t, machine.config.DatabasePath)
}

// settle waits until what is due is expired and trimmed, in the store and in the
// model. In which order keys expire that are due together is the store's affair.
func (machine *machine) settle(t *rapid.T) {
	if machine.unwritable {
		return
	}
	machine.model.clock.see()
	if machine.config.Retention.Count < unlimited {
		require.NoError(t, store.Settle(machine.opened))
	}
	for range 2 {
		_, err := machine.opened.Status()
		require.NoError(t, err)
	}
	due := machine.model.due()
	var expired []entryID
	for name, namespace := range machine.model.namespaces {
		page, err := machine.changes(store.ChangesQuery{Namespace: name, After: namespace.revision, Limit: 10_000})
		require.NoError(t, err)
		for _, event := range page.Events {
			require.Equal(t, store.EventExpire, event.Type)
			id := entryID{event.Group, event.Key}
			require.True(t, due[id], "%q has expired", id)
			delete(due, id)
			expired = append(expired, id)
		}
	}
	require.Empty(t, due, "have not expired")
	machine.model.expire(expired)
}

// Batch carries out some commands at once; some of them fail.
func (machine *machine) Batch(t *rapid.T) {
	// A batch of more than a few is not written to the tables at once.
	commands := make([]store.Command, rapid.OneOf(rapid.IntRange(1, 6), rapid.IntRange(1, 6), rapid.IntRange(20, 40)).Draw(t, "commands"))
	for index := range commands {
		commands[index] = machine.request(t)
	}
	results := submitTogether(machine.opened, commands...)
	machine.model.commit(func() {
		for index, command := range commands {
			outcome, err := machine.model.apply(command)
			requireSameError(t, err, results[index].err)
			require.Equal(t, outcome, results[index].outcome, "%#v", command)
		}
	})
}

// BatchAgain makes batches more frequent: they are what most depends on.
func (machine *machine) BatchAgain(t *rapid.T) { machine.Batch(t) }

// Write uses the methods of the store.
func (machine *machine) Write(t *rapid.T) {
	group, key := rapid.SampledFrom(modelGroups).Draw(t, "group"), rapid.SampledFrom(modelKeys).Draw(t, "key")
	value := drawValue(t)
	var got, want error
	machine.model.commit(func() {
		switch rapid.IntRange(0, 9).Draw(t, "method") {
		case 0:
			got = machine.opened.Set(group, key, value)
			_, want = machine.model.apply(store.SetCommand{Group: group, Key: key, Value: value})
		case 1:
			got = machine.opened.SetWithTTL(group, key, value, 700*time.Millisecond)
			_, want = machine.model.apply(store.SetCommand{Group: group, Key: key, Value: value, TimeToLive: 700 * time.Millisecond})
		case 2:
			got = machine.opened.Delete(group, key)
			_, want = machine.model.apply(store.DeleteCommand{Group: group, Key: key})
		case 3:
			got = machine.opened.DeleteGroup(group)
			_, want = machine.model.apply(store.DeleteGroupCommand{Group: group})
		case 4:
			prefix := rapid.SampledFrom(modelPrefixes).Draw(t, "prefix")
			got = machine.opened.DeletePrefix(prefix)
			_, want = machine.model.apply(store.DeletePrefixCommand{Prefix: prefix})
		default:
			got, want = machine.writeAtRevision(t, group, key, value)
		}
	})
	requireSameError(t, want, got)
}

// Advance lets time pass; what is due then is absent at once.
func (machine *machine) Advance(t *rapid.T) {
	machine.clock.Advance(rapid.SampledFrom([]time.Duration{1, 999 * time.Microsecond, time.Millisecond, 700 * time.Millisecond, 2 * time.Second, store.RetryWindow - time.Second, time.Hour}).Draw(t, "time"))
	machine.requireDueMissing(t)
}

// SetClock sets the clock forward or back, while no time passes.
func (machine *machine) SetClock(t *rapid.T) {
	machine.clock.Set(rapid.SampledFrom([]time.Duration{time.Second, time.Hour, 24 * 365 * time.Hour, -time.Millisecond, -5 * time.Second, -time.Hour, -24 * 365 * time.Hour}).Draw(t, "step"))
	machine.requireDueMissing(t)
}

// Unwritable lets time pass while nothing can be logged: what is due is left out of all
// that is told.
func (machine *machine) Unwritable(t *rapid.T) {
	machine.settle(t)
	require.NoError(t, store.Execute(machine.opened, "PRAGMA query_only = 1"))
	machine.clock.Advance(rapid.SampledFrom([]time.Duration{700 * time.Millisecond, 2 * time.Second, time.Hour}).Draw(t, "time"))
	_, err := machine.opened.Status()
	require.NoError(t, err)
	machine.model.clock.see()
	entries, due := machine.model.entries, machine.model.due()
	if len(due) > 0 {
		machine.model.clock.keepUnlogged()
	}
	machine.model.entries = maps.Clone(entries)
	maps.DeleteFunc(machine.model.entries, func(id entryID, _ store.Entry) bool { return due[id] })
	machine.unwritable = true
	for range 2 {
		for _, read := range []func(*rapid.T){machine.ReadGroup, machine.ReadCounts, machine.ReadGroups, machine.ReadUsage, machine.ReadNamespaces, machine.Check} {
			read(t)
		}
	}
	machine.model.entries, machine.unwritable = entries, false
	require.NoError(t, store.Execute(machine.opened, "PRAGMA query_only = 0"))
	machine.clock.Advance(2 * time.Second)
	machine.settle(t)
}

func (machine *machine) requireDueMissing(t *rapid.T) {
	for id := range machine.model.due() {
		requireMissing(t, machine.opened, id)
		break
	}
	machine.settle(t)
}

func requireMissing(t *rapid.T, opened *store.Store, id entryID) {
	_, err := opened.Get(id.group, id.key)
	require.ErrorIs(t, err, store.ErrNotFound)
	exists, err := opened.Exists(id.group, id.key)
	require.NoError(t, err)
	require.False(t, exists)
}

// ReadEntry reads one key.
func (machine *machine) ReadEntry(t *rapid.T) {
	id := entryID{rapid.SampledFrom(modelGroups).Draw(t, "group"), rapid.SampledFrom(modelKeys).Draw(t, "key")}
	if entry, exists := machine.model.entries[id]; exists {
		machine.compareEntry(t, entry)
	} else {
		requireMissing(t, machine.opened, id)
	}
}

func (machine *machine) compareEntry(t *rapid.T, want store.Entry) {
	got, err := machine.opened.GetEntry(want.Group, want.Key)
	require.NoError(t, err)
	require.Equal(t, want, got)
	value, err := machine.opened.Get(want.Group, want.Key)
	require.NoError(t, err)
	require.Equal(t, want.Value, value)
}

// ReadPage reads a part of a group.
func (machine *machine) ReadPage(t *rapid.T) {
	machine.settle(t)
	query := store.PageQuery{
		Group:      rapid.SampledFrom(modelGroups).Draw(t, "group"),
		Prefix:     rapid.SampledFrom(append([]string{"", "", ""}, modelKeys...)).Draw(t, "prefix"),
		Limit:      rapid.IntRange(1, 5).Draw(t, "limit"),
		KeysOnly:   rapid.Bool().Draw(t, "keys only"),
		Descending: rapid.Bool().Draw(t, "descending"),
	}
	if rapid.Bool().Draw(t, "has after") {
		query.After = pointerTo(rapid.SampledFrom(modelKeys).Draw(t, "after"))
	}
	fits, asked := rapid.SampledFrom([]int{0, 1, 3, 100}).Draw(t, "fits"), 0
	query.Fits = func(*store.Entry) bool {
		asked++
		return asked <= fits
	}
	page, err := machine.opened.GetEntries(query)
	require.NoError(t, err)
	require.Equal(t, machine.model.page(query, fits), page)
}

// ReadGroup reads a group in every other way.
func (machine *machine) ReadGroup(t *rapid.T) {
	machine.compareGroup(t, rapid.SampledFrom(modelGroups).Draw(t, "group"))
	group := rapid.SampledFrom(modelGroups).Draw(t, "page of group")
	offset, limit := rapid.IntRange(0, 6).Draw(t, "offset"), rapid.IntRange(0, 6).Draw(t, "limit")
	page, err := machine.opened.GetPage(group, offset, limit)
	require.NoError(t, err)
	entries := machine.model.group(group)
	entries = entries[min(offset, len(entries)):]
	require.Equal(t, keyValues(entries[:min(limit, len(entries))]), page)
}

func (machine *machine) compareGroup(t *rapid.T, group string) {
	want := machine.model.group(group)
	all, err := machine.opened.GetAll(group)
	require.NoError(t, err)
	require.Len(t, all, len(want))
	got := []store.KeyValue{}
	for entry, err := range machine.opened.All(group) {
		require.NoError(t, err)
		require.Equal(t, entry.Value, all[entry.Key])
		got = append(got, entry)
	}
	require.Equal(t, keyValues(want), got)
}

func keyValues(entries []store.Entry) []store.KeyValue {
	pairs := []store.KeyValue{}
	for _, entry := range entries {
		pairs = append(pairs, store.KeyValue{Key: entry.Key, Value: entry.Value})
	}
	return pairs
}

// ReadCounts counts, in every way.
func (machine *machine) ReadCounts(t *rapid.T) {
	group, prefix := rapid.SampledFrom(modelGroups).Draw(t, "group"), rapid.SampledFrom(modelPrefixes).Draw(t, "prefix")
	want := len(machine.model.group(group))
	count, err := machine.opened.Count(group)
	require.NoError(t, err)
	require.Equal(t, want, count)
	exists, err := machine.opened.GroupExists(group)
	require.NoError(t, err)
	require.Equal(t, want > 0, exists)
	all, err := machine.opened.CountAll(prefix)
	require.NoError(t, err)
	require.Equal(t, machine.model.count(prefix), all)
	machine.settle(t)
	keys, err := machine.opened.CountKeys(store.CountQuery{Prefix: prefix})
	require.NoError(t, err)
	require.Equal(t, store.KeyCount{Keys: int64(all), Revision: machine.model.revisionOf(prefix)}, keys)
}

func (model *model) revisionOf(name string) uint64 {
	namespaceName, _ := store.NamespaceOf(name)
	return model.namespace(namespaceName).revision
}

// ReadGroups lists groups, a page and all of them.
func (machine *machine) ReadGroups(t *rapid.T) {
	machine.settle(t)
	query := store.GroupsQuery{Prefix: rapid.SampledFrom(modelPrefixes).Draw(t, "prefix"), Limit: rapid.IntRange(1, 5).Draw(t, "limit")}
	if rapid.Bool().Draw(t, "has after") {
		query.After = pointerTo(rapid.SampledFrom(modelGroups).Draw(t, "after"))
	}
	page, err := machine.opened.GetGroups(query)
	require.NoError(t, err)
	want := store.GroupsPage{Revision: machine.model.revisionOf(query.Prefix)}
	for _, name := range machine.model.groups(query.Prefix) {
		if query.After != nil && name <= *query.After {
			continue
		}
		if len(want.Groups) == query.Limit {
			want.Next = &want.Groups[query.Limit-1].Group
			break
		}
		want.Groups = append(want.Groups, store.GroupInfo{Group: name, Keys: int64(len(machine.model.group(name))), Revision: machine.model.lastChange[name]})
	}
	require.Equal(t, want, page)
	groups, err := machine.opened.Groups(query.Prefix)
	require.NoError(t, err)
	require.Equal(t, machine.model.groups(query.Prefix), groups)
}

// ReadScan goes through the pages of a scan.
func (machine *machine) ReadScan(t *rapid.T) {
	machine.settle(t)
	machine.compareScan(t, store.ScanQuery{
		Prefix:   rapid.SampledFrom(modelPrefixes).Draw(t, "prefix"),
		Limit:    rapid.IntRange(1, 7).Draw(t, "limit"),
		KeysOnly: rapid.Bool().Draw(t, "keys only"),
	})
}

func (machine *machine) compareScan(t *rapid.T, query store.ScanQuery) {
	var got, want []store.Entry
	for more := true; more; more = query.After != nil {
		page, err := machine.opened.Scan(query)
		require.NoError(t, err)
		require.Equal(t, machine.model.revisionOf(query.Prefix), page.Revision)
		require.LessOrEqual(t, len(page.Entries), query.Limit)
		got = append(got, page.Entries...)
		query.After = page.Next
	}
	for _, group := range machine.model.groups(query.Prefix) {
		for _, entry := range machine.model.group(group) {
			if query.KeysOnly {
				entry.Value = ""
			}
			want = append(want, entry)
		}
	}
	require.Equal(t, want, got)
}

// ReadMany reads some keys at one point.
func (machine *machine) ReadMany(t *rapid.T) {
	query := store.ManyQuery{Names: make([]store.EntryName, rapid.IntRange(1, 5).Draw(t, "names"))}
	want := store.ManyEntries{Entries: make([]store.Entry, len(query.Names))}
	machine.settle(t)
	for index := range query.Names {
		id := entryID{rapid.SampledFrom(modelGroups).Draw(t, "group"), rapid.SampledFrom(modelKeys).Draw(t, "key")}
		query.Names[index] = store.EntryName{Group: id.group, Key: id.key}
		want.Entries[index] = store.Entry{Group: id.group, Key: id.key}
		if entry, exists := machine.model.entries[id]; exists {
			want.Entries[index] = entry
		}
	}
	want.Revision = machine.model.revisionOf(query.Names[0].Group)
	many, err := machine.opened.GetMany(query)
	require.NoError(t, err)
	require.Equal(t, want, many)
}

// ReadNamespaces lists the namespaces.
func (machine *machine) ReadNamespaces(t *rapid.T) {
	machine.settle(t)
	query := store.NamespacesQuery{Prefix: rapid.SampledFrom([]string{"", "a", "A", "acme", "t"}).Draw(t, "prefix"), Limit: rapid.IntRange(1, 3).Draw(t, "limit")}
	var got, want []store.NamespaceInfo
	for more := true; more; more = query.After != nil {
		page, err := machine.opened.GetNamespaces(query)
		require.NoError(t, err)
		got = append(got, page.Namespaces...)
		query.After = page.Next
	}
	for name, namespace := range machine.model.namespaces {
		if name == "" || namespace.revision == 0 || !strings.HasPrefix(name, query.Prefix) {
			continue
		}
		info := store.NamespaceInfo{Namespace: name, Revision: namespace.revision}
		for _, group := range machine.model.groups(name + ":") {
			info.Groups++
			for _, entry := range machine.model.group(group) {
				info.Keys++
				info.Bytes += int64(len(strings.TrimPrefix(group, name+":")) + len(entry.Key) + len(entry.Value))
			}
		}
		want = append(want, info)
	}
	slices.SortFunc(want, func(left, right store.NamespaceInfo) int { return strings.Compare(left.Namespace, right.Namespace) })
	require.Equal(t, want, got)
}

// HoldRemovals leaves the rows of deleted groups where they are, until the next
// restart at the latest.
func (machine *machine) HoldRemovals(t *rapid.T) {
	if machine.held == nil {
		var err error
		machine.held, err = store.HoldRemovals(machine.opened)
		require.NoError(t, err)
	}
}

// ReleaseRemovals ends that.
func (machine *machine) ReleaseRemovals(t *rapid.T) {
	if machine.held != nil {
		require.NoError(t, machine.held.Release())
		machine.held = nil
	}
}

// ReadChanges reads a part of the log, inside and outside of what there is.
func (machine *machine) ReadChanges(t *rapid.T) {
	machine.settle(t)
	group := rapid.SampledFrom(modelGroups).Draw(t, "group")
	namespaceName, local := store.NamespaceOf(group)
	query := store.ChangesQuery{
		Namespace: namespaceName,
		After:     rapid.Uint64Range(0, machine.model.namespace(namespaceName).revision+2).Draw(t, "after"),
		Limit:     rapid.IntRange(1, 10).Draw(t, "limit"),
	}
	if rapid.Bool().Draw(t, "of the group") {
		query.Group = &local
	}
	page, err := machine.changes(query)
	want, wantErr := machine.model.changes(query)
	requireSameError(t, wantErr, err)
	if err == nil {
		page.Events = public(page.Events)
		want.Events = public(want.Events)
		require.Equal(t, want, page)
	}
}

// changes asks again where a page ended before its time, as it may.
func (machine *machine) changes(query store.ChangesQuery) (store.ChangesPage, error) {
	page, err := machine.opened.Changes(context.Background(), query)
	for err == nil && len(page.Events) < query.Limit && page.Next < page.Revision {
		rest := query
		rest.After, rest.Limit = page.Next, query.Limit-len(page.Events)
		events := page.Events
		page, err = machine.opened.Changes(context.Background(), rest)
		page.Events = append(events, page.Events...)
	}
	return page, err
}

// SetQuota gives a namespace a quota, or takes it away.
func (machine *machine) SetQuota(t *rapid.T) {
	namespaceName := rapid.SampledFrom([]string{"acme", "ACME", "tenant-a"}).Draw(t, "namespace")
	quota := store.Quota{
		MaxKeys:       rapid.SampledFrom([]int64{0, 0, 1, 3}).Draw(t, "keys"),
		MaxGroups:     rapid.SampledFrom([]int64{0, 0, 1, 2}).Draw(t, "groups"),
		MaxBytes:      rapid.SampledFrom([]int64{0, 0, 1, 200, 100_000}).Draw(t, "bytes"),
		MaxValueBytes: rapid.SampledFrom([]int64{0, 0, 1, 100}).Draw(t, "value bytes"),
	}
	require.NoError(t, machine.opened.SetQuota(namespaceName, quota))
	if machine.model.quotas[namespaceName] != quota {
		machine.model.clock.keepUnlogged() // it is written by a commit of its own
	}
	machine.model.quotas[namespaceName] = quota
}

// ReadUsage compares what the namespaces hold.
func (machine *machine) ReadUsage(t *rapid.T) {
	for _, namespaceName := range []string{"acme", "ACME", "tenant-a"} {
		usage, err := machine.opened.Usage(namespaceName)
		require.NoError(t, err)
		want := machine.model.usage(namespaceName)
		journalled := slices.ContainsFunc(machine.model.journal, func(entry store.JournalEntry) bool { return entry.Namespace == namespaceName })
		require.Equal(t, journalled, usage.JournalBytes > 0)
		want.JournalBytes, want.WorkspaceBytes, want.LogBytes = usage.JournalBytes, usage.WorkspaceBytes, usage.LogBytes
		require.Equal(t, want, usage)
	}
}

// Flush brings the tables up to the log.
func (machine *machine) Flush(t *rapid.T) { require.NoError(t, store.Settle(machine.opened)) }

// Evict leaves the log to the database.
func (machine *machine) Evict(*rapid.T) { store.Evict(machine.opened) }

// Restart closes the store and opens it again.
func (machine *machine) Restart(t *rapid.T) {
	machine.close(t)
	machine.open(t)
	machine.compareAll(t)
}

// Replay opens the store with tables that are older than the log: all of them gone
// where the log reaches back to the beginning.
func (machine *machine) Replay(t *rapid.T) {
	machine.close(t)
	if machine.model.trimmed {
		execute(t, machine.config.DatabasePath, `UPDATE meta SET value = (SELECT commit_id FROM record_start) WHERE name = 'materialised'`)
	} else {
		execute(t, machine.config.DatabasePath, `DELETE FROM entries; DELETE FROM large_values; DELETE FROM groups; DELETE FROM namespaces; DELETE FROM deletions; UPDATE meta SET value = 0 WHERE name = 'materialised'`)
	}
	machine.open(t)
	machine.compareAll(t)
}

// Crash goes on with a copy of the files as they are while the store is open.
func (machine *machine) Crash(t *rapid.T) {
	machine.settle(t)
	machine.model.clock.unlogged = true
	machine.commitClock(t)
	saved := machine.model.clock.saved
	path := filepath.Join(machine.directory(), "storebus.db")
	require.NoError(t, store.OnCommitter(machine.opened, func() error { return copyDatabase(machine.config.DatabasePath, path) }))
	require.NoError(t, copyWorkspaces(machine.config.DatabasePath+".workspaces", path+".workspaces"))
	machine.close(t)
	machine.config.DatabasePath, machine.model.clock.saved = path, saved
	machine.open(t)
	machine.compareAll(t)
}

// commitClock makes a time that a restart may forget that of a commit.
func (machine *machine) commitClock(t *rapid.T) {
	if !machine.model.clock.unlogged {
		return
	}
	machine.model.commit(func() {
		_, want := machine.model.apply(store.SetCommand{Group: modelGroups[0], Key: modelKeys[0], Value: "clock"})
		requireSameError(t, want, machine.opened.Set(modelGroups[0], modelKeys[0], "clock"))
	})
}

// Check compares what is cheap to compare after every step.
func (machine *machine) Check(t *rapid.T) {
	machine.settle(t)
	status, err := machine.opened.Status()
	require.NoError(t, err)
	want := store.Status{Writable: true, ClockAhead: machine.model.clock.ahead(), Entries: uint64(len(machine.model.entries)), PendingMaterialisation: status.PendingMaterialisation, OldestChangeAt: status.OldestChangeAt}
	if machine.unwritable && !status.Writable { // an expiry was tried
		require.Contains(t, status.Reason, "read-only")
		want.Writable, want.Reason = false, status.Reason
	}
	want.Journal.Pending = int64(len(machine.model.journal))
	for name, namespace := range machine.model.namespaces {
		if name != "" && namespace.revision > 0 {
			want.Namespaces++
		}
		machine.compareChanges(t, name, namespace)
	}
	for id := range machine.model.entries {
		if namespaceName, _ := store.NamespaceOf(id.group); namespaceName == "" {
			want.UnscopedEntries++
		}
	}
	require.Equal(t, want, status)
}

// compareChanges compares what is new in the log of a namespace.
func (machine *machine) compareChanges(t *rapid.T, name string, namespace *modelNamespace) {
	after := max(machine.compared[name], namespace.oldest-1)
	query := store.ChangesQuery{Namespace: name, After: after, Limit: 10_000}
	page, err := machine.changes(query)
	require.NoError(t, err)
	require.Equal(t, public(namespace.events[after:]), public(page.Events))
	page.Events = nil
	require.Equal(t, store.ChangesPage{Next: namespace.revision, Oldest: namespace.oldest, Revision: namespace.revision}, page)
	machine.compared[name] = namespace.revision
}

// compareAll compares everything, and the log from the database.
func (machine *machine) compareAll(t *rapid.T) {
	for _, group := range modelGroups {
		machine.compareGroup(t, group)
	}
	for _, entry := range machine.model.entries {
		machine.compareEntry(t, entry)
	}
	machine.compareScan(t, store.ScanQuery{Limit: 1000})
	clear(machine.compared)
	machine.compareJournal(t)
	machine.compareWorkspaces(t)
	machine.ReadUsage(t)
	machine.Check(t)
}

func requireSameError(t *rapid.T, want, got error) {
	var conflict *store.RevisionConflictError
	var compacted *store.CompactedError
	var failure *store.TransactionError
	var exceeded *store.QuotaExceededError
	switch {
	case errors.As(want, &exceeded):
		requireExceeded(t, got, *exceeded)
	case want == nil:
		require.NoError(t, got)
	case errors.As(want, &failure):
		var gotFailure *store.TransactionError
		require.ErrorAs(t, got, &gotFailure)
		require.Equal(t, []any{failure.List, failure.Index}, []any{gotFailure.List, gotFailure.Index})
		requireSameError(t, failure.Err, gotFailure.Err)
	case errors.As(want, &conflict):
		var gotConflict *store.RevisionConflictError
		require.ErrorAs(t, got, &gotConflict)
		require.Equal(t, conflict, gotConflict)
		require.ErrorIs(t, got, store.ErrRevisionConflict)
	case errors.As(want, &compacted):
		var gotCompacted *store.CompactedError
		require.ErrorAs(t, got, &gotCompacted)
		require.Equal(t, compacted, gotCompacted)
		require.ErrorIs(t, got, store.ErrCompacted)
	default:
		require.ErrorIs(t, got, want)
	}
}

// TestModel_Store_Good carries out random commands on a store and on its model: both
// always say the same, restarts and crashes included.
func TestModel_Store_Good(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		run, err := os.MkdirTemp(root, "run")
		require.NoError(t, err)
		defer os.RemoveAll(run)
		machine := newMachine(t, func() string {
			path, err := os.MkdirTemp(run, "")
			require.NoError(t, err)
			return path
		})
		// A store that a failed step left open would keep its goroutines.
		defer func() { _ = machine.opened.Close() }()
		t.Repeat(rapid.StateMachineActions(machine))
		machine.compareAll(t)
		machine.ReleaseRemovals(t)
		requireFollows(t, machine.opened, machine.directory())
		machine.close(t)
	})
}
