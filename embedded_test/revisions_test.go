// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

func TestRevisions_Set_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")

	first := acme.call(t, "set", `{"group":"config","key":"theme","value":"dark"}`)
	assert.JSONEq(t, `{"revision":1,"created":true}`, string(first.Data))
	second := acme.call(t, "set", `{"group":"config","key":"theme","value":"dark"}`)
	assert.JSONEq(t, `{"revision":2,"created":false}`, string(second.Data), "the same value again is a change")

	got := decode[entry](t, acme.call(t, "get", `{"group":"config","key":"theme"}`))
	assert.Equal(t, "dark", *got.Value)
	assert.Equal(t, uint64(2), got.Revision)
	assert.Nil(t, got.ExpiresAt)
	assert.WithinDuration(t, time.Now(), got.UpdatedAt, patience)
	assert.Equal(t, time.UTC, got.UpdatedAt.Location())
	exists := acme.call(t, "exists", `{"group":"config","key":"theme"}`)
	assert.JSONEq(t, `{"exists":true,"revision":2}`, string(exists.Data))
}

func TestRevisions_Delete_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.acme.>")
	acme.set(t, "config", "theme", "dark")

	removed := acme.call(t, "delete", `{"group":"config","key":"theme"}`)
	assert.JSONEq(t, `{"deleted":true,"revision":2}`, string(removed.Data))
	requireFailure(t, acme.call(t, "get", `{"group":"config","key":"theme"}`), 404, "not_found")
	assert.JSONEq(t, `{"exists":false}`, string(acme.call(t, "exists", `{"group":"config","key":"theme"}`).Data))

	t.Run("OfAMissingKeyIsNoChange", func(t *testing.T) {
		again := acme.call(t, "delete", `{"group":"config","key":"theme"}`)
		assert.JSONEq(t, `{"deleted":false,"revision":2}`, string(again.Data))
		acme.set(t, "config", "theme", "light")
		for revision := uint64(1); revision <= 3; revision++ {
			assert.Equal(t, revision, decodeBody[event](t, receive(t, events).Data).Revision, "it has no event")
		}
	})
	t.Run("ANewKeyIsCreatedAgain", func(t *testing.T) {
		acme.remove(t, "config", "theme")
		reply := decode[setReply](t, acme.call(t, "set", `{"group":"config","key":"theme","value":"x"}`))
		assert.Equal(t, uint64(5), reply.Revision)
		assert.True(t, *reply.Created)
	})
}

func TestRevisions_IfRevision_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")

	t.Run("ZeroMeansNotThere", func(t *testing.T) {
		reply := decode[setReply](t, acme.call(t, "set", `{"key":"k","value":"a","if_revision":0}`))
		assert.Equal(t, uint64(1), reply.Revision)
	})
	t.Run("TheRevisionItStandsAt", func(t *testing.T) {
		reply := decode[setReply](t, acme.call(t, "set", `{"key":"k","value":"b","if_revision":1}`))
		assert.Equal(t, uint64(2), reply.Revision)
	})
	t.Run("Delete", func(t *testing.T) {
		reply := decode[deleteReply](t, acme.call(t, "delete", `{"key":"k","if_revision":2}`))
		assert.Equal(t, deleteReply{Deleted: true, Revision: 3}, reply)
	})
	t.Run("DeleteOfWhatIsNotThere", func(t *testing.T) {
		reply := decode[deleteReply](t, acme.call(t, "delete", `{"key":"k","if_revision":0}`))
		assert.Equal(t, deleteReply{Deleted: false, Revision: 3}, reply)
	})
}

func TestRevisions_IfRevision_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	acme.set(t, "other", "first", "v")
	standing := acme.set(t, "default", "k", "v")

	for outcome, test := range map[string]struct {
		verb, body string
		current    uint64
	}{
		"SetAtAnOlderRevision":    {"set", `{"key":"k","value":"w","if_revision":1}`, standing},
		"SetAtALaterRevision":     {"set", `{"key":"k","value":"w","if_revision":9007199254740993}`, standing},
		"SetOfAKeyThatIsThere":    {"set", `{"key":"k","value":"w","if_revision":0}`, standing},
		"SetOfAMissingKey":        {"set", `{"key":"missing","value":"w","if_revision":2}`, 0},
		"DeleteAtAnOtherRevision": {"delete", `{"key":"k","if_revision":1}`, standing},
		"DeleteOfAKeyThatIsThere": {"delete", `{"key":"k","if_revision":0}`, standing},
		"DeleteOfAMissingKey":     {"delete", `{"key":"missing","if_revision":2}`, 0},
	} {
		t.Run(outcome, func(t *testing.T) {
			conflict := requireFailure(t, acme.call(t, test.verb, test.body), 409, "revision_conflict")
			require.NotNil(t, conflict.CurrentRevision, "0 is said too")
			assert.Equal(t, test.current, *conflict.CurrentRevision)
		})
	}
	assert.Equal(t, standing, acme.revision(t), "nothing was changed")
	assert.Equal(t, "v", *decode[entry](t, acme.call(t, "get", `{"key":"k"}`)).Value)
}

func TestRevisions_Race_Ugly(t *testing.T) {
	const clients, keys = 8, 25
	sidecar := startSidecar(t)
	var winners atomic.Int64
	var group sync.WaitGroup
	for range clients {
		connection := connect(t, sidecar.NATSURL())
		group.Go(func() {
			for key := range keys {
				body := fmt.Sprintf(`{"key":"%d","value":"v","if_revision":0}`, key)
				reply, err := connection.Request("store.acme.set", []byte(body), patience)
				if !assert.NoError(t, err) {
					return
				}
				switch code := reply.Header.Get(headerErrorCode); code {
				case "":
					winners.Add(1)
				default:
					assert.Equal(t, "409", code)
				}
			}
		})
	}
	group.Wait()
	assert.Equal(t, int64(keys), winners.Load(), "of those who create a key at the same time one wins")
}

func TestRevisions_Restart_Good(t *testing.T) {
	settings := embeddedConfig(t, func(*storebus.Config) {})
	first := startSidecarWith(t, settings)
	acme := newTenant(t, first.NATSURL(), "acme")
	acme.set(t, "config", "theme", "dark")
	acme.set(t, "config", "size", "12")
	acme.remove(t, "config", "size")
	before := decode[entry](t, acme.call(t, "get", `{"group":"config","key":"theme"}`))
	logBefore := decode[changesReply](t, acme.call(t, "changes", `{"after":0}`))
	statusBefore := readStatus(t, acme.connection)
	require.NoError(t, first.Close())

	again := startSidecarWith(t, settings)
	acme = newTenant(t, again.NATSURL(), "acme")
	assert.Equal(t, before, decode[entry](t, acme.call(t, "get", `{"group":"config","key":"theme"}`)))
	assert.Equal(t, logBefore, decode[changesReply](t, acme.call(t, "changes", `{"after":0}`)))
	assert.Equal(t, uint64(4), acme.set(t, "config", "size", "13"), "the revision goes on where it was")
	statusAfter := readStatus(t, acme.connection)
	assert.Equal(t, statusBefore.Store, statusAfter.Store)
	assert.NotEqual(t, statusBefore.Instance, statusAfter.Instance)
}
