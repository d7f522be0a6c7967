// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func versionOf(key, value string) *entryVersion {
	return &entryVersion{entryName: entryName{group: "acme:g", key: key}, entryState: entryState{revision: 1, value: value}}
}

// memory adds up what the entries take.
func (hot *hotEntries) memory() (bytes int) {
	for index := range hot.shards {
		for _, entry := range hot.shards[index].entries {
			bytes += entry.memory()
		}
	}
	return bytes
}

func TestHot_Put_Good(t *testing.T) {
	const limit = 16 * 10_000
	hot := newHotEntries(limit)
	for index := range 10_000 {
		hot.put(versionOf(fmt.Sprint(index%3000), strings.Repeat("x", index%500)))
		hot.get(entryName{group: "acme:g", key: "0"})
	}
	assert.LessOrEqual(t, hot.memory(), limit)
	assert.Greater(t, hot.memory(), limit/2)
	assert.NotNil(t, hot.get(entryName{group: "acme:g", key: "0"}), "what is read all the time stays")
	assert.Nil(t, hot.get(entryName{group: "acme:g", key: "missing"}))
}

func TestHot_Put_Ugly(t *testing.T) {
	var none *hotEntries
	none.put(versionOf("a", ""))
	assert.Nil(t, none.get(entryName{group: "acme:g", key: "a"}))
	assert.Nil(t, newHotEntries(0))
	small := newHotEntries(16)
	small.put(versionOf("a", ""))
	assert.Nil(t, small.get(entryName{group: "acme:g", key: "a"}))
}
