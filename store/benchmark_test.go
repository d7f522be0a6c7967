// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// benchmarkKeys is how many keys the benchmarks work on.
const benchmarkKeys = 10_000

// benchmarkStore returns a store on a file, durable in full, that holds the keys.
func benchmarkStore(b *testing.B, config store.StoreConfig) (*store.Store, []string) {
	b.Helper()
	opened := openStore(b, config)
	keys := make([]string, benchmarkKeys)
	commands := make([]store.Command, benchmarkKeys)
	for index := range keys {
		keys[index] = fmt.Sprintf("key-%05d", index)
		commands[index] = store.SetCommand{Group: "acme:bench", Key: keys[index], Value: strings.Repeat("v", 128)}
	}
	for _, result := range submitTogether(opened, commands...) {
		require.NoError(b, result.err)
	}
	require.NoError(b, store.Settle(opened))
	b.ReportAllocs()
	return opened, keys
}

func BenchmarkSet(b *testing.B) {
	for _, inFlight := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(inFlight), func(b *testing.B) {
			benchmarkSets(b, inFlight, func(command store.Command, _ int) store.Command { return command })
		})
	}
}

// BenchmarkSubmitRequest is BenchmarkSet for requests that are remembered.
func BenchmarkSubmitRequest(b *testing.B) {
	answer := func(outcome store.Outcome) ([]byte, error) {
		return fmt.Appendf(nil, `{"revision":%d,"created":%t}`, outcome.Revision, outcome.Created), nil
	}
	for _, inFlight := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(inFlight), func(b *testing.B) {
			benchmarkSets(b, inFlight, func(command store.Command, index int) store.Command {
				return requested{command, store.Request{Namespace: "acme", ID: fmt.Sprintf("%022d", index), Answer: answer}}
			})
		})
	}
}

// benchmarkSets keeps so many sets in flight.
func benchmarkSets(b *testing.B, inFlight int, request func(command store.Command, index int) store.Command) {
	b.Helper()
	opened, keys := benchmarkStore(b, store.StoreConfig{})
	slots := make(chan struct{}, inFlight)
	var running sync.WaitGroup
	var failure error
	done := func(_ store.Outcome, err error) {
		if err != nil {
			failure = err // One goroutine of the store completes all.
		}
		<-slots
		running.Done()
	}
	value := strings.Repeat("w", 128)
	b.ResetTimer()
	for index := range b.N {
		slots <- struct{}{}
		running.Add(1)
		submitOne(opened, request(store.SetCommand{Group: "acme:bench", Key: keys[index*7919%benchmarkKeys], Value: value}, index), done)
	}
	running.Wait()
	b.StopTimer()
	require.NoError(b, failure)
}

func BenchmarkGet(b *testing.B) {
	// Where nothing may be kept in memory, each read is one of the tables.
	for name, config := range map[string]store.StoreConfig{"Hot": {}, "Cold": {CacheBytes: 1}} {
		b.Run(name, func(b *testing.B) {
			opened, keys := benchmarkStore(b, config)
			b.ResetTimer()
			for index := range b.N {
				value, err := opened.Get("acme:bench", keys[index*7919%benchmarkKeys])
				if err != nil || len(value) != 128 {
					b.Fatal(err, len(value))
				}
			}
		})
	}
}

func BenchmarkChanges(b *testing.B) {
	for _, place := range []string{"Memory", "Database"} {
		b.Run(place, func(b *testing.B) {
			opened, _ := benchmarkStore(b, store.StoreConfig{})
			if place == "Database" {
				require.NoError(b, opened.Set("other:bench", "key", ""))
				store.Evict(opened)
			}
			b.ResetTimer()
			for index := range b.N {
				after := uint64(index * 100 % (benchmarkKeys - 100))
				page, err := opened.Changes(context.Background(), store.ChangesQuery{Namespace: "acme", After: after})
				if err != nil || len(page.Events) != store.DefaultPageLimit {
					b.Fatal(err, len(page.Events))
				}
			}
		})
	}
}

func BenchmarkGetEntries(b *testing.B) {
	for _, limit := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(limit), func(b *testing.B) {
			opened, keys := benchmarkStore(b, store.StoreConfig{})
			b.ResetTimer()
			for index := range b.N {
				page, err := opened.GetEntries(store.PageQuery{Group: "acme:bench", After: &keys[index*7919%(benchmarkKeys-1001)], Limit: limit})
				if err != nil || len(page.Entries) != limit {
					b.Fatal(err, len(page.Entries))
				}
			}
		})
	}
}

// fillGroup writes so many keys of one group.
func fillGroup(b *testing.B, opened *store.Store, keys int) {
	b.Helper()
	writeAll(b, opened, "bench", keys, 0)
	b.ResetTimer()
}

func BenchmarkLoneCaller_Set(b *testing.B) {
	for name, path := range places {
		b.Run(name, func(b *testing.B) {
			opened := openStore(b, store.StoreConfig{DatabasePath: path})
			b.ReportAllocs()
			for index := range b.N {
				require.NoError(b, opened.Set("bench", fmt.Sprint(index), "value"))
			}
		})
	}
}

func BenchmarkLoneCaller_SetWithTTL(b *testing.B) {
	for name, path := range places {
		b.Run(name, func(b *testing.B) {
			opened := openStore(b, store.StoreConfig{DatabasePath: path})
			b.ReportAllocs()
			for index := range b.N {
				require.NoError(b, opened.SetWithTTL("bench", fmt.Sprint(index), "value", time.Minute))
			}
		})
	}
}

func BenchmarkLoneCaller_Delete(b *testing.B) {
	for name, path := range places {
		b.Run(name, func(b *testing.B) {
			opened := openStore(b, store.StoreConfig{DatabasePath: path})
			b.ReportAllocs()
			fillGroup(b, opened, b.N)
			for index := range b.N {
				require.NoError(b, opened.Delete("bench", fmt.Sprint(index)))
			}
		})
	}
}

// BenchmarkLoneCaller_Transaction sets ten keys in each.
func BenchmarkLoneCaller_Transaction(b *testing.B) {
	for name, path := range places {
		b.Run(name, func(b *testing.B) {
			opened := openStore(b, store.StoreConfig{DatabasePath: path})
			b.ReportAllocs()
			for index := range b.N {
				require.NoError(b, opened.Transaction(func(transaction *store.StoreTransaction) error {
					for operation := range 10 {
						if err := transaction.Set("bench", fmt.Sprint(index*10+operation), "value"); err != nil {
							return err
						}
					}
					return nil
				}))
			}
		})
	}
}

func BenchmarkLoneCaller_GetPage(b *testing.B) {
	for _, offset := range []int{0, 5000} {
		b.Run(fmt.Sprint(offset), func(b *testing.B) {
			for name, path := range places {
				b.Run(name, func(b *testing.B) {
					opened := openStore(b, store.StoreConfig{DatabasePath: path})
					b.ReportAllocs()
					fillGroup(b, opened, benchmarkKeys)
					for range b.N {
						page, err := opened.GetPage("bench", offset, 25)
						if err != nil || len(page) != 25 {
							b.Fatal(err, len(page))
						}
					}
				})
			}
		})
	}
}

func BenchmarkLoneCaller_GetAll(b *testing.B) {
	for _, keys := range []int{10, 100, 1000, 10_000} {
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			for name, path := range places {
				b.Run(name, func(b *testing.B) {
					opened := openStore(b, store.StoreConfig{DatabasePath: path})
					b.ReportAllocs()
					fillGroup(b, opened, keys)
					for range b.N {
						all, err := opened.GetAll("bench")
						if err != nil || len(all) != keys {
							b.Fatal(err, len(all))
						}
					}
				})
			}
		})
	}
}

func BenchmarkLoneCaller_Render(b *testing.B) {
	for name, path := range places {
		b.Run(name, func(b *testing.B) {
			opened := openStore(b, store.StoreConfig{DatabasePath: path})
			b.ReportAllocs()
			for index := range 50 {
				require.NoError(b, opened.Set("bench", fmt.Sprint("key", index), fmt.Sprint("value", index)))
			}
			b.ResetTimer()
			for range b.N {
				text, err := opened.Render(`{{ .key0 }} {{ .key25 }} {{ .key49 }}`, "bench")
				if err != nil || text != "value0 value25 value49" {
					b.Fatal(err, text)
				}
			}
		})
	}
}
