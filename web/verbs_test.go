// SPDX-License-Identifier: EUPL-1.2

package web_test

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
	"dappco.re/go/storebus/web"
)

func TestVerbs_Verb_Good(t *testing.T) {
	bench := start(t, web.Config{})
	bench.set("acme:config", "theme", "dark")
	bench.set("acme:config", "size", "12")
	bench.set("acme:list", "colours", "red,green")
	for path, body := range map[string]string{
		"/v1/acme/exists?group=config&key=theme":       `{"exists":true,"revision":1}`,
		"/v1/acme/get?group=config&key=theme":          `{"group":"config","key":"theme","value":"dark","revision":1}`,
		"/v1/acme/list?group=config&limit=1&prefix=th": `{"entries":[{"group":"config","key":"theme","value":"dark","revision":1}],"revision":3,"store":"STORE"}`,
		"/v1/acme/list?group=config&keys_only=true":    `{"entries":[{"group":"config","key":"size","revision":2},{"group":"config","key":"theme","revision":1}],"revision":3,"store":"STORE"}`,
		"/v1/acme/count":                                                 `{"count":3,"revision":3}`,
		"/v1/acme/count?group=config":                                    `{"count":2,"revision":3}`,
		"/v1/acme/groups?prefix=con":                                     `{"groups":[{"group":"config","keys":2,"revision":2}],"revision":3}`,
		"/v1/acme/split?group=list&key=colours&separator=,":              `{"parts":["red","green"]}`,
		"/v1/acme/get_many?entries=" + url.QueryEscape(`[{"key":"no"}]`): `{"entries":[{"group":"default","key":"no","missing":true}],"revision":3}`,
		"/v1/admin/namespaces?limit=1":                                   `{"namespaces":[{"namespace":"acme","revision":3,"keys":3,"groups":2,"bytes":47}]}`,
		"/v1/admin/quota?namespace=acme":                                 `{"namespace":"acme","max_keys":0,"max_groups":0,"max_bytes":0,"max_value_bytes":0,"max_journal_bytes":0,"max_workspace_bytes":0,"max_log_bytes":0}`,
	} {
		answer := bench.get(path)
		require.Equal(t, http.StatusOK, answer.status, "%s %s", path, answer.body)
		assert.JSONEq(t, strings.ReplaceAll(body, "STORE", bench.store.ID()), withoutTimes(t, answer.body), path)
	}
	t.Run("AnswersAsTheBusDoes", func(t *testing.T) {
		for _, verb := range subjects.Describe().Verbs {
			if verb.Admin || verb.Writes || verb.Name == subjects.VerbChanges {
				continue
			}
			address := subjects.Address{Namespace: "acme", Verb: verb.Name}
			reply := bench.service.Call(t.Context(), handler.Call{Address: address, Body: []byte(`{"key":"absent"}`)})
			answer := bench.get("/v1/acme/" + string(verb.Name) + "?key=absent")
			status := http.StatusOK
			if reply.Code() != 0 {
				status = reply.Code()
			}
			assert.Equal(t, status, answer.status, verb.Name)
			assert.JSONEq(t, string(reply.Body), answer.body, verb.Name)
		}
	})
	t.Run("AnOperatorsFigures", func(t *testing.T) {
		var statistics struct {
			Time  time.Time
			Queue subjects.QueueStatus
			Verbs map[string]struct{ Received, Answered uint64 }
		}
		require.NoError(t, json.Unmarshal([]byte(bench.get("/v1/admin/statistics").body), &statistics))
		assert.False(t, statistics.Time.IsZero())
		assert.Equal(t, uint64(handler.DefaultQueueLimit), statistics.Queue.RequestLimit)
		assert.GreaterOrEqual(t, statistics.Verbs["count"].Received, uint64(2))
		assert.Equal(t, statistics.Verbs["count"].Received, statistics.Verbs["count"].Answered)
		assert.Zero(t, statistics.Verbs["set"].Received)
	})
	t.Run("WhatRatesAndLatenciesAreMadeOf", func(t *testing.T) {
		read := func() (statistics statistics) {
			require.NoError(t, json.Unmarshal([]byte(bench.get("/v1/admin/statistics").body), &statistics))
			return statistics
		}
		before := read()
		bench.set("acme:config", "another", "write")
		bench.get("/v1/acme/count")
		after := read()
		assert.Equal(t, before.Writes+1, after.Writes)
		assert.Equal(t, before.Started, after.Started)
		assert.True(t, after.Time.After(after.Started), "%v %v", after.Started, after.Time)
		require.Len(t, after.Verbs["count"].LatencyCounts, len(after.Limits))
		assert.IsIncreasing(t, after.Limits)
		assert.IsNonDecreasing(t, after.Verbs["count"].LatencyCounts)
		last := len(after.Limits) - 1
		assert.Equal(t, before.Verbs["count"].LatencyCounts[last]+1, after.Verbs["count"].LatencyCounts[last])
	})
	t.Run("APageOfTheLog", func(t *testing.T) {
		var page subjects.ChangesReply
		answer := bench.get("/v1/acme/changes?after=1&limit=1", "Accept", "application/json")
		require.NoError(t, json.Unmarshal([]byte(answer.body), &page))
		require.Len(t, page.Changes, 1)
		assert.Equal(t, uint64(2), page.Next)
	})
}

// statistics is the body of /v1/admin/statistics, in part.
type statistics struct {
	Time, Started time.Time
	Writes        uint64
	Limits        []time.Duration `json:"latency_limits_ns"`
	Verbs         map[string]struct {
		LatencyCounts []uint64 `json:"latency_counts"`
	}
}

// withoutTimes leaves out the times of entries.
func withoutTimes(t *testing.T, body string) string {
	t.Helper()
	var reply map[string]any
	require.NoError(t, json.Unmarshal([]byte(body), &reply))
	delete(reply, "updated_at")
	entries, _ := reply["entries"].([]any)
	for _, entry := range entries {
		if fields, ok := entry.(map[string]any); ok {
			delete(fields, "updated_at")
		}
	}
	text, err := json.Marshal(reply)
	require.NoError(t, err)
	return string(text)
}

func TestVerbs_Verb_Bad(t *testing.T) {
	bench := start(t, web.Config{})
	bench.set("acme:config", "theme", "dark")
	before, err := bench.store.Usage("acme")
	require.NoError(t, err)
	for path, wanted := range map[string]struct{ name, field string }{
		"/v1/acme/get?key=absent":                    {"not_found", ""},
		"/v1/acme/get":                               {"bad_request", "key"},
		"/v1/acme/get?key=a&key=b":                   {"bad_request", "key"},
		"/v1/acme/get?key=a&colour=red":              {"bad_request", "colour"},
		"/v1/acme/get?key=%ff":                       {"bad_request", ""},
		"/v1/acme/get?key=%zz":                       {"bad_request", ""},
		"/v1/acme/list?group=config&limit=x":         {"bad_request", "limit"},
		"/v1/acme/list?group=config&limit=1.5":       {"bad_request", "limit"},
		"/v1/acme/list?group=config&limit=0":         {"bad_request", "limit"},
		"/v1/acme/list?group=config&keys_only=1":     {"bad_request", "keys_only"},
		"/v1/acme/get_many?entries=[":                {"bad_request", "entries"},
		"/v1/acme/get?group=config&key=theme&ttl=5":  {"bad_request", "ttl"},
		"/v1/acme/get?group=config&key=theme&ttl=0":  {"bad_request", "ttl"},
		"/v1/acme/nothing":                           {"not_found", ""},
		"/v1/admin/nothing":                          {"not_found", ""},
		"/v1/nothing":                                {"not_found", ""},
		"/v1/a_b/get?key=a":                          {"bad_request", "namespace"},
		"/v1/acme.get.a/get":                         {"bad_request", "namespace"},
		"/v1/events/get?key=a":                       {"bad_request", "namespace"},
		"/v1/admin/config/theme":                     {"bad_request", "namespace"},
		"/v1/acme/config/absent":                     {"not_found", ""},
		"/v1/acme/config/":                           {"bad_request", "key"},
		"/v1/admin/quota?namespace=acme&max_keys=1":  {"bad_request", "max_keys"},
		"/v1/admin/quota?namespace=acme&max_bytes=0": {"bad_request", "max_bytes"},
		"/v1/acme/changes?after=x":                   {"bad_request", "after"},
		"/v1/acme/changes?after=0&wait=1":            {"bad_request", "wait"},
		"/v1/acme/changes?after=0&limit=1":           {"bad_request", "limit"},
		"/v1/acme/changes?after=0&group=":            {"bad_request", "group"},
		"/v1/acme/changes?colour=red":                {"bad_request", "colour"},
		"/v1/a_b/changes":                            {"bad_request", "namespace"},
		"/v1/acme/journal_commit?measurement=m":      {"bad_request", ""},
		"/v1/acme/workspace_open?workspace=w":        {"bad_request", ""},
	} {
		failure := bench.get(path).failure(t)
		assert.Equal(t, wanted.name, string(failure.Name), "%s %s", path, failure.Message)
		assert.Equal(t, wanted.field, failure.Field, "%s %s", path, failure.Message)
	}
	for _, verb := range subjects.Describe().Verbs {
		reads := verb.Name == subjects.VerbAdminStatus || verb.Name == subjects.VerbAdminDescribe || verb.Name == subjects.VerbAdminNamespaces || verb.Name == subjects.VerbAdminQuota
		switch {
		case verb.Admin && !reads:
			assert.Equal(t, "bad_request", string(bench.get("/v1/admin/"+string(verb.Name)+"?file=a.db&before=2026-01-01T00:00:00Z").failure(t).Name), verb.Name)
		case verb.Writes && !verb.Admin:
			assert.Equal(t, "bad_request", string(bench.get("/v1/acme/"+string(verb.Name)+"?group=config&key=theme&value=x&ttl=5&prefix=").failure(t).Name), verb.Name)
		}
	}
	after, err := bench.store.Usage("acme")
	require.NoError(t, err)
	assert.Equal(t, before, after, "nothing has changed")
}

func TestVerbs_Value_Good(t *testing.T) {
	bench := start(t, web.Config{})
	for _, name := range []struct{ group, key, path string }{
		{"config", "theme", "/v1/acme/config/theme"},
		{"a/b c", "ü/%?#", "/v1/acme/a%2Fb%20c/%C3%BC%2F%25%3F%23"},
		{"config", "a/b", "/v1/acme/config/a/b"},
		{"list", "set", "/v1/acme/list/set"},
		{"changes", "x", "/v1/acme/changes/x"},
		{"config", "a//b", "/v1/acme/config/a%2F%2Fb"},
		{"config", "\x00", "/v1/acme/config/%00"},
		{"config", "/", "/v1/acme/config/%2F"},
	} {
		bench.set("acme:"+name.group, name.key, "the value of "+name.key)
		answer := bench.get(name.path)
		assert.Equal(t, http.StatusOK, answer.status, name.path)
		assert.Equal(t, "the value of "+name.key, answer.body)
		assert.Equal(t, "no-store", answer.header.Get("Cache-Control"))
		assert.Empty(t, answer.header.Get("ETag"))
	}
	t.Run("SaysTheRevisionAndTheExpiry", func(t *testing.T) {
		require.NoError(t, bench.store.SetWithTTL("acme:config", "short", "", time.Hour))
		answer := bench.ask(http.MethodHead, "/v1/acme/config/short")
		assert.Equal(t, "9", answer.header.Get("Storebus-Revision"))
		expires, err := time.Parse(time.RFC3339Nano, answer.header.Get("Storebus-Expires-At"))
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(time.Hour), expires, patience)
		assert.Equal(t, "0", answer.header.Get("Content-Length"))
	})
	t.Run("IsGivenWholeWhateverItsSize", func(t *testing.T) {
		value := strings.Repeat("\x00\xff<", 1<<20)
		_, err := bench.store.Create("acme:config", "large", value)
		require.NoError(t, err)
		answer := bench.get("/v1/acme/config/large")
		assert.Equal(t, sha256.Sum256([]byte(value)), sha256.Sum256([]byte(answer.body)))
		assert.Equal(t, "application/octet-stream", answer.header.Get("Content-Type"))
	})
}

func TestVerbs_Call_Ugly_TheStoreIsClosed(t *testing.T) {
	bench := start(t, web.Config{})
	require.NoError(t, bench.service.Stop(t.Context()))
	assert.Equal(t, "unavailable", string(bench.get("/v1/acme/get?key=a").failure(t).Name))
	assert.Equal(t, "unavailable", string(bench.get("/v1/acme/changes").failure(t).Name))
}
