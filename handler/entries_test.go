// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

func TestEntries_Set_Good(t *testing.T) {
	bench := startService(t, handler.Config{})

	t.Run("CreatesAndReplaces", func(t *testing.T) {
		first := ask[subjects.SetReply](bench, "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)
		second := ask[subjects.SetReply](bench, "store.acme.set", `{"group":"config","key":"theme","value":"light"}`)
		assert.Equal(t, subjects.SetReply{Revision: 1, Created: true}, first)
		assert.Equal(t, subjects.SetReply{Revision: 2}, second)
		entry := ask[subjects.Entry](bench, "store.acme.get", `{"group":"config","key":"theme"}`)
		assert.Equal(t, "light", *entry.Value)
		assert.Equal(t, "config", entry.Group)
		assert.Equal(t, uint64(2), entry.Revision)
		assert.WithinDuration(t, time.Now(), entry.UpdatedAt, time.Minute)
	})
	t.Run("DefaultsToTheDefaultGroup", func(t *testing.T) {
		ask[subjects.SetReply](bench, "store.plain.set", `{"key":"theme","value":"dark"}`)
		entry := ask[subjects.Entry](bench, "store.plain.get", `{"group":"default","key":"theme"}`)
		assert.Equal(t, "dark", *entry.Value)
	})
	t.Run("KeepsNamespacesApart", func(t *testing.T) {
		reply := ask[subjects.SetReply](bench, "store.other.set", `{"group":"config","key":"theme","value":"blue"}`)
		assert.Equal(t, uint64(1), reply.Revision)
		entry := ask[subjects.Entry](bench, "store.acme.get", `{"group":"config","key":"theme"}`)
		assert.Equal(t, "light", *entry.Value)
	})
	t.Run("CarriesBytes", func(t *testing.T) {
		encoded := base64.StdEncoding.EncodeToString([]byte("\xff\x00\xfe"))
		ask[subjects.SetReply](bench, "store.acme.set", `{"key":"bytes","value":"`+encoded+`","encoding":"base64"}`)
		entry := ask[subjects.Entry](bench, "store.acme.get", `{"key":"bytes"}`)
		assert.Equal(t, encoded, *entry.Value)
		assert.Equal(t, subjects.EncodingBase64, *entry.Encoding)
	})
	t.Run("SetsKeepsAndClearsTheExpiry", func(t *testing.T) {
		reply := ask[subjects.SetReply](bench, "store.acme.set", `{"key":"session","value":"a","ttl":"1h"}`)
		assert.WithinDuration(t, time.Now().Add(time.Hour), reply.ExpiresAt, time.Minute)
		kept := ask[subjects.SetReply](bench, "store.acme.set", `{"key":"session","value":"b","ttl":"keep"}`)
		assert.Equal(t, reply.ExpiresAt, kept.ExpiresAt)
		entry := ask[subjects.Entry](bench, "store.acme.get", `{"key":"session"}`)
		assert.Equal(t, reply.ExpiresAt, entry.ExpiresAt)
		cleared := ask[subjects.SetReply](bench, "store.acme.set", `{"key":"session","value":"c"}`)
		assert.Zero(t, cleared.ExpiresAt)
	})
	t.Run("KeepsItsGuard", func(t *testing.T) {
		created := ask[subjects.SetReply](bench, "store.guard.set", `{"key":"k","value":"1","if_revision":0}`)
		ask[subjects.SetReply](bench, "store.guard.set", `{"key":"k","value":"2","if_revision":1}`)
		assert.Equal(t, uint64(1), created.Revision)
	})
	t.Run("TakesANullFieldAsLeftOut", func(t *testing.T) {
		reply := ask[subjects.SetReply](bench, "store.null.set", `{"group":null,"key":"k","value":"v","ttl":null,"if_revision":null,"encoding":null}`)
		assert.True(t, reply.Created)
	})
}

func TestEntries_Set_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"theme","value":"dark"}`)
	refusals := []struct {
		name, body, field string
	}{
		{"NoKey", `{"value":"v"}`, "key"},
		{"EmptyKey", `{"key":"","value":"v"}`, "key"},
		{"LongKey", `{"key":"` + strings.Repeat("k", 2049) + `","value":"v"}`, "key"},
		{"EmptyGroup", `{"group":"","key":"k","value":"v"}`, "group"},
		{"LongGroup", `{"group":"` + strings.Repeat("g", 513) + `","key":"k","value":"v"}`, "group"},
		{"NoValue", `{"key":"k"}`, "value"},
		{"UnknownField", `{"key":"k","value":"v","tll":"1s"}`, "tll"},
		{"FieldInAnotherCase", `{"Key":"k","value":"v"}`, "Key"},
		{"RepeatedField", `{"key":"k","key":"l","value":"v"}`, "key"},
		{"WrongType", `{"key":1,"value":"v"}`, "key"},
		{"NoTimeToLive", `{"key":"k","value":"v","ttl":0}`, "ttl"},
		{"WrongEncoding", `{"key":"k","value":"v","encoding":"hex"}`, "encoding"},
		{"NegativeRevision", `{"key":"k","value":"v","if_revision":-1}`, "if_revision"},
		{"NoObject", `null`, ""},
		{"Empty", ``, "key"},
	}
	for _, refusal := range refusals {
		t.Run(refusal.name, func(t *testing.T) {
			failure := bench.refuse("store.acme.set", refusal.body)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, refusal.field, failure.Field)
		})
	}
	t.Run("ReservedNamespaces", func(t *testing.T) {
		for _, namespace := range []string{"admin", "events", "workspace"} {
			failure := bench.refuse("store."+namespace+".set", `{"key":"k","value":"v"}`)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, "namespace", failure.Field)
		}
	})
	t.Run("AnotherRevision", func(t *testing.T) {
		failure := bench.refuse("store.acme.set", `{"key":"theme","value":"light","if_revision":7}`)
		assert.ErrorIs(t, failure, subjects.ErrRevisionConflict)
		assert.Equal(t, uint64(1), *failure.CurrentRevision)
		assert.Equal(t, "store.Set: default/theme stands at revision 1, not 7", failure.Message)
	})
	t.Run("AMissingKeyWithAGuard", func(t *testing.T) {
		failure := bench.refuse("store.acme.set", `{"key":"none","value":"light","if_revision":7}`)
		assert.ErrorIs(t, failure, subjects.ErrRevisionConflict)
		assert.Zero(t, *failure.CurrentRevision)
	})
	t.Run("TooLarge", func(t *testing.T) {
		failure := bench.refuse("store.acme.set", `{"key":"k","value":"`+strings.Repeat("v", 1<<20-20<<10)+`"}`)
		assert.ErrorIs(t, failure, subjects.ErrTooLarge)
		assert.Equal(t, uint64(limits.EntryBytes), *failure.Limit)
	})
	t.Run("TheGuardComesBeforeTheSize", func(t *testing.T) {
		failure := bench.refuse("store.acme.set", `{"key":"theme","if_revision":9,"value":"`+strings.Repeat("v", 1<<20-20<<10)+`"}`)
		assert.ErrorIs(t, failure, subjects.ErrRevisionConflict)
	})
	t.Run("HeadersOfTheRawForm", func(t *testing.T) {
		for _, header := range []string{subjects.HeaderTTL, subjects.HeaderIfRevision} {
			failure := bench.refuse("store.acme.set", `{"key":"k","value":"v"}`, header, "1")
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, header, failure.Field)
		}
	})
	t.Run("NothingWasChanged", func(t *testing.T) {
		entry := ask[subjects.Entry](bench, "store.acme.get", `{"key":"theme"}`)
		assert.Equal(t, uint64(1), entry.Revision)
		assert.ErrorIs(t, bench.refuse("store.acme.get", `{"key":"k"}`), subjects.ErrNotFound)
	})
}

func TestEntries_Get_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	failure := bench.refuse("store.acme.get", `{"group":"config","key":"thème"}`)
	assert.ErrorIs(t, failure, subjects.ErrNotFound)
	assert.Equal(t, "store.Get: config/thème is not there", failure.Message)
	assert.ErrorIs(t, bench.refuse("store.acme.get", `{"key":"k","value":"v"}`), subjects.ErrBadRequest)
	assert.ErrorIs(t, bench.refuse("store.acme.get.config.theme", ""), subjects.ErrNotFound)
}

func TestEntries_Get_Ugly_ATimeThatHasCome(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"session","value":"v","ttl":"1ms"}`)
	// The expiry is the next change: once it is there, the key is not.
	page := ask[subjects.ChangesReply](bench, "store.acme.changes", `{"after":1,"wait":"5s"}`)
	require.Len(t, page.Changes, 1)
	assert.Equal(t, subjects.EventExpire, page.Changes[0].Type)
	assert.ErrorIs(t, bench.refuse("store.acme.get", `{"key":"session"}`), subjects.ErrNotFound)
}

func TestEntries_Delete_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
	assert.Equal(t, subjects.DeleteReply{Deleted: true, Revision: 2}, ask[subjects.DeleteReply](bench, "store.acme.delete", `{"key":"k","if_revision":1}`))
	assert.Equal(t, subjects.DeleteReply{Revision: 2}, ask[subjects.DeleteReply](bench, "store.acme.delete", `{"key":"k"}`))
	assert.Equal(t, subjects.DeleteReply{}, ask[subjects.DeleteReply](bench, "store.never.delete", `{"key":"k"}`))
	assert.Equal(t, subjects.DeleteReply{Revision: 2}, ask[subjects.DeleteReply](bench, "store.acme.delete", `{"key":"k","if_revision":0}`))
}

func TestEntries_Delete_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
	failure := bench.refuse("store.acme.delete", `{"key":"k","if_revision":0}`)
	assert.ErrorIs(t, failure, subjects.ErrRevisionConflict)
	assert.Equal(t, uint64(1), *failure.CurrentRevision)
	assert.ErrorIs(t, bench.refuse("store.acme.delete", `{}`), subjects.ErrBadRequest)
}

func TestEntries_Exists_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
	assert.Equal(t, subjects.ExistsReply{Exists: true, Revision: 1}, ask[subjects.ExistsReply](bench, "store.acme.exists", `{"key":"k"}`))
	assert.Equal(t, `{"exists":false}`, string(bench.request("store.acme.exists", `{"key":"none"}`).Data))
}

func TestEntries_Raw_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	value := "any \xff\x00 bytes"

	t.Run("SetRepliesWithJSONAndHeaders", func(t *testing.T) {
		reply := bench.request("store.acme.set.a%2Eb.k%2A", value, subjects.HeaderTTL, "1h", subjects.HeaderIfRevision, "0")
		assert.Equal(t, "1", reply.Header.Get(subjects.HeaderRevision))
		expiry, err := time.Parse(time.RFC3339Nano, reply.Header.Get(subjects.HeaderExpiresAt))
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(time.Hour), expiry, time.Minute)
		assert.Contains(t, string(reply.Data), `{"revision":1,"created":true,"expires_at":`)
	})
	t.Run("GetRepliesWithTheValue", func(t *testing.T) {
		reply := bench.request("store.acme.get.a%2Eb.k%2A", "")
		assert.Equal(t, value, string(reply.Data))
		assert.Equal(t, "1", reply.Header.Get(subjects.HeaderRevision))
		assert.NotEmpty(t, reply.Header.Get(subjects.HeaderExpiresAt))
	})
	t.Run("TheNamesAreThoseOfTheJSONForm", func(t *testing.T) {
		entry := ask[subjects.Entry](bench, "store.acme.get", `{"group":"a.b","key":"k*"}`)
		assert.Equal(t, base64.StdEncoding.EncodeToString([]byte(value)), *entry.Value)
	})
	t.Run("SetTakesAnEmptyValue", func(t *testing.T) {
		reply := bench.request("store.acme.set.config.empty", "")
		assert.Equal(t, `{"revision":2,"created":true}`, string(reply.Data))
		assert.Empty(t, reply.Header.Get(subjects.HeaderExpiresAt))
		got := bench.request("store.acme.get.config.empty", "")
		assert.Empty(t, got.Data)
		assert.Equal(t, "2", got.Header.Get(subjects.HeaderRevision))
	})
	t.Run("ExistsTellsTheMissingWithoutHeaders", func(t *testing.T) {
		reply := bench.request("store.acme.exists.config.empty", "")
		assert.Equal(t, `{"exists":true,"revision":2}`, string(reply.Data))
		assert.Equal(t, "2", reply.Header.Get(subjects.HeaderRevision))
		missing := bench.request("store.acme.exists.config.none", "")
		assert.Equal(t, `{"exists":false}`, string(missing.Data))
		assert.Empty(t, missing.Header)
	})
	t.Run("DeleteRepliesWithJSONAndHeaders", func(t *testing.T) {
		reply := bench.request("store.acme.delete.config.empty", "", subjects.HeaderIfRevision, "2")
		assert.Equal(t, `{"deleted":true,"revision":3}`, string(reply.Data))
		assert.Equal(t, "3", reply.Header.Get(subjects.HeaderRevision))
	})
}

func TestEntries_Raw_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)
	refusals := []struct {
		name, subject, payload, field string
		headers                       []string
	}{
		{"GetWithPayload", "store.acme.get.config.theme", "x", "", nil},
		{"DeleteWithPayload", "store.acme.delete.config.theme", "x", "", nil},
		{"ExistsWithPayload", "store.acme.exists.config.theme", "x", "", nil},
		{"TokenNotCanonical", "store.acme.get.config.%74heme", "", "key", nil},
		{"LowerCaseHex", "store.acme.get.a%2eb.theme", "", "group", nil},
		{"NotUTF8", "store.acme.get.%FF.theme", "", "group", nil},
		{"ReservedNamespace", "store.events.get.config.theme", "", "namespace", nil},
		{"TimeToLive", "store.acme.set.config.theme", "v", subjects.HeaderTTL, []string{subjects.HeaderTTL, "soon"}},
		{"EmptyTimeToLive", "store.acme.set.config.theme", "v", subjects.HeaderTTL, []string{subjects.HeaderTTL, ""}},
		{"RepeatedTimeToLive", "store.acme.set.config.theme", "v", subjects.HeaderTTL, []string{subjects.HeaderTTL, "1s", subjects.HeaderTTL, "1s"}},
		{"RepeatedRevision", "store.acme.set.config.theme", "v", subjects.HeaderIfRevision, []string{subjects.HeaderIfRevision, "1", subjects.HeaderIfRevision, "2"}},
		{"RepeatedTrace", "store.acme.set.config.theme", "v", subjects.HeaderTraceParent, []string{subjects.HeaderTraceParent, "a", subjects.HeaderTraceParent, "b"}},
		{"Revision", "store.acme.set.config.theme", "v", subjects.HeaderIfRevision, []string{subjects.HeaderIfRevision, "one"}},
		{"EmptyRevision", "store.acme.set.config.theme", "v", subjects.HeaderIfRevision, []string{subjects.HeaderIfRevision, ""}},
		{"TimeToLiveOnDelete", "store.acme.delete.config.theme", "", subjects.HeaderTTL, []string{subjects.HeaderTTL, "1s"}},
		{"RevisionOnGet", "store.acme.get.config.theme", "", subjects.HeaderIfRevision, []string{subjects.HeaderIfRevision, "1"}},
	}
	for _, refusal := range refusals {
		t.Run(refusal.name, func(t *testing.T) {
			failure := bench.refuse(refusal.subject, refusal.payload, refusal.headers...)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, refusal.field, failure.Field)
		})
	}
	t.Run("AnotherRevision", func(t *testing.T) {
		failure := bench.refuse("store.acme.delete.config.theme", "", subjects.HeaderIfRevision, "5")
		assert.ErrorIs(t, failure, subjects.ErrRevisionConflict)
	})
	t.Run("NothingWasChanged", func(t *testing.T) {
		assert.Equal(t, "dark", string(bench.request("store.acme.get.config.theme", "").Data))
	})
}

func TestEntries_Get_Good_AndTouch(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)
	entry := ask[subjects.Entry](bench, "store.acme.get", `{"group":"config","key":"theme","ttl":"1h"}`)
	assert.Equal(t, "dark", *entry.Value)
	assert.Equal(t, uint64(2), entry.Revision)
	assert.WithinDuration(t, time.Now().Add(time.Hour), entry.ExpiresAt, time.Minute)
	assert.Equal(t, entry, ask[subjects.Entry](bench, "store.acme.get", `{"group":"config","key":"theme"}`))

	reply := bench.request("store.acme.get.config.theme", "", subjects.HeaderTTL, "never")
	assert.Equal(t, "dark", string(reply.Data))
	assert.Equal(t, "3", reply.Header.Get(subjects.HeaderRevision))
	assert.Empty(t, reply.Header.Get(subjects.HeaderExpiresAt))
}

func TestEntries_Get_Bad_AndTouch(t *testing.T) {
	bench := startService(t, handler.Config{Store: openStore(t, store.StoreConfig{})})
	require.NoError(t, bench.store.Set("acme:default", "large", strings.Repeat("v", 2<<20)))
	assert.Equal(t, "store.Get: default/none is not there", bench.refuse("store.acme.get", `{"key":"none","ttl":"1h"}`).Message)
	assert.Equal(t, "ttl", bench.refuse("store.acme.get", `{"key":"large","ttl":"keep"}`).Field)
	assert.Equal(t, subjects.HeaderTTL, bench.refuse("store.acme.get.default.large", "", subjects.HeaderTTL, "keep").Field)
	for _, subject := range []string{"store.acme.get", "store.acme.get.default.large"} {
		body, headers := `{"key":"large","ttl":"1h"}`, []string(nil)
		if subject != "store.acme.get" {
			body, headers = "", []string{subjects.HeaderTTL, "1h"}
		}
		assert.ErrorIs(t, bench.refuse(subject, body, headers...), subjects.ErrTooLarge)
	}
	assert.Equal(t, uint64(1), ask[subjects.UsageReply](bench, "store.acme.usage", "").Revision, "what could not be sent was not touched")
}

func TestEntries_Touch_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"session","value":"v"}`)
	reply := ask[subjects.TouchReply](bench, "store.acme.touch", `{"key":"session","ttl":"1h","if_revision":1}`)
	assert.Equal(t, uint64(2), reply.Revision)
	assert.WithinDuration(t, time.Now().Add(time.Hour), reply.ExpiresAt, time.Minute)
	assert.Equal(t, subjects.TouchReply{Revision: 3}, ask[subjects.TouchReply](bench, "store.acme.touch", `{"key":"session","ttl":"never"}`))

	raw := bench.request("store.acme.touch.default.session", "", subjects.HeaderTTL, "90", subjects.HeaderIfRevision, "3")
	assert.Contains(t, string(raw.Data), `{"revision":4,"expires_at":`)
	assert.Equal(t, "4", raw.Header.Get(subjects.HeaderRevision))
	assert.NotEmpty(t, raw.Header.Get(subjects.HeaderExpiresAt))
	assert.Equal(t, "v", *ask[subjects.Entry](bench, "store.acme.get", `{"key":"session"}`).Value)
}

func TestEntries_Touch_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"session","value":"v"}`)
	for field, body := range map[string]string{"ttl": `{"key":"session"}`, "key": `{"ttl":"1h"}`, "value": `{"key":"session","ttl":"1h","value":"v"}`} {
		assert.Equal(t, field, bench.refuse("store.acme.touch", body).Field)
	}
	assert.Equal(t, "ttl", bench.refuse("store.acme.touch", `{"key":"session","ttl":"keep"}`).Field)
	assert.ErrorIs(t, bench.refuse("store.acme.touch", `{"key":"none","ttl":"1h"}`), subjects.ErrNotFound)
	assert.ErrorIs(t, bench.refuse("store.acme.touch", `{"key":"session","ttl":"1h","if_revision":7}`), subjects.ErrRevisionConflict)
	for _, headers := range [][]string{nil, {subjects.HeaderTTL, "keep"}, {subjects.HeaderTTL, "soon"}} {
		assert.Equal(t, subjects.HeaderTTL, bench.refuse("store.acme.touch.default.session", "", headers...).Field)
	}
	failure := bench.refuse("store.acme.touch.default.session", "v", subjects.HeaderTTL, "1h")
	assert.Equal(t, "store.Touch: the raw form of touch takes an empty payload, not one of 1 bytes", failure.Message)
	assert.ErrorIs(t, bench.refuse("store.acme.touch.default.none", "", subjects.HeaderTTL, "1h"), subjects.ErrNotFound)
}

func TestEntries_Increment_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	assert.Equal(t, subjects.IncrementReply{Value: 1, Revision: 1}, ask[subjects.IncrementReply](bench, "store.acme.increment", `{"key":"n"}`))
	reply := ask[subjects.IncrementReply](bench, "store.acme.increment", `{"key":"n","by":-5,"ttl":"1h"}`)
	assert.Equal(t, int64(-4), reply.Value)
	kept := ask[subjects.IncrementReply](bench, "store.acme.increment", `{"key":"n","by":0,"ttl":"keep"}`)
	assert.Equal(t, reply.ExpiresAt, kept.ExpiresAt)
	assert.Zero(t, ask[subjects.IncrementReply](bench, "store.acme.increment", `{"key":"n","ttl":"never"}`).ExpiresAt)
}

func TestEntries_Increment_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"word","value":"v"}`)
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"most","value":"9223372036854775807"}`)
	assert.Equal(t, "by", bench.refuse("store.acme.increment", `{"key":"n","by":1.5}`).Field)
	assert.Equal(t, "key", bench.refuse("store.acme.increment", `{}`).Field)
	failure := bench.refuse("store.acme.increment", `{"key":"word"}`)
	assert.ErrorIs(t, failure, subjects.ErrBadRequest)
	assert.Contains(t, failure.Message, "store.Increment: default/word: value is not a number: only a whole number of")
	failure = bench.refuse("store.acme.increment", `{"key":"most"}`)
	assert.ErrorIs(t, failure, subjects.ErrBadRequest)
	assert.Equal(t, "store.Increment: default/most: number overflows: 9223372036854775807 and 1 make more than an int64 holds", failure.Message)
}
