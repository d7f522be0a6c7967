// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

func TestMany_GetMany_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"config","key":"theme","value":"dark","ttl":"1h"}`)
	bench.request("store.acme.set.default.bytes", "\xff")

	reply := ask[subjects.GetManyReply](bench, "store.acme.get_many",
		`{"entries":[{"key":"none"},{"group":"config","key":"theme"},{"key":"bytes"},{"group":"config","key":"theme"}]}`)
	require.Len(t, reply.Entries, 4)
	assert.Equal(t, subjects.Lookup{Group: "default", Key: "none", Missing: true}, reply.Entries[0])
	assert.Equal(t, "dark", *reply.Entries[1].Value)
	assert.False(t, reply.Entries[1].Missing)
	assert.NotZero(t, reply.Entries[1].ExpiresAt)
	assert.Equal(t, base64.StdEncoding.EncodeToString([]byte("\xff")), *reply.Entries[2].Value)
	assert.Equal(t, reply.Entries[1], reply.Entries[3], "in the order asked, as often as asked")
	assert.Equal(t, uint64(2), reply.Revision)
	assert.JSONEq(t, `{"entries":[],"revision":0}`, string(bench.request("store.acme.get_many", `{"entries":[]}`).Data))
}

func TestMany_GetMany_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	for field, body := range map[string]string{
		"entries":       `{}`,
		"entries/1/key": `{"entries":[{"key":"k"},{"group":"g"}]}`,
		"entries/0/kei": `{"entries":[{"kei":"k"}]}`,
	} {
		failure := bench.refuse("store.acme.get_many", body)
		assert.ErrorIs(t, failure, subjects.ErrBadRequest)
		assert.Equal(t, field, failure.Field)
		assert.True(t, strings.HasPrefix(failure.Message, "store.GetMany: "), failure.Message)
	}
	tooMany := `{"entries":[` + strings.TrimSuffix(strings.Repeat(`{"key":"k"},`, 1001), ",") + `]}`
	assert.Equal(t, "entries", bench.refuse("store.acme.get_many", tooMany).Field)
}

func TestMany_GetMany_Ugly_AReplyThatDoesNotFit(t *testing.T) {
	bench := startService(t, handler.Config{})
	bench.request("store.acme.set.default.long", strings.Repeat("v", 600<<10))
	failure := bench.refuse("store.acme.get_many", `{"entries":[{"key":"long"},{"key":"long"}]}`)
	assert.ErrorIs(t, failure, subjects.ErrTooLarge)
	assert.Equal(t, "store.GetMany: the reply does not fit a message; ask for less at once", failure.Message)
	assert.Equal(t, uint64(1<<20), *failure.Limit)

	// A missing key takes more bytes in the reply than in the request.
	names := make([]string, 515)
	for index := range names {
		names[index] = fmt.Sprintf(`{"key":"%s%03d"}`, strings.Repeat("k", 2000), index)
	}
	body := `{"entries":[` + strings.Join(names, ",") + `]}`
	require.Less(t, len(body), 1<<20)
	failure = bench.refuse("store.acme.get_many", body)
	assert.ErrorIs(t, failure, subjects.ErrTooLarge)
	assert.Contains(t, failure.Message, "the broker takes 1048576")
}
