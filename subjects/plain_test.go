// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// plainBodies are read in the short way, or look as if they could be.
var plainBodies = []string{
	`{"key":"theme"}`, `{"group":"config","key":"theme"}`, `{"group": "config", "key": "theme"}`, `{"key":"theme","group":"config","value":"dark"}`,
	`{"group":"größe","key":"日本","value":"😀 done"}`, `{"key":"","value":""}`, `{"key":"a\u0062"}`, `{"key":"a\"b"}`, "{\"key\":\"a\nb\"}", "{\"key\":\"a\xffb\"}",
	"{\"key\":\"\xed\xa0\x80\"}", `{"key":"a","key":"b"}`, `{"Key":"a"}`, `{"key":"a","group":null}`, `{"key":1}`, `{"key":"a"}{}`, `{"key":"a"} `, `{"key":"a"`,
	`{"key":"a",}`, `{"key":"a" "group":"b"}`, `{"key" "a"}`, `{,}`, `{"`, `{"key":"`, `{"key":"a","value":"b","ttl":"90s"}`, `{"key":"a","group":"b","value":"c","encoding":"base64"}`,
	`{"key":"a","if_revision":3}`, `{"\u006bey":"a"}`,
}

// requirePlain checks that a body is read the same whichever way it takes: white
// space before it makes it take the long one.
func requirePlain[Request any](t *testing.T, body string) {
	t.Helper()
	var short, long Request
	failure, expected := subjects.Decode([]byte(body), &short), subjects.Decode([]byte(" "+body), &long)
	require.Equal(t, expected == nil, failure == nil, "%s: %v and %v", body, failure, expected)
	if expected == nil {
		assert.Equal(t, long, short, body)
	}
}

func TestPlain_Decode_Good(t *testing.T) {
	for _, body := range plainBodies {
		requirePlain[subjects.SetRequest](t, body)
		requirePlain[subjects.GetRequest](t, body)
		requirePlain[subjects.ExistsRequest](t, body)
		requirePlain[subjects.DeleteRequest](t, body)
	}
}

// TestPlain_PlainEntry_Good compares the names with those that the long way reads.
func TestPlain_PlainEntry_Good(t *testing.T) {
	read := 0
	for _, body := range append(plainBodies, `{"group":"","key":"a"}`, `{"group":"a"}`, `{}`, ``, `{"key":"`+strings.Repeat("k", subjects.MaxKeyBytes+1)+`"}`) {
		group, key, plain := subjects.PlainEntry([]byte(body))
		if !plain {
			continue
		}
		read++
		var request subjects.GetRequest
		require.NoError(t, subjects.Decode([]byte(" "+body), &request), body)
		require.NoError(t, request.Check(), body)
		assert.Equal(t, *request.Key, string(key))
		if request.Group != nil {
			assert.Equal(t, *request.Group, string(group))
		} else {
			assert.Equal(t, subjects.DefaultGroup, string(group))
		}
	}
	assert.Equal(t, 3, read, "bodies with names alone")
}

func TestPlain_Decode_GoodLargeValue(t *testing.T) {
	value := strings.Repeat("x", 100_000)
	requirePlain[subjects.SetRequest](t, `{"group":"config","key":"theme","value":"`+value+`"}`)
	var request subjects.SetRequest
	require.NoError(t, subjects.Decode([]byte(`{"key":"theme","value":"`+value+`"}`), &request))
	assert.Equal(t, value, *request.Value)
	assert.Nil(t, request.Group)
}

func FuzzPlain_Decode(f *testing.F) {
	for _, body := range plainBodies {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if strings.HasPrefix(body, "{") {
			requirePlain[subjects.SetRequest](t, body)
			requirePlain[subjects.GetRequest](t, body)
		}
	})
}
