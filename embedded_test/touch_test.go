// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTouch_Reply_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", "v")
	set := acme.entry(t, "default", "k")

	t.Run("SetsWhenTheKeyExpires", func(t *testing.T) {
		before := time.Now()
		reply := decode[touchReply](t, acme.call(t, "touch", `{"key":"k","ttl":"1h"}`))
		assert.Equal(t, set.Revision+1, reply.Revision)
		requireExpiry(t, reply.ExpiresAt, before, time.Hour)
		got := acme.entry(t, "default", "k")
		assert.Equal(t, reply.Revision, got.Revision, "an entry stands at the revision of its last change")
		assert.Equal(t, set.Value, got.Value)
		require.NotNil(t, got.ExpiresAt)
		assert.True(t, reply.ExpiresAt.Equal(*got.ExpiresAt))
	})
	t.Run("NeverClearsIt", func(t *testing.T) {
		reply := acme.call(t, "touch", `{"key":"k","ttl":"never"}`)
		assert.JSONEq(t, `{"revision":3}`, string(reply.Data))
		assert.Nil(t, acme.entry(t, "default", "k").ExpiresAt)
	})
	t.Run("IsAlwaysAChange", func(t *testing.T) {
		assert.JSONEq(t, `{"revision":4}`, string(acme.call(t, "touch", `{"key":"k","ttl":"never"}`).Data))
		assert.Equal(t, uint64(4), acme.revision(t))
	})
	t.Run("AtTheRevisionItStandsAt", func(t *testing.T) {
		assert.Equal(t, uint64(5), decode[touchReply](t, acme.call(t, "touch", `{"key":"k","ttl":60,"if_revision":4}`)).Revision)
	})
	t.Run("OfAGroup", func(t *testing.T) {
		acme.set(t, "sessions", "s", "v")
		assert.Equal(t, uint64(7), decode[touchReply](t, acme.call(t, "touch", `{"group":"sessions","key":"s","ttl":"never"}`)).Revision)
		assert.Equal(t, uint64(7), acme.entry(t, "sessions", "s").Revision)
	})
}

// requireExpiry asserts that a key expires ttl after a request that was sent after asked.
func requireExpiry(t *testing.T, expiresAt *time.Time, asked time.Time, ttl time.Duration) {
	t.Helper()
	require.NotNil(t, expiresAt)
	assert.WithinRange(t, *expiresAt, asked.Add(ttl-time.Millisecond), time.Now().Add(ttl+2*time.Millisecond))
}

func TestTouch_Event_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "config", "theme", "dark")
	events := acme.events(t)
	reply := decode[touchReply](t, acme.call(t, "touch", `{"group":"config","key":"theme","ttl":"1h"}`))
	decode[touchReply](t, acme.call(t, "touch", `{"group":"config","key":"theme","ttl":"never"}`))

	touched, cleared := nextEvent(t, events), nextEvent(t, events)
	require.NotNil(t, touched.ExpiresAt)
	assert.True(t, touched.ExpiresAt.Equal(*reply.ExpiresAt))
	assert.Nil(t, cleared.ExpiresAt, "expires_at where the key expires")
	for index, change := range []event{touched, cleared} {
		assert.Equal(t, "touch", change.Type)
		assert.Equal(t, uint64(index+2), change.Revision)
		assert.Equal(t, uint64(index+1), *change.Previous)
		assert.Equal(t, "theme", *change.Key)
		assert.Nil(t, change.Value, "value and created stand in a set only")
		assert.Nil(t, change.Created)
		assert.Nil(t, change.Transaction)
	}
}

func TestTouch_Request_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", "v")
	standing := acme.set(t, "default", "k", "w")

	t.Run("OfAMissingKey", func(t *testing.T) {
		requireFailure(t, acme.call(t, "touch", `{"key":"missing","ttl":"1h"}`), 404, "not_found")
		requireFailure(t, acme.call(t, "touch", `{"group":"nobody","key":"k","ttl":"never"}`), 404, "not_found")
	})
	t.Run("TakesNoKeep", func(t *testing.T) {
		requireBadField(t, acme.call(t, "touch", `{"key":"k","ttl":"keep"}`), "ttl")
	})
	t.Run("AtAnotherRevision", func(t *testing.T) {
		for body, current := range map[string]uint64{
			`{"key":"k","ttl":"1h","if_revision":1}`:       standing,
			`{"key":"k","ttl":"1h","if_revision":0}`:       standing,
			`{"key":"missing","ttl":"1h","if_revision":2}`: 0,
		} {
			requireConflict(t, acme.call(t, "touch", body), current)
		}
	})
	t.Run("AGuardIsLookedAtBeforeTheKey", func(t *testing.T) {
		requireFailure(t, acme.call(t, "touch", `{"key":"missing","ttl":"1h","if_revision":0}`), 404, "not_found")
	})
	assert.Equal(t, standing, acme.revision(t), "nothing was changed")
}

// requireConflict asserts a 409 that names the current revision of the key.
func requireConflict(t *testing.T, got answer, current uint64) {
	t.Helper()
	conflict := requireFailure(t, got, 409, "revision_conflict")
	require.NotNil(t, conflict.CurrentRevision, "0 is said too")
	assert.Equal(t, current, *conflict.CurrentRevision)
}

func TestTouch_Raw_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "a.b", "k*", "v")
	reply := acme.raw(t, "touch", "a.b", "k*", nil, headerTTL, "1h")
	body := decode[touchReply](t, reply)
	assert.Equal(t, uint64(2), body.Revision)
	assert.Equal(t, "2", reply.Header.Get(headerRevision))
	require.NotNil(t, body.ExpiresAt)
	header, err := time.Parse(time.RFC3339Nano, reply.Header.Get(headerExpiresAt))
	require.NoError(t, err)
	assert.True(t, body.ExpiresAt.Equal(header))

	never := acme.raw(t, "touch", "a.b", "k*", nil, headerTTL, "never", headerIfRevision, "2")
	assert.JSONEq(t, `{"revision":3}`, string(never.Data))
	assert.NotContains(t, never.Header, headerExpiresAt)
	assert.NotContains(t, never.Header, headerErrorCode)
}

func TestTouch_Raw_Bad(t *testing.T) {
	acme := newNamespace(t)
	standing := acme.set(t, "g", "k", "v")

	t.Run("RefusesAPayload", func(t *testing.T) {
		requireFailure(t, acme.raw(t, "touch", "g", "k", []byte("v"), headerTTL, "1h"), 400, "bad_request")
	})
	t.Run("WantsATTL", func(t *testing.T) {
		requireBadField(t, acme.raw(t, "touch", "g", "k", nil), headerTTL)
	})
	for _, ttl := range []string{"keep", "0", "-1s", "", "soon"} {
		t.Run("RefusesTheTTL_"+ttl, func(t *testing.T) {
			requireBadField(t, acme.raw(t, "touch", "g", "k", nil, headerTTL, ttl), headerTTL)
		})
	}
	t.Run("OfAMissingKey", func(t *testing.T) {
		missing := acme.raw(t, "touch", "g", "missing", nil, headerTTL, "1h")
		requireFailure(t, missing, 404, "not_found")
		assert.NotContains(t, missing.Header, headerRevision)
	})
	t.Run("AtAnotherRevision", func(t *testing.T) {
		requireConflict(t, acme.raw(t, "touch", "g", "k", nil, headerTTL, "1h", headerIfRevision, strconv.Itoa(int(standing+1))), standing)
	})
	t.Run("RefusesTokensThatAreNotCanonical", func(t *testing.T) {
		requireBadField(t, acme.rawToken(t, "touch", "%41", "k", nil, headerTTL, "1h"), "group")
		requireBadField(t, acme.rawToken(t, "touch", "g", "%2e", nil, headerTTL, "1h"), "key")
	})
	assert.Equal(t, standing, acme.revision(t), "nothing was changed")
}

func TestTouch_Get_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "config", "theme", "dark")
	events := acme.events(t)

	t.Run("ReadsTheEntryAndSetsWhenItExpires", func(t *testing.T) {
		before := time.Now()
		got := decode[entry](t, acme.call(t, "get", `{"group":"config","key":"theme","ttl":"1h"}`))
		assert.Equal(t, "dark", *got.Value)
		assert.Equal(t, uint64(2), got.Revision, "the entry is as the touch leaves it")
		requireExpiry(t, got.ExpiresAt, before, time.Hour)
		assert.Equal(t, got, acme.entry(t, "config", "theme"))
		assert.Equal(t, "touch", nextEvent(t, events).Type)
	})
	t.Run("NeverClearsIt", func(t *testing.T) {
		got := decode[entry](t, acme.call(t, "get", `{"group":"config","key":"theme","ttl":"never"}`))
		assert.Equal(t, uint64(3), got.Revision)
		assert.Nil(t, got.ExpiresAt)
		assert.Equal(t, "touch", nextEvent(t, events).Type)
	})
	t.Run("InTheRawForm", func(t *testing.T) {
		got := acme.raw(t, "get", "config", "theme", nil, headerTTL, "90s")
		require.NotContains(t, got.Header, headerErrorCode)
		assert.Equal(t, "dark", string(got.Data))
		assert.Equal(t, "4", got.Header.Get(headerRevision))
		assert.NotEmpty(t, got.Header.Get(headerExpiresAt))
		assert.Equal(t, uint64(4), nextEvent(t, events).Revision)
	})
	t.Run("WithoutATTLIsNoChange", func(t *testing.T) {
		assert.Equal(t, uint64(4), acme.entry(t, "config", "theme").Revision)
		requireSilence(t, acme.connection, events.Subscription)
	})
}

func TestTouch_Get_Bad(t *testing.T) {
	acme := newNamespace(t)
	standing := acme.set(t, "default", "k", "v")
	requireFailure(t, acme.call(t, "get", `{"key":"missing","ttl":"1h"}`), 404, "not_found")
	requireBadField(t, acme.call(t, "get", `{"key":"k","ttl":"keep"}`), "ttl")
	requireBadField(t, acme.raw(t, "get", "default", "k", nil, headerTTL, "keep"), headerTTL)
	assert.Equal(t, standing, acme.revision(t), "nothing was changed")
}
