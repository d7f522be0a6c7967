// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
)

// startAccount starts a broker that accepts messages of one megabyte, with two users in an
// account that may send less. It returns the broker's address without a user.
func startAccount(t *testing.T, accountPayload int) (address string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "nats.conf")
	text := fmt.Sprintf(`accounts { A { users = [{user: a, password: p}], limits { max_payload: %d } } }`, accountPayload)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	options, err := server.ProcessConfigFile(path)
	require.NoError(t, err)
	return startServer(t, options).Addr().String()
}

// again repeats a request until a sidecar answers it: the sidecar is being replaced.
func (tenant *tenant) again(t *testing.T, subject string, data []byte) answer {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		reply, err := tenant.connection.Request(subject, data, time.Second)
		if err == nil {
			return answer{reply}
		}
		require.True(t, errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout), err)
		require.True(t, time.Now().Before(deadline), err)
	}
}

// If an account may send less than its server accepts, the broker says so a moment after
// the sidecar has connected. A value stored right after a reconnect can be read all the
// same.
func TestPayload_Account_Ugly(t *testing.T) {
	t.Parallel()
	const accountPayload = 128 << 10
	address := startAccount(t, accountPayload)
	between := startProxy(t, address)
	logged := &lockedBuffer{}
	config := outsideConfig(t, strings.Replace(between.URL(), "nats://", "nats://a:p@", 1))
	config.Logger = slog.New(slog.NewTextHandler(logged, nil))
	startSidecarWith(t, config)
	acme := &tenant{connection: connect(t, "nats://"+address, nats.UserInfo("a", "p")), namespace: "acme"}
	value := []byte(strings.Repeat("\x01", 110<<10)) // more than the limit of a value, less than the account's payload
	for round := range 8 {
		refused := acme.again(t, "store.acme.set.g.k", value)
		failure := requireFailure(t, refused, 413, "too_large")
		assert.Equal(t, uint64(accountPayload-32<<10), *failure.Limit, "round %d", round)
		largest := strings.Repeat("x", accountPayload-32<<10-envelope)
		decode[setReply](t, acme.again(t, "store.acme.set.g.largest", []byte(largest)))
		assert.Len(t, acme.value(t, "g", "largest"), len(largest))
		between.cut(func(int) bool { return true })
	}
	acme.again(t, "store.acme.get", []byte(`{"group":"g","key":"largest"}`))
	assert.NotContains(t, strings.ToLower(logged.String()), "maximum payload")
}

// The account's limit applies at the start too.
func TestPayload_Account_Bad(t *testing.T) {
	config := outsideConfig(t, "nats://a:p@"+startAccount(t, 32<<10))
	for range 5 {
		requireStartFails(t, config, storebus.ErrPayloadTooSmall.Error())
	}
}

// If the connection for events carries less, it limits the stored values. The order of the
// two connections does not matter.
func TestPayload_Events_Good(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "nats.conf")
	text := `accounts {
		A { users = [{user: a, password: p}] }
		B { users = [{user: b, password: p}], limits { max_payload: 131072 } }
	}`
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	options, err := server.ProcessConfigFile(path)
	require.NoError(t, err)
	address := startServer(t, options).Addr().String()
	between := startProxy(t, address)
	config := outsideConfig(t, between.URL())
	config.NATS.User, config.NATS.Password = "a", "p"
	config.EventsNATS = storebus.NATSCredentials{User: "b", Password: "p"}
	startSidecarWith(t, config)
	acme := &tenant{connection: connect(t, "nats://"+address, nats.UserInfo("a", "p")), namespace: "acme"}
	for range 3 {
		refused := acme.again(t, "store.acme.set.g.k", []byte(strings.Repeat("x", 100<<10)))
		requireFailure(t, refused, 413, "too_large")
		between.cut(func(index int) bool { return index == 0 }) // the connection for requests
	}
	acme.again(t, "store.acme.set.g.k", []byte("v"))
}

// longKind is the name of a kind with the longest encoding. Each index gives another one.
func longKind(index int) string { return strings.Repeat(`"`, 120) + fmt.Sprint(index) }

// If a workspace accepts a put, it can be committed. On a small broker the put that would
// make the summary too large is refused, and not the commit.
func TestPayload_Summary_Bad(t *testing.T) {
	t.Parallel()
	for _, payload := range []int32{64 << 10, 128 << 10} {
		t.Run(fmt.Sprintf("%dKiB", payload>>10), func(t *testing.T) {
			broker := startServer(t, &server.Options{MaxPayload: payload})
			config := outsideConfig(t, broker.ClientURL())
			config.Durability = store.DurabilityRelaxed
			startSidecarWith(t, config)
			acme := newTenant(t, broker.ClientURL(), "acme")
			put := func(workspace string, index int) answer {
				return acme.call(t, "workspace_put", object(t, "workspace", workspace, "kind", longKind(index), "data", index))
			}
			for _, workspace := range []string{"plain", "identified"} {
				acme.openWorkspace(t, workspace)
				taken := 0
				for ; ; taken++ {
					require.Less(t, taken, 1000)
					if reply := put(workspace, taken); reply.Header.Get(headerErrorCode) != "" {
						refused := requireFailure(t, reply, 413, "too_large")
						assert.Contains(t, refused.Message, fmt.Sprintf("the summary of workspace %q, %d kinds, takes", workspace, taken+1))
						assert.Equal(t, uint64(payload-32<<10), *refused.Limit)
						break
					}
				}
				require.Greater(t, taken, 50)
				assert.Equal(t, taken+1, decode[putReply](t, put(workspace, 0)).Entries, "a kind that is there takes no more")
				assert.Len(t, decode[summaryReply](t, acme.call(t, "workspace_aggregate", object(t, "workspace", workspace))).Summary, taken)
				var committed commitReply
				if workspace == "plain" {
					committed = decode[commitReply](t, acme.call(t, "workspace_commit", object(t, "workspace", workspace)))
				} else {
					first := acme.identified(t, "the commit", "workspace_commit", object(t, "workspace", workspace))
					committed = decode[commitReply](t, first)
					requireReplayed(t, requireFirst(t, first), acme.identified(t, "the commit", "workspace_commit", object(t, "workspace", workspace)))
				}
				assert.Len(t, committed.Summary, taken)
				assert.NotNil(t, acme.entry(t, "workspace:"+workspace, "summary").Value)
				found := decode[pointsReply](t, acme.call(t, "journal_query", object(t, "flux", `from(bucket: "b") |> range(start: -1h) |> filter(fn: (r) => r._measurement == "`+workspace+`")`)))
				require.Len(t, found.Rows, 1)
				assert.False(t, found.Rows[0].ValueOmitted)
			}
		})
	}
}

// On a broker of the default size every workspace can be committed with an id, as every
// client does.
func TestPayload_Summary_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.openWorkspace(t, "w")
	for index := range 300 {
		acme.putEntry(t, "w", longKind(index), "1")
	}
	committed := acme.identified(t, "the commit", "workspace_commit", `{"workspace":"w"}`)
	assert.Greater(t, len(committed.Data), 64<<10, "more than other answers with an id may have")
	assert.Len(t, decode[commitReply](t, committed).Summary, 300)
}

// If a workspace was filled on a broker that carries more, the commit names the part that
// is too large.
func TestPayload_Summary_Ugly(t *testing.T) {
	database := filepath.Join(t.TempDir(), "storebus.db")
	large := startServer(t, &server.Options{})
	first := startServe(t, large.ClientURL(), database)
	acme := newTenant(t, large.ClientURL(), "acme")
	acme.openWorkspace(t, "w")
	for index := range 100 {
		acme.putEntry(t, "w", longKind(index), "1")
	}
	require.Zero(t, first.terminate(t))
	small := startServer(t, &server.Options{MaxPayload: 64 << 10})
	startServe(t, small.ClientURL(), database)
	acme = newTenant(t, small.ClientURL(), "acme")
	for _, refused := range []answer{
		acme.call(t, "workspace_commit", `{"workspace":"w"}`), acme.identified(t, "an id", "workspace_commit", `{"workspace":"w"}`),
		acme.call(t, "workspace_put", object(t, "workspace", "w", "kind", longKind(7), "data", 1)),
	} {
		failure := requireFailure(t, refused, 413, "too_large")
		assert.Contains(t, failure.Message, `the summary of workspace "w", 100 kinds, takes`)
		assert.Equal(t, uint64(32<<10), *failure.Limit)
	}
	requireFields(t, acme.call(t, "workspace_discard", `{"workspace":"w"}`), "discarded")
}

// A listing of workspaces has pages. Each fits into a message, and each workspace appears
// once.
func TestPayload_Workspaces_Good(t *testing.T) {
	t.Parallel()
	broker := startServer(t, &server.Options{MaxPayload: 64 << 10})
	config := outsideConfig(t, broker.ClientURL())
	config.Durability = store.DurabilityRelaxed
	startSidecarWith(t, config)
	acme := newTenant(t, broker.ClientURL(), "acme")
	var names []string
	for index := range 300 {
		names = append(names, fmt.Sprintf("%0128d", index))
		acme.openWorkspace(t, names[index])
	}
	for _, limit := range []int{1000, 7} {
		var found []string
		acme.pagesOf(t, "workspaces", "workspaces", map[string]any{"limit": limit}, func(element json.RawMessage) {
			found = append(found, decodeBody[workspaceStatus](t, element).Workspace)
		})
		assert.Equal(t, names, found)
	}
	assert.Len(t, decode[workspacesReply](t, acme.call(t, "workspaces", "")).Workspaces, 100)
	ended := run(t, "", "workspace", "list", "--nats", broker.ClientURL(), "acme")
	require.Zero(t, ended.code, ended.stderr)
	assert.Equal(t, 300, strings.Count(ended.stdout, "\n"))
	for _, after := range []string{"", "g.a", names[0]} {
		requireBadField(t, acme.call(t, "workspaces", object(t, "after", after)), "after")
	}
}
