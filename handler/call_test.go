// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// call asks a verb of the namespace acme.
func (bench *bench) call(verb subjects.Verb, body string) handler.Reply {
	return bench.service.Call(bench.t.Context(), handler.Call{Address: subjects.Address{Namespace: "acme", Verb: verb}, Body: []byte(body)})
}

// failureOf is the error of a reply, which must have one.
func failureOf(t *testing.T, reply handler.Reply) *subjects.Error {
	t.Helper()
	failure, err := subjects.ParseError(reply.Body)
	require.NoError(t, err, "%s", reply.Body)
	require.Equal(t, failure.Code, reply.Code())
	require.Equal(t, subjects.HeaderText(failure.Message), reply.Header.Get(subjects.HeaderError))
	return failure
}

func TestCall_Call_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	require.NoError(t, bench.store.Set("acme:config", "theme", "dark"))
	t.Run("EveryVerbThatReadsAnswersAsOnTheBus", func(t *testing.T) {
		for _, row := range []struct {
			verb subjects.Verb
			body string
		}{
			{subjects.VerbGet, `{"group":"config","key":"theme"}`}, {subjects.VerbExists, `{"group":"config","key":"theme"}`},
			{subjects.VerbGetMany, `{"entries":[{"group":"config","key":"theme"}]}`}, {subjects.VerbList, `{"group":"config"}`},
			{subjects.VerbScan, ""}, {subjects.VerbChanges, `{"after":0}`}, {subjects.VerbCount, ""}, {subjects.VerbGroups, ""},
			{subjects.VerbRender, `{"group":"config","template":"{{.theme}}"}`}, {subjects.VerbSplit, `{"group":"config","key":"theme","separator":"a"}`},
			{subjects.VerbFields, `{"group":"config","key":"theme"}`}, {subjects.VerbUsage, ""}, {subjects.VerbJournalStatus, ""},
			{subjects.VerbJournalRejected, ""}, {subjects.VerbJournalQuery, `{}`}, {subjects.VerbWorkspaces, ""},
			{subjects.VerbWorkspaceAggregate, `{"workspace":"w"}`}, {subjects.VerbWorkspaceQuery, `{"workspace":"w","sql":"SELECT 1"}`},
			{subjects.VerbGet, `{"key":"absent"}`}, {subjects.VerbGet, `{`}, {subjects.VerbChanges, `{"after":9}`},
		} {
			message := bench.request("store.acme."+string(row.verb), row.body)
			reply := bench.call(row.verb, row.body)
			assert.Equal(t, string(message.Data), string(reply.Body), row.verb)
			assert.Equal(t, message.Header.Get(subjects.HeaderErrorCode), reply.Header.Get(subjects.HeaderErrorCode), row.verb)
		}
	})
	t.Run("TheRawForm", func(t *testing.T) {
		address := subjects.Address{Namespace: "acme", Verb: subjects.VerbGet, Raw: true, Group: "config", Key: "theme"}
		reply := bench.service.Call(t.Context(), handler.Call{Address: address})
		assert.Equal(t, handler.Reply{Header: nats.Header{subjects.HeaderRevision: {"1"}}, Body: []byte("dark")}, reply)
	})
	t.Run("AnOperators", func(t *testing.T) {
		for _, row := range []struct {
			verb subjects.Verb
			body string
		}{{subjects.VerbAdminDescribe, ""}, {subjects.VerbAdminNamespaces, ""}, {subjects.VerbAdminQuota, `{"namespace":"acme"}`}, {subjects.VerbAdminStatus, ""}} {
			message := bench.request("store.admin."+string(row.verb), row.body)
			reply := bench.service.Call(t.Context(), handler.Call{Address: subjects.Address{Verb: row.verb, Admin: true}, Body: []byte(row.body)})
			assert.Zero(t, reply.Code(), row.verb)
			if row.verb != subjects.VerbAdminStatus { // which counts the bytes of its own request
				assert.Equal(t, string(message.Data), string(reply.Body), row.verb)
			}
		}
	})
	t.Run("IsCountedLikeARequest", func(t *testing.T) {
		before := bench.service.Statistics()["count"]
		bench.call(subjects.VerbCount, "")
		bench.call(subjects.VerbCount, "{")
		after := bench.service.Statistics()["count"]
		assert.Equal(t, before.Received+2, after.Received)
		assert.Equal(t, before.Answered+2, after.Answered)
		assert.Equal(t, before.Succeeded+1, after.Succeeded)
		assert.Equal(t, before.Errors["bad_request"]+1, after.Errors["bad_request"])
		assert.Zero(t, bench.service.Queue().Requests)
		assert.Zero(t, bench.service.Queue().ResultBytes)
	})
	t.Run("AReplyBelongsToItsCaller", func(t *testing.T) {
		require.NoError(t, bench.store.Set("acme:config", "one", strings.Repeat("1", 1000)))
		require.NoError(t, bench.store.Set("acme:config", "two", strings.Repeat("2", 1000)))
		first := bench.call(subjects.VerbGet, `{"group":"config","key":"one"}`)
		kept := string(first.Body)
		var callers sync.WaitGroup
		for range 8 {
			callers.Go(func() {
				for range 100 {
					assert.Contains(t, string(bench.call(subjects.VerbGet, `{"group":"config","key":"two"}`).Body), "2222")
				}
			})
		}
		callers.Wait()
		assert.Equal(t, kept, string(first.Body))
	})
}

func TestCall_Call_Bad(t *testing.T) {
	bench := startService(t, handler.Config{BackupDirectory: t.TempDir(), ArchiveDirectory: t.TempDir()})
	require.NoError(t, bench.store.Set("acme:config", "theme", "dark"))
	t.Run("NothingThatDoesMoreThanRead", func(t *testing.T) {
		for _, verb := range subjects.Describe().Verbs {
			addresses := []subjects.Address{{Namespace: "acme", Verb: verb.Name, Admin: verb.Admin}}
			if verb.Admin {
				addresses[0].Namespace = ""
			}
			if verb.Raw {
				addresses = append(addresses, subjects.Address{Namespace: "acme", Verb: verb.Name, Raw: true, Group: "config", Key: "theme"})
			}
			reads := !verb.Writes && verb.Name != subjects.VerbAdminBackup && verb.Name != subjects.VerbAdminFlush || verb.Name == subjects.VerbAdminQuota
			for _, address := range addresses {
				reply := bench.service.Call(t.Context(), handler.Call{Address: address, Body: []byte(`{"file":"a.db"}`)})
				if !reads {
					assert.Contains(t, failureOf(t, reply).Message, "does more than read", verb.Name)
				} else if reply.Code() != 0 {
					assert.NotContains(t, failureOf(t, reply).Message, "does more than read", verb.Name)
				}
			}
		}
		for _, call := range []handler.Call{
			{Address: subjects.Address{Namespace: "acme", Verb: subjects.VerbGet}, Body: []byte(`{"group":"config","key":"theme","ttl":"1h"}`)},
			{Address: subjects.Address{Namespace: "acme", Verb: subjects.VerbGet, Raw: true, Group: "config", Key: "theme"}, Header: nats.Header{subjects.HeaderTTL: {"1h"}}},
			{Address: subjects.Address{Verb: subjects.VerbAdminQuota, Admin: true}, Body: []byte(`{"namespace":"acme","max_keys":0}`)},
			{Address: subjects.Address{Verb: subjects.VerbAdminQuota, Admin: true}, Body: []byte(`{"namespace":"acme","max_value_bytes":1}`)},
		} {
			assert.Contains(t, failureOf(t, bench.service.Call(t.Context(), call)).Message, "changes what is stored")
		}
		usage, err := bench.store.Usage("acme")
		require.NoError(t, err)
		assert.Equal(t, store.Usage{Keys: 1, Groups: 1, Bytes: 15, LogBytes: 29, Revision: 1}, usage)
	})
	t.Run("NoOtherNamespaceByADot", func(t *testing.T) {
		for _, address := range []subjects.Address{
			{Namespace: "acme.get.config", Verb: "theme"}, {Namespace: "acme.get.config", Verb: subjects.VerbGet}, {Namespace: "acme", Verb: "get.config.theme"},
			{Namespace: "admin", Verb: subjects.VerbAdminStatus}, {Namespace: "", Verb: subjects.VerbGet}, {Namespace: "*", Verb: subjects.VerbGet},
			{Namespace: "acme", Verb: subjects.VerbAdminStatus}, {Verb: subjects.VerbGet, Admin: true}, {Namespace: "acme", Verb: subjects.VerbList, Raw: true, Group: "g", Key: "k"},
			{Namespace: "acme", Verb: subjects.VerbGet, Raw: true, Key: "k"}, {Namespace: "acme", Verb: subjects.VerbGet, Group: "config", Key: "theme"},
		} {
			reply := bench.service.Call(t.Context(), handler.Call{Address: address, Body: []byte(`{"key":"k"}`)})
			assert.Equal(t, subjects.ErrBadRequest.Name, failureOf(t, reply).Name, "%+v", address)
		}
	})
	t.Run("AFullQueueOfItsNamespace", func(t *testing.T) {
		crowded := startService(t, handler.Config{QueueBytes: 50})
		body := `{"key":"` + strings.Repeat("k", 30) + `"}`
		require.NoError(t, crowded.store.Set("acme:default", "k", strings.Repeat("v", 10)))
		held, release := make(chan struct{}), make(chan struct{})
		go func() {
			_ = crowded.store.Transaction(func(*store.StoreTransaction) error { close(held); <-release; return nil })
		}()
		<-held
		first := make(chan handler.Reply, 1)
		go func() { first <- crowded.call(subjects.VerbList, `{"group":"a"}`) }()
		require.Eventually(t, func() bool { return crowded.service.Queue().Requests == 1 }, patience, time.Millisecond)
		assert.Equal(t, subjects.ErrUnavailable.Name, failureOf(t, crowded.call(subjects.VerbExists, body)).Name)
		close(release)
		assert.Zero(t, (<-first).Code())
	})
}

func TestCall_Call_Ugly(t *testing.T) {
	t.Run("ACallerWhoLeavesWaitsForNoChange", func(t *testing.T) {
		bench := startService(t, handler.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		replies := make(chan handler.Reply, 1)
		go func() {
			replies <- bench.service.Call(ctx, handler.Call{Address: subjects.Address{Namespace: "acme", Verb: subjects.VerbChanges}, Body: []byte(`{"after":0,"wait":"30s"}`)})
		}()
		require.Eventually(t, func() bool { return bench.service.Waiting() == 1 }, patience, time.Millisecond)
		cancel()
		<-replies
		require.Eventually(t, func() bool { return bench.service.Waiting() == 0 }, patience/3, time.Millisecond, "its place is free before the wait is over")
	})
	t.Run("StopAnswersThoseWhoWait", func(t *testing.T) {
		bench := startService(t, handler.Config{})
		replies := make(chan handler.Reply, 1)
		go func() { replies <- bench.call(subjects.VerbChanges, `{"after":0,"wait":"30s"}`) }()
		require.Eventually(t, func() bool { return bench.service.Waiting() == 1 }, patience, time.Millisecond)
		require.NoError(t, bench.service.Stop(t.Context()))
		<-replies
		assert.Equal(t, "the sidecar is shutting down", failureOf(t, bench.call(subjects.VerbCount, "")).Message)
	})
	t.Run("TheBrokerIsAway", func(t *testing.T) {
		bench := startService(t, handler.Config{})
		require.NoError(t, bench.store.Set("acme:config", "theme", "dark"))
		bench.broker.Shutdown()
		bench.broker.WaitForShutdown()
		assert.Contains(t, string(bench.call(subjects.VerbGet, `{"group":"config","key":"theme"}`).Body), `"value":"dark"`)
	})
}
