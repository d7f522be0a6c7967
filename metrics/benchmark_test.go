// SPDX-License-Identifier: EUPL-1.2

package metrics_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/metrics"
	"dappco.re/go/storebus/store"
)

// BenchmarkCollector_Collect is one scrape of a store with a thousand namespaces.
func BenchmarkCollector_Collect(b *testing.B) {
	source, _ := start(b, store.StoreConfig{})
	for number := range 1_000 {
		require.NoError(b, source.Store.Set(fmt.Sprintf("tenant-%d:config", number), "theme", "dark"))
	}
	registry := metrics.NewRegistry(source)
	b.ReportAllocs()
	for b.Loop() {
		_, err := registry.Gather()
		require.NoError(b, err)
	}
}
