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

// promiseClients is the number of clients that write at once.
const promiseClients = 16

// promisedNamespaces are the namespaces of these clients.
var promisedNamespaces = []string{"power-0", "power-1", "power-2"}

// promise is a set, and the reply to its client.
type promise struct {
	namespace, group, key, value string
	// revision is set after a success, failure after any error.
	revision uint64
	failure  *failure
	// sent is the time before the request, received the time after the reply.
	sent, received time.Time
}

// isIn reports whether the set is in the log of its namespace.
func (promise *promise) isIn(log []store.Event) bool {
	if promise.revision > uint64(len(log)) {
		return false
	}
	event := log[promise.revision-1]
	return event.LocalGroup() == promise.group && event.Key == promise.key && event.Value == promise.value
}

// setConcurrently lets every client make one set after the other, with values of up to
// 6,000 bytes. A client goes on while more, called with its number of sets and the last
// one, returns true. The results are in the order of the replies.
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

// times lets each client make count sets.
func times(count int) func(int, promise) bool {
	return func(made int, _ promise) bool { return made < count }
}

// untilUnavailable lets each client go on until a set is refused as unavailable.
func untilUnavailable(_ int, last promise) bool {
	return last.failure == nil || last.failure.Name != "unavailable"
}

// newPromise is a set that has not been sent. No two store the same value.
func newPromise(random *rand.Rand) promise {
	return promise{
		namespace: promisedNamespaces[random.IntN(len(promisedNamespaces))],
		group:     fmt.Sprintf("group-%d", random.IntN(3)),
		key:       fmt.Sprintf("key-%d", random.IntN(12)),
		value:     fmt.Sprintf("%016x", random.Uint64()) + strings.Repeat("v", random.IntN(6000)),
	}
}

// ask makes the request and keeps the reply.
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

// kept returns the promises whose success reply had arrived by a moment.
func kept(promises []promise, moment time.Time) []promise {
	return slices.DeleteFunc(slices.Clone(promises), func(one promise) bool {
		return one.failure != nil || one.received.After(moment)
	})
}

// missing names the promises that are not in the logs at their revision.
func missing(promises []promise, logs map[string][]store.Event) (names []string) {
	for _, one := range promises {
		if !one.isIn(logs[one.namespace]) {
			names = append(names, fmt.Sprintf("%s/%d (%s %s)", one.namespace, one.revision, one.group, one.key))
		}
	}
	return names
}
