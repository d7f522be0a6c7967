// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestStore_New_Good(t *testing.T) {
	t.Run("KeepsAnythingInMemory", func(t *testing.T) {
		opened, err := store.New(store.MemoryDatabase)
		require.NoError(t, err)
		require.NoError(t, opened.Set("config", "theme", "dark"))
		value, err := opened.Get("config", "theme")
		require.NoError(t, err)
		assert.Equal(t, "dark", value)
		assert.Equal(t, store.DurabilityMemory, opened.Durability())
		require.NoError(t, opened.Close())
	})
	t.Run("TakesOptions", func(t *testing.T) {
		path := databasePath(t)
		opened, err := store.New(path, store.WithPurgeInterval(time.Hour), func(config *store.StoreConfig) {
			assert.Equal(t, store.StoreConfig{DatabasePath: path, PurgeInterval: time.Hour}, *config)
		})
		require.NoError(t, err)
		require.NoError(t, opened.Close())
	})
	t.Run("TwoInMemoryShareNothing", func(t *testing.T) {
		one, other := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase}), openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
		require.NoError(t, one.Set("config", "theme", "dark"))
		_, err := other.Get("config", "theme")
		require.ErrorIs(t, err, store.ErrNotFound)
		assert.NotEqual(t, one.ID(), other.ID())
	})
}

func TestStore_New_Bad(t *testing.T) {
	_, err := store.New("", store.WithPurgeInterval(time.Hour))
	require.ErrorContains(t, err, "store.NewConfigured: DatabasePath is empty")
	_, err = store.New(store.MemoryDatabase, store.WithPurgeInterval(-1))
	require.ErrorContains(t, err, "PurgeInterval")
}

func TestStore_NewConfigured_Good(t *testing.T) {
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	opened := openStore(t, config)
	assert.Equal(t, store.DurabilityFull, opened.Durability())
	assert.Regexp(t, "^[0-9a-f]{32}$", opened.ID())
	require.NoError(t, opened.Set("acme:config", "theme", "dark"))
	id := opened.ID()

	t.Run("FindsEverythingAgain", func(t *testing.T) {
		opened := reopen(t, opened, config)
		assert.Equal(t, id, opened.ID())
		entry, err := opened.GetEntry("acme:config", "theme")
		require.NoError(t, err)
		assert.Equal(t, "dark", entry.Value)
		assert.Equal(t, uint64(1), entry.Revision)
		require.NoError(t, opened.Close())
	})
	t.Run("RelaxedIsSaid", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{Durability: store.DurabilityRelaxed})
		require.NoError(t, opened.Set("acme:config", "theme", "dark"))
		assert.Equal(t, store.DurabilityRelaxed, opened.Durability())
	})
}

func TestStore_Set_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	t.Run("TakesAnyBytes", func(t *testing.T) {
		texts := []string{"", "\x00", "a\x00b", "\xff\xfe", "ünï", "'; DROP TABLE entries; --", strings.Repeat("x", 100_000)}
		for _, group := range texts {
			for _, key := range texts {
				value := key + group
				require.NoError(t, opened.Set(group, key, value))
				got, err := opened.Get(group, key)
				require.NoError(t, err)
				require.Equal(t, value, got)
			}
		}
	})
	t.Run("ClearsTheExpiry", func(t *testing.T) {
		require.NoError(t, opened.SetWithTTL("config", "theme", "dark", time.Hour))
		require.NoError(t, opened.Set("config", "theme", "light"))
		entry, err := opened.GetEntry("config", "theme")
		require.NoError(t, err)
		assert.Equal(t, "light", entry.Value)
		assert.Zero(t, entry.ExpiresAt)
	})
	t.Run("CountsUpRevisionsByNamespace", func(t *testing.T) {
		for revision := range uint64(3) {
			for _, group := range []string{"one:a", "two:b"} {
				require.NoError(t, opened.Set(group, "key", "value"))
				entry, err := opened.GetEntry(group, "key")
				require.NoError(t, err)
				assert.Equal(t, revision+1, entry.Revision)
			}
		}
	})
}

func TestStore_SetWithTTL_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	for _, timeToLive := range []time.Duration{0, -1, -time.Hour, time.Millisecond - 1, store.MaxTimeToLive + 1} {
		err := opened.SetWithTTL("config", "theme", "dark", timeToLive)
		require.ErrorIs(t, err, store.ErrInvalidTTL, timeToLive)
		assert.ErrorContains(t, err, `store.SetWithTTL: group "config" key "theme": `)
	}
	exists, err := opened.Exists("config", "theme")
	require.NoError(t, err)
	assert.False(t, exists)
	for _, timeToLive := range []time.Duration{store.MinTimeToLive, store.MaxTimeToLive} {
		require.NoError(t, opened.SetWithTTL("config", "theme", "dark", timeToLive))
	}
}

func TestStore_Delete_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	require.NoError(t, opened.Set("acme:config", "theme", "dark"))
	require.NoError(t, opened.Delete("acme:config", "theme"))
	_, err := opened.Get("acme:config", "theme")
	require.ErrorIs(t, err, store.ErrNotFound)
	assert.Equal(t, `store.Get: group "acme:config" key "theme": not found`, err.Error())
	t.Run("MissingKeyIsNoError", func(t *testing.T) {
		require.NoError(t, opened.Delete("acme:config", "theme"))
		require.NoError(t, opened.Delete("never", "there"))
		assert.Equal(t, []string{"set theme", "delete theme"}, brief(changes(t, opened, "acme", 0)))
	})
}

func TestStore_Submit_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	outcome, err := submit(opened, store.SetCommand{Group: "acme:config", Key: "theme", Value: "dark", TraceParent: "00-aa-bb-01"})
	require.NoError(t, err)
	assert.Equal(t, store.Outcome{Revision: 1, Created: true}, outcome)
	outcome, err = submit(opened, store.DeleteCommand{Group: "acme:config", Key: "theme", TraceParent: "00-cc-dd-01"})
	require.NoError(t, err)
	assert.Equal(t, store.Outcome{Revision: 2, Deleted: true}, outcome)
	events := changes(t, opened, "acme", 0)
	require.Len(t, events, 2)
	assert.Equal(t, []string{"00-aa-bb-01", "00-cc-dd-01"}, []string{events[0].TraceParent, events[1].TraceParent})

	t.Run("KeepsTheOrderOfOneCaller", func(t *testing.T) {
		var commands []store.Command
		for index := range 5000 { // More than one batch takes.
			commands = append(commands, store.SetCommand{Group: "order:g", Key: "key", Value: fmt.Sprint(index)})
		}
		for index, result := range submitTogether(opened, commands...) {
			require.NoError(t, result.err)
			require.Equal(t, uint64(index+1), result.outcome.Revision)
		}
	})
}

func TestStore_Submit_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("ThousandsOfWritersAtOnce", func(t *testing.T) {
		const writers = 3000
		opened := openStore(t, store.StoreConfig{})
		revisions := make([]uint64, writers)
		var running sync.WaitGroup
		for index := range writers {
			running.Go(func() {
				assert.NoError(t, opened.Set("acme:load", fmt.Sprint(index), fmt.Sprint("value ", index)))
				entry, err := opened.GetEntry("acme:load", fmt.Sprint(index))
				assert.NoError(t, err)
				assert.Equal(t, fmt.Sprint("value ", index), entry.Value)
				revisions[index] = entry.Revision
			})
		}
		running.Wait()
		seen := map[uint64]bool{}
		for _, revision := range revisions {
			assert.LessOrEqual(t, revision, uint64(writers))
			assert.False(t, seen[revision])
			seen[revision] = true
		}
		assert.Len(t, changes(t, opened, "acme", 0), writers)
	})
	t.Run("GuardsLoseNoUpdate", func(t *testing.T) {
		const writers, updates = 16, 20
		opened := openStore(t, store.StoreConfig{})
		require.NoError(t, opened.Set("acme:counter", "n", ""))
		var running sync.WaitGroup
		for range writers {
			running.Go(func() {
				for range updates {
					addOne(t, opened)
				}
			})
		}
		running.Wait()
		value, err := opened.Get("acme:counter", "n")
		require.NoError(t, err)
		assert.Len(t, value, writers*updates)
	})
	t.Run("ReadersSeeWholeCommitsInOrder", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		stop := make(chan struct{})
		var reading sync.WaitGroup
		for range 4 {
			reading.Go(func() {
				for last := uint64(0); ; {
					select {
					case <-stop:
						return
					default:
					}
					entry, err := opened.GetEntry("acme:g", "key")
					if errors.Is(err, store.ErrNotFound) {
						continue
					}
					assert.NoError(t, err)
					assert.GreaterOrEqual(t, entry.Revision, last)
					assert.Equal(t, fmt.Sprint(entry.Revision), entry.Value)
					last = entry.Revision
				}
			})
		}
		for revision := range 500 {
			require.NoError(t, opened.Set("acme:g", "key", fmt.Sprint(revision+1)))
		}
		close(stop)
		reading.Wait()
	})
}

// addOne makes the counter one longer, however often others are quicker.
func addOne(t *testing.T, opened *store.Store) {
	t.Helper()
	for {
		entry, err := opened.GetEntry("acme:counter", "n")
		if !assert.NoError(t, err) {
			return
		}
		done := make(chan error, 1)
		opened.Submit(store.SetCommand{Group: "acme:counter", Key: "n", Value: entry.Value + "x", IfRevision: &entry.Revision},
			func(_ store.Outcome, err error) { done <- err })
		if err := <-done; err == nil {
			return
		} else if !assert.ErrorIs(t, err, store.ErrRevisionConflict) {
			return
		}
	}
}

func TestStore_Close_Good(t *testing.T) {
	t.Run("LeavesOneFileTheLockAndTheMark", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		require.NoError(t, opened.Set("acme:config", "theme", "dark"))
		require.NoError(t, opened.Close())
		files, err := filepath.Glob(filepath.Join(filepath.Dir(config.DatabasePath), "*"))
		require.NoError(t, err)
		assert.Equal(t, []string{config.DatabasePath, config.DatabasePath + ".lock", config.DatabasePath + ".mark"}, files)
		status, err := os.Stat(config.DatabasePath)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), status.Mode().Perm())
	})
	t.Run("WritesWhatWasPending", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		var commands []store.Command
		for index := range 3000 {
			commands = append(commands, store.SetCommand{Group: "acme:g", Key: fmt.Sprint(index), Value: "value"})
		}
		submitTogether(opened, commands...)
		// openStore checks that the tables are as new as the log.
		opened = reopen(t, opened, config)
		status, err := opened.Status()
		require.NoError(t, err)
		assert.Equal(t, uint64(3000), status.Entries)
		assert.Zero(t, status.PendingMaterialisation)
	})
}

func TestStore_Close_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{})
	scoped, err := store.NewScoped(opened, "acme")
	require.NoError(t, err)
	consumer, err := opened.RegisterConsumer("publisher")
	require.NoError(t, err)
	require.NoError(t, opened.Set("acme:config", "theme", "dark"))
	require.NoError(t, opened.Close())
	ctx := context.Background()
	failures := map[string]func() error{
		"Set":              func() error { return opened.Set("acme:config", "theme", "light") },
		"SetWithTTL":       func() error { return opened.SetWithTTL("acme:config", "theme", "light", time.Hour) },
		"Delete":           func() error { return opened.Delete("acme:config", "theme") },
		"Submit":           func() error { _, err := submit(opened, store.DeleteCommand{}); return err },
		"Get":              func() error { _, err := opened.Get("acme:config", "theme"); return err },
		"GetMissing":       func() error { _, err := opened.Get("acme:config", "other"); return err },
		"GetEntry":         func() error { _, err := opened.GetEntry("acme:config", "theme"); return err },
		"Exists":           func() error { _, err := opened.Exists("acme:config", "theme"); return err },
		"GetAll":           func() error { _, err := opened.GetAll("acme:config"); return err },
		"GetPage":          func() error { _, err := opened.GetPage("acme:config", 0, 1); return err },
		"GetPageAtOffset":  func() error { _, err := opened.GetPage("acme:config", 1, 1); return err },
		"GetEntries":       func() error { _, err := opened.GetEntries(store.PageQuery{}); return err },
		"Status":           func() error { _, err := opened.Status(); return err },
		"Changes":          func() error { _, err := opened.Changes(ctx, store.ChangesQuery{Namespace: "acme"}); return err },
		"ChangesUnknown":   func() error { _, err := opened.Changes(ctx, store.ChangesQuery{Namespace: "other"}); return err },
		"RegisterConsumer": func() error { _, err := opened.RegisterConsumer("other"); return err },
		"Next":             func() error { _, err := consumer.Next(ctx); return err },
		"ScopedGet":        func() error { _, err := scoped.GetFrom("config", "theme"); return err },
		"All": func() (err error) {
			for _, err = range opened.All("acme:config") {
			}
			return err
		},
		"ChangesWaiting": func() error {
			_, err := opened.Changes(ctx, store.ChangesQuery{Namespace: "acme", After: 1, Wait: time.Hour})
			return err
		},
		"SubmitGet": func() (err error) {
			opened.SubmitGet("acme:config", "theme", func(_ store.Entry, got error) { err = got })
			return err
		},
		"SubmitGetInto": func() (err error) {
			opened.SubmitGetInto(new([]byte), "acme:config", "theme", func(_ store.Entry, got error) { err = got })
			return err
		},
		"SubmitPage": func() (err error) {
			opened.SubmitPage(store.PageQuery{}, func(_ store.Page, got error) { err = got })
			return err
		},
		"SubmitStatus": func() (err error) {
			opened.SubmitStatus(func(_ store.Status, got error) { err = got })
			return err
		},
	}
	for name, call := range failures {
		t.Run(name, func(t *testing.T) { assert.ErrorIs(t, call(), store.ErrClosed) })
	}
	t.Run("OnChangeIsNeverCalled", func(t *testing.T) {
		opened.OnChange(func(store.Event) { assert.Fail(t, "called") })()
	})
}

func TestStore_Close_Ugly(t *testing.T) {
	t.Run("TwiceAndFromManyGoroutines", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		var closing sync.WaitGroup
		for range 50 {
			closing.Go(func() { assert.NoError(t, opened.Close()) })
		}
		closing.Wait()
		require.NoError(t, opened.Close())
	})
	t.Run("WhileWritersRun", func(t *testing.T) {
		config := store.StoreConfig{DatabasePath: databasePath(t)}
		opened := openStore(t, config)
		const writers = 64
		written := make([][]string, writers)
		var running sync.WaitGroup
		enough := make(chan struct{}, writers*1000)
		for writer := range writers {
			running.Go(func() {
				for index := range 1000 {
					key := fmt.Sprint(writer, "-", index)
					if err := opened.Set("acme:g", key, key); err != nil {
						assert.ErrorIs(t, err, store.ErrClosed)
						return
					}
					written[writer] = append(written[writer], key)
					enough <- struct{}{}
				}
			})
		}
		for range 2000 {
			<-enough
		}
		require.NoError(t, opened.Close())
		running.Wait()
		opened = reopen(t, opened, config)
		all, err := opened.GetAll("acme:g")
		require.NoError(t, err)
		total := 0
		for _, keys := range written {
			total += len(keys)
			for _, key := range keys {
				require.Equal(t, key, all[key])
			}
		}
		assert.Len(t, all, total, "what was refused was not done")
	})
	t.Run("WithEverythingGoingOn", func(t *testing.T) {
		opened := openStore(t, store.StoreConfig{})
		calls := []func() error{
			func() error { return opened.Set("acme:g", "key", "value") },
			func() error { _, err := opened.Exists("acme:g", "key"); return err },
			func() error { _, err := opened.GetAll("acme:g"); return err },
			func() error { _, err := opened.Status(); return err },
			func() error {
				_, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", Limit: 1})
				return err
			},
			func() error { _, err := opened.RegisterConsumer("publisher"); return err },
			func() error { opened.OnChange(func(store.Event) {})(); return opened.Delete("acme:g", "key") },
			func() error {
				opened.Unwatch("acme:g", opened.Watch("acme:g"))
				_, err := submit(opened, store.DeleteCommand{Group: "acme:g", Key: "key"})
				return err
			},
		}
		var running sync.WaitGroup
		begun := make(chan struct{}, len(calls))
		for _, call := range calls {
			running.Go(func() {
				err := call()
				begun <- struct{}{}
				for err == nil {
					err = call()
				}
				assert.ErrorIs(t, err, store.ErrClosed)
			})
		}
		for range calls {
			<-begun
		}
		require.NoError(t, opened.Close())
		running.Wait()
	})
}
