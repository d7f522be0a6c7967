// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// promiseClients is how many clients set at once.
const promiseClients = 16

// promisedNamespaces are what they write to.
var promisedNamespaces = []string{"power-0", "power-1", "power-2"}

// promise is a set, and what its client was told of it.
type promise struct {
	namespace, group, key, value string
	// revision is that of a success, failure the error of anything else.
	revision uint64
	failure  *failure
	// sent is before the request, received after the reply.
	sent, received time.Time
}

// isIn tells whether the set stands in the log of its namespace.
func (promise *promise) isIn(log []store.Event) bool {
	if promise.revision > uint64(len(log)) {
		return false
	}
	event := log[promise.revision-1]
	return event.LocalGroup() == promise.group && event.Key == promise.key && event.Value == promise.value
}

// setConcurrently has every client make one set after the other, of values up to
// 6,000 bytes, while more says so of the number of those made and the last one. It
// returns what they were told in the order of that.
func setConcurrently(t *testing.T, url string, random *rand.Rand, more func(made int, last promise) bool) []promise {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	told := make([][]promise, promiseClients)
	var group sync.WaitGroup
	for client := range told {
		connection := connect(t, url)
		random := rand.New(rand.NewPCG(random.Uint64(), 0))
		group.Go(func() {
			for last := (promise{}); more(len(told[client]), last); told[client] = append(told[client], last) {
				last = newPromise(random)
				if !assert.NoError(t, last.ask(ctx, connection)) {
					return
				}
			}
		})
	}
	group.Wait()
	require.False(t, t.Failed())
	all := slices.Concat(told...)
	slices.SortFunc(all, func(one, other promise) int { return one.received.Compare(other.received) })
	return all
}

// times is so many sets of each client.
func times(count int) func(int, promise) bool {
	return func(made int, _ promise) bool { return made < count }
}

// untilUnavailable is sets until each client is told that no more are taken.
func untilUnavailable(_ int, last promise) bool {
	return last.failure == nil || last.failure.Name != "unavailable"
}

// newPromise is a set that nobody has asked for yet. No two store the same.
func newPromise(random *rand.Rand) promise {
	return promise{
		namespace: promisedNamespaces[random.IntN(len(promisedNamespaces))],
		group:     fmt.Sprintf("group-%d", random.IntN(3)),
		key:       fmt.Sprintf("key-%d", random.IntN(12)),
		value:     fmt.Sprintf("%016x", random.Uint64()) + strings.Repeat("v", random.IntN(6000)),
	}
}

// ask makes the request and notes the answer.
func (promise *promise) ask(ctx context.Context, connection *nats.Conn) error {
	subject := strings.Join([]string{"store", promise.namespace, "set", promise.group, promise.key}, ".")
	promise.sent = time.Now()
	reply, err := connection.RequestWithContext(ctx, subject, []byte(promise.value))
	promise.received = time.Now()
	if err != nil {
		return err
	}
	var body struct {
		Revision uint64
		Error    *failure
	}
	err = json.Unmarshal(reply.Data, &body)
	promise.revision, promise.failure = body.Revision, body.Error
	return err
}

// kept returns those that were a success when told by a moment.
func kept(promises []promise, moment time.Time) []promise {
	return slices.DeleteFunc(slices.Clone(promises), func(one promise) bool {
		return one.failure != nil || one.received.After(moment)
	})
}

// missing names those that do not stand in the logs at their revision.
func missing(promises []promise, logs map[string][]store.Event) (names []string) {
	for _, one := range promises {
		if !one.isIn(logs[one.namespace]) {
			names = append(names, fmt.Sprintf("%s/%d (%s %s)", one.namespace, one.revision, one.group, one.key))
		}
	}
	return names
}
