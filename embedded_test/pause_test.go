// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package embedded_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A sidecar is stopped for a while, and a second one is started with another database. Whatever
// the second one does, each write that is acknowledged afterwards is in the database of the only
// one that answers.
func TestPause_Stop_Ugly(t *testing.T) {
	t.Parallel()
	t.Run("TheSecondIsRefusedWhileTheBrokerKnowsTheFirst", func(t *testing.T) {
		t.Parallel()
		outside := startBroker(t, "127.0.0.1:0")
		first := startServe(t, outside.URL(), filepath.Join(t.TempDir(), "first.db"))
		acme := newTenant(t, outside.URL(), "acme")
		acme.set(t, "g", "before", "v")
		require.NoError(t, first.native.Signal(syscall.SIGSTOP))
		waiting := acme.queueSets(t, 10)
		// Each attempt takes longer than half a second.
		for range 2 {
			second := startProcess(t, storebusBinary(t), nil, "serve", "--nats", outside.URL(), "--database", filepath.Join(t.TempDir(), "second.db"), "--http", "")
			second.requireRefused(t, "another storebus serves this prefix", "does not answer")
		}
		require.NoError(t, first.native.Signal(syscall.SIGCONT))
		first.says(t, "the process was stopped")
		first.says(t, "another storebus has asked who serves this prefix")
		first.says(t, "requests are answered")
		acme.set(t, "g", "after", "v")
		assert.Len(t, acknowledged(t, waiting, 10), 10, "writes that came while it was stopped")
		assert.Equal(t, "v", acme.value(t, "g", "before"))
		assert.Zero(t, first.terminate(t))
	})
	t.Run("TheFirstGivesWayAfterTheBrokerHasForgottenIt", func(t *testing.T) {
		t.Parallel()
		outside := startBroker(t, "127.0.0.1:0")
		between := startProxy(t, outside.address)
		first := startServe(t, between.URL(), filepath.Join(t.TempDir(), "first.db"), "--http", "")
		acme := newTenant(t, outside.URL(), "acme")
		acme.set(t, "g", "before", "v")
		firstStore := readStatus(t, acme.connection).Store
		require.NoError(t, first.native.Signal(syscall.SIGSTOP))
		before := between.delivered.Load()
		waiting := acme.queueSets(t, 10)
		require.Eventually(t, func() bool { return between.delivered.Load()-before > 10*queuedBytes }, patience, time.Millisecond)
		between.cut(func(int) bool { return true })
		second := startServe(t, outside.URL(), filepath.Join(t.TempDir(), "second.db"), "--http", "")
		acme.set(t, "g", "second", "v")

		require.NoError(t, first.native.Signal(syscall.SIGCONT))
		sure := acme.setUntil(t, first.exited)
		assert.NotZero(t, first.wait(t))
		assert.Contains(t, first.errors.String(), "another storebus serves this prefix")
		secondStore := readStatus(t, acme.connection).Store
		assert.Contains(t, first.errors.String(), secondStore)
		second.says(t, "another storebus has asked who serves this prefix")
		assert.Contains(t, second.errors.String(), firstStore)
		sure = append(sure, acknowledged(t, waiting, 0)...)
		for _, key := range append(sure, "second") {
			assert.Equal(t, "v", acme.value(t, "g", key), key)
		}
	})
	t.Run("ItsOwnDeadConnectionRefusesNobody", func(t *testing.T) {
		t.Parallel()
		outside := startBroker(t, "127.0.0.1:0")
		between := startProxy(t, outside.address)
		database := filepath.Join(t.TempDir(), "first.db")
		first := startServe(t, between.URL(), database, "--http", "")
		acme := newTenant(t, outside.URL(), "acme")
		between.hold(func(int) bool { return true })
		acme.queueSets(t, 1)
		require.Eventually(t, between.holdsBack, patience, time.Millisecond)
		first.kill(t)
		startServe(t, outside.URL(), database, "--http", "")
	})
}

// A sidecar that the broker has lost looks for others before it answers again.
func TestPause_Cut_Ugly(t *testing.T) {
	t.Parallel()
	outside := startBroker(t, "127.0.0.1:0")
	between := startProxy(t, outside.address)
	first := startServe(t, between.URL(), filepath.Join(t.TempDir(), "first.db"), "--http", "")
	acme := newTenant(t, outside.URL(), "acme")
	acme.set(t, "g", "before", "v")
	between.refuses.Store(true)
	between.cut(func(int) bool { return true })
	second := startServe(t, outside.URL(), filepath.Join(t.TempDir(), "second.db"), "--http", "")
	acme.set(t, "g", "second", "v")
	between.refuses.Store(false)
	for _, key := range append(acme.setUntil(t, first.exited), "second") {
		assert.Equal(t, "v", acme.value(t, "g", key), key)
	}
	assert.NotZero(t, first.wait(t))
	assert.Contains(t, first.errors.String(), "another storebus serves this prefix")
	second.says(t, "another storebus has asked who serves this prefix")
}

// requireRefused waits until a sidecar has ended without having served.
func (process *process) requireRefused(t *testing.T, reasons ...string) {
	t.Helper()
	select {
	case line := <-process.lines:
		require.NotContains(t, line, readyLine)
	case <-process.exited:
	}
	assert.Equal(t, 1, process.wait(t))
	for _, reason := range reasons {
		assert.Contains(t, process.errors.String(), reason)
	}
}

// queuedBytes is the size of a value of queueSets.
const queuedBytes = 1

// queueSets sends writes that nobody answers yet. Their replies come to the subscription, each on a
// subject that ends with its key.
func (tenant *tenant) queueSets(t *testing.T, count int) *nats.Subscription {
	t.Helper()
	inbox := tenant.connection.NewInbox()
	replies := subscribe(t, tenant.connection, inbox+".*")
	for number := range count {
		key := fmt.Sprintf("queued-%d", number)
		require.NoError(t, tenant.connection.PublishRequest("store."+tenant.namespace+".set", inbox+"."+key,
			fmt.Appendf(nil, `{"group":"g","key":%q,"value":"v"}`, key)))
	}
	require.NoError(t, tenant.connection.Flush())
	return replies
}

// acknowledged returns the keys of the writes that were acknowledged. It waits for so many replies,
// and takes those that the broker has.
func acknowledged(t *testing.T, replies *nats.Subscription, atLeast int) (keys []string) {
	t.Helper()
	for count := 0; ; count++ {
		wait := time.Millisecond
		if count < atLeast {
			wait = patience
		}
		reply, err := replies.NextMsg(wait)
		if err != nil {
			require.GreaterOrEqual(t, count, atLeast)
			return keys
		}
		if reply.Header.Get(headerErrorCode) == "" {
			keys = append(keys, reply.Subject[strings.LastIndex(reply.Subject, ".")+1:])
		}
	}
}

// setUntil writes until the channel is closed, and returns the keys of the acknowledged writes.
func (tenant *tenant) setUntil(t *testing.T, done <-chan struct{}) (keys []string) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for number := 0; ; number++ {
		select {
		case <-done:
			require.NoError(t, tenant.connection.Flush())
			return keys
		case <-timer.C:
			require.FailNow(t, "both sidecars go on")
		default:
		}
		key := fmt.Sprintf("late-%d", number)
		reply, err := tenant.connection.Request("store."+tenant.namespace+".set", fmt.Appendf(nil, `{"group":"g","key":%q,"value":"v"}`, key), 5*time.Second)
		if err == nil && reply.Header.Get(headerErrorCode) == "" {
			keys = append(keys, key)
		}
	}
}
