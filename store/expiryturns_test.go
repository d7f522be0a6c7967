// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// manyDue is many times what one batch expires.
const manyDue = 20_000

// Keys of many namespaces end while very many keys of one do. The others wait for a few commits,
// whatever the one has, and the order of events stays that of the deadlines in each.
func TestExpiryturns_Expire_Ugly(t *testing.T) {
	t.Parallel()
	clock := newClock()
	opened := openStore(t, store.StoreConfig{DatabasePath: databasePath(t), Clock: clock.Now})
	writeAll(t, opened, "many:g", manyDue, time.Second)
	others := []string{"", "aaa:g", "others:g", "zzz:g"}
	for _, group := range others {
		for index := range 5 {
			require.NoError(t, opened.SetWithTTL(group, fmt.Sprint(index), "v", time.Second+time.Duration(1+index)*time.Millisecond))
		}
	}
	consumer, err := opened.RegisterConsumer("test")
	require.NoError(t, err)

	release := store.Hold(opened)
	clock.Advance(time.Minute)
	set := make(chan error, 1)
	opened.Submit(store.SetCommand{Group: "others:g", Key: "new", Value: "v"}, func(_ store.Outcome, err error) { set <- err })
	release()
	require.NoError(t, <-set)

	last, keys, commits := map[string]int{}, map[string][]string{}, 0
	for len(keys["many:g"]) < manyDue {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		read, err := consumer.Next(ctx)
		cancel()
		require.NoError(t, err)
		for _, commit := range read {
			commits++
			assert.LessOrEqual(t, len(commit.Events), 512, "keys that expire in a commit")
			for _, event := range commit.Events {
				last[event.Group] = commits
				if event.Key == "new" {
					assert.LessOrEqual(t, commits, 2, "a write waits for one share of expiries")
					continue
				}
				keys[event.Group] = append(keys[event.Group], event.Key)
			}
		}
		consumer.Acknowledge()
	}
	assert.Greater(t, commits, manyDue/512, "commits in all")
	for _, group := range others {
		assert.LessOrEqual(t, last[group], 5, "the commit that ends the keys of %q", group)
		assert.Equal(t, []string{"0", "1", "2", "3", "4"}, keys[group], "in the order of deadlines")
	}
	assert.True(t, slices.IsSorted(keys["many:g"]), "in the order of deadlines and names")
}
