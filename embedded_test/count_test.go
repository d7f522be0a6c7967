// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCount_Reply_Good(t *testing.T) {
	acme := newNamespace(t)
	for group, keys := range map[string]int{"default": 1, "config": 3, "config:eu": 2, "Config": 5, "a%b": 1, "a_b": 1} {
		acme.fill(t, group, numbered("key", keys), func(int) string { return "v" })
	}
	for _, test := range []struct{ outcome, body, reply string }{
		{"OfTheNamespaceWhereNothingIsNamed", `{}`, `{"count":13,"revision":13}`},
		{"OfAGroup", `{"group":"config"}`, `{"count":3,"revision":13}`},
		{"OfTheDefaultGroupOnlyWhereItIsNamed", `{"group":"default"}`, `{"count":1,"revision":13}`},
		{"OfTheGroupsOfAPrefix", `{"prefix":"config"}`, `{"count":5,"revision":13}`},
		{"OfBytesAndNotLetters", `{"prefix":"Con"}`, `{"count":5,"revision":13}`},
		{"OfNoPattern", `{"prefix":"a_"}`, `{"count":1,"revision":13}`},
		{"OfAPercentSign", `{"prefix":"a%"}`, `{"count":1,"revision":13}`},
		{"OfTheEmptyPrefix", `{"prefix":""}`, `{"count":13,"revision":13}`},
		{"OfAGroupThatIsNotThere", `{"group":"nobody"}`, `{"count":0,"revision":13}`},
		{"OfAPrefixThatNobodyHas", `{"prefix":"nobody"}`, `{"count":0,"revision":13}`},
	} {
		t.Run(test.outcome, func(t *testing.T) {
			assert.JSONEq(t, test.reply, string(acme.call(t, "count", test.body).Data))
		})
	}
	t.Run("FollowsEveryChange", func(t *testing.T) {
		count := func() uint64 {
			reply := decode[countReply](t, acme.call(t, "count", `{"group":"config"}`))
			require.NotNil(t, reply.Count)
			return *reply.Count
		}
		acme.set(t, "config", "key-0000", "again")
		assert.Equal(t, uint64(3), count(), "a key that is there")
		acme.set(t, "config", "new", "v")
		assert.Equal(t, uint64(4), count())
		decode[touchReply](t, acme.call(t, "touch", `{"group":"config","key":"new","ttl":"1h"}`))
		assert.Equal(t, uint64(4), count())
		acme.remove(t, "config", "new")
		assert.Equal(t, uint64(3), count())
		decode[deleteGroupReply](t, acme.call(t, "delete_group", `{"group":"config"}`))
		assert.Zero(t, count())
	})
}

func TestCount_Request_Bad(t *testing.T) {
	acme := newNamespace(t)
	requireFailure(t, acme.call(t, "count", `{"group":"g","prefix":"p"}`), 400, "bad_request")
	requireBadField(t, acme.call(t, "count", `{"prefix":"\ud800"}`), "prefix")
}
