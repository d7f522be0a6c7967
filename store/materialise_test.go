// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// TestMaterialise_Sweep_Good writes the same keys over and over in batches that are
// not written through, with memory for nothing, for little and for all of it.
func TestMaterialise_Sweep_Good(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]store.StoreConfig{
		"NothingMayWait":      {PendingBytes: 1, CacheBytes: 1},
		"LittleMayWait":       {PendingBytes: 20_000, CacheBytes: 1},
		"TheLogSetsThePace":   {CacheBytes: 1},
		"EverythingIsInReach": {},
	} {
		t.Run(name, func(t *testing.T) {
			config.DatabasePath, config.Durability = databasePath(t), store.DurabilityRelaxed
			opened := openStore(t, config)
			want := map[string]string{}
			for round := range 60 {
				var commands []store.Command
				for index := range 40 {
					key := fmt.Sprintf("%02d", (round*7+index*3)%80)
					if index%5 == 4 {
						commands = append(commands, store.DeleteCommand{Group: "acme:g", Key: key})
						delete(want, key)
						continue
					}
					value := fmt.Sprint(round, strings.Repeat("x", 1500))
					commands = append(commands, store.SetCommand{Group: "acme:g", Key: key, Value: value})
					want[key] = value
				}
				submitTogether(opened, commands...)
				require.NoError(t, opened.Set(fmt.Sprintf("acme:small%d", round%3), "key", fmt.Sprint(round)))
				if round%10 == 9 {
					all, err := opened.GetAll("acme:g")
					require.NoError(t, err)
					require.Equal(t, want, all)
				}
			}
			copied := openStore(t, store.StoreConfig{DatabasePath: crashCopy(t, opened, config.DatabasePath)})
			opened = reopen(t, opened, config)
			for _, again := range []*store.Store{copied, opened} {
				all, err := again.GetAll("acme:g")
				require.NoError(t, err)
				assert.Equal(t, want, all)
				for key, value := range want {
					got, err := again.Get("acme:g", key)
					require.NoError(t, err)
					require.Equal(t, value, got)
				}
			}
		})
	}
}
