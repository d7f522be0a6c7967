// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestUsage_Reply_Good(t *testing.T) {
	acme := newNamespace(t)
	store := readStatus(t, acme.connection).Store
	assert.Equal(t, usageReply{Store: store}, acme.usage(t), "where nothing was ever written")

	acme.set(t, "config", "theme", "dark")
	first := acme.usage(t)
	assert.Equal(t, usageReply{Keys: 1, Groups: 1, Bytes: first.Bytes, LogBytes: first.LogBytes, Revision: 1, Store: store}, first)
	assert.Positive(t, first.LogBytes)
	assert.GreaterOrEqual(t, first.Bytes, uint64(len("theme")+len("dark")))

	acme.set(t, "config", "theme", "darker")
	assert.Equal(t, first.Bytes+2, acme.usage(t).Bytes)
	acme.set(t, "config", "themes", "darker")
	second := acme.usage(t)
	assert.Equal(t, usageReply{Keys: 2, Groups: 1, Bytes: 2*(first.Bytes+2) + 1, LogBytes: second.LogBytes, Revision: 3, Store: store}, second)
	assert.Greater(t, second.LogBytes, first.LogBytes)

	t.Run("FollowsEveryChange", func(t *testing.T) {
		decode[touchReply](t, acme.call(t, "touch", `{"group":"config","key":"theme","ttl":"1h"}`))
		assert.Equal(t, second.Bytes, acme.usage(t).Bytes)
		decode[setReply](t, acme.raw(t, "set", "other", "blob", []byte("\xff\xff")))
		assert.Equal(t, uint64(2), acme.usage(t).Groups)
		decode[incrementReply](t, acme.call(t, "increment", `{"group":"other","key":"n","by":1000}`))
		acme.remove(t, "config", "theme")
		assert.Equal(t, uint64(3), acme.usage(t).Keys)
		decode[deleteGroupReply](t, acme.call(t, "delete_group", `{"group":"other"}`))
		acme.set(t, "config", "theme", "dark")
		acme.remove(t, "config", "themes")
		third := acme.usage(t)
		assert.Equal(t, usageReply{Keys: 1, Groups: 1, Bytes: first.Bytes, LogBytes: third.LogBytes, Revision: 10, Store: store}, third)
		decode[deletePrefixReply](t, acme.call(t, "delete_prefix", `{"prefix":"","all":true}`))
		empty := acme.usage(t)
		assert.Equal(t, usageReply{LogBytes: empty.LogBytes, Revision: 11, Store: store}, empty)
		assert.Greater(t, empty.LogBytes, third.LogBytes)
	})
}
