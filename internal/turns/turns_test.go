// SPDX-License-Identifier: EUPL-1.2

package turns_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/internal/turns"
)

func TestTurns_Take_Good(t *testing.T) {
	var queue turns.Queue[string]
	for _, item := range []string{"a1", "a2", "a3", "b1", "c1", "c2"} {
		queue.Put(item[:1], item)
	}
	assert.Equal(t, 6, queue.Len())
	var taken []string
	for queue.Len() > 2 {
		item, ok := queue.Take()
		assert.True(t, ok)
		taken = append(taken, item)
	}
	assert.Equal(t, []string{"a1", "b1", "c1", "a2"}, taken)
	queue.Put("b", "b2")
	for queue.Len() > 0 {
		item, _ := queue.Take()
		taken = append(taken, item)
	}
	assert.Equal(t, []string{"c2", "a3", "b2"}, taken[4:], "whoever comes again comes behind the others")
}

func TestTurns_Take_Bad(t *testing.T) {
	var queue turns.Queue[int]
	item, taken := queue.Take()
	assert.Zero(t, item)
	assert.False(t, taken)
}

func TestTurns_Take_Ugly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var queue turns.Queue[string]
		waiting := map[string][]string{}
		count := 0
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "put") {
				party := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "party")
				item := fmt.Sprintf("%s/%d", party, count)
				queue.Put(party, item)
				waiting[party] = append(waiting[party], item)
				count++
				continue
			}
			item, taken := queue.Take()
			if !taken {
				continue
			}
			party, _, _ := strings.Cut(item, "/")
			assert.Equal(t, waiting[party][0], item, "the order of a party")
			waiting[party] = waiting[party][1:]
		}
		left := 0
		for _, items := range waiting {
			left += len(items)
		}
		assert.Equal(t, left, queue.Len())
	})
}
