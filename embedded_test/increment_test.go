// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"math"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIncrement_Reply_Good(t *testing.T) {
	acme := newNamespace(t)
	for _, step := range []struct{ outcome, body, reply string }{
		{"AMissingKeyCountsFromZero", `{"key":"n"}`, `{"value":1,"revision":1}`},
		{"AddsOneWhereByIsLeftOut", `{"key":"n","by":null}`, `{"value":2,"revision":2}`},
		{"AddsBy", `{"key":"n","by":40}`, `{"value":42,"revision":3}`},
		{"Subtracts", `{"key":"n","by":-50}`, `{"value":-8,"revision":4}`},
		{"ByZeroIsAChangeToo", `{"key":"n","by":0}`, `{"value":-8,"revision":5}`},
		{"AMissingKeyByZero", `{"key":"zero","by":0}`, `{"value":0,"revision":6}`},
		{"OfAGroup", `{"group":"counters","key":"n","by":5}`, `{"value":5,"revision":7}`},
		{"ToTheLargest", `{"key":"large","by":9223372036854775807}`, `{"value":9223372036854775807,"revision":8}`},
		{"ToTheSmallest", `{"key":"small","by":-9223372036854775808}`, `{"value":-9223372036854775808,"revision":9}`},
		{"FromEndToEnd", `{"key":"small","by":9223372036854775807}`, `{"value":-1,"revision":10}`},
	} {
		t.Run(step.outcome, func(t *testing.T) {
			// JSONEq compares numbers as floats. Exact numbers are compared as text.
			assert.Equal(t, step.reply, string(acme.call(t, "increment", step.body).Data))
		})
	}
	assert.Equal(t, "-8", acme.value(t, "default", "n"), "the value is the number in digits")
	assert.Equal(t, "9223372036854775807", acme.value(t, "default", "large"))

	t.Run("OfWhatASetHasStored", func(t *testing.T) {
		acme.set(t, "default", "n", "-9223372036854775808")
		reply := decode[incrementReply](t, acme.call(t, "increment", `{"key":"n"}`))
		assert.Equal(t, int64(math.MinInt64+1), *reply.Value)
		assert.Equal(t, reply.Revision, acme.entry(t, "default", "n").Revision)
	})
	t.Run("ATTLSetsWhenItExpires", func(t *testing.T) {
		before := time.Now()
		reply := decode[incrementReply](t, acme.call(t, "increment", `{"key":"n","ttl":"1h"}`))
		requireExpiry(t, reply.ExpiresAt, before, time.Hour)
		kept := decode[incrementReply](t, acme.call(t, "increment", `{"key":"n"}`))
		require.NotNil(t, kept.ExpiresAt, "without a ttl it is kept, and said")
		assert.True(t, reply.ExpiresAt.Equal(*kept.ExpiresAt))
		assert.Nil(t, decode[incrementReply](t, acme.call(t, "increment", `{"key":"n","ttl":"never"}`)).ExpiresAt)
	})
}

func TestIncrement_Event_Good(t *testing.T) {
	acme := newNamespace(t)
	events := acme.events(t)
	decode[incrementReply](t, acme.call(t, "increment", `{"key":"n","by":5}`))
	decode[incrementReply](t, acme.call(t, "increment", `{"key":"n","by":-7,"ttl":"1h"}`))
	for index, value := range []string{"5", "-2"} {
		change := nextEvent(t, events)
		assert.Equal(t, "set", change.Type, "an increment is a set")
		assert.Equal(t, uint64(index+1), change.Revision)
		assert.Equal(t, value, *change.Value)
		assert.Equal(t, index == 0, *change.Created)
		assert.Equal(t, index == 1, change.ExpiresAt != nil)
	}
}

func TestIncrement_Content_Bad(t *testing.T) {
	acme := newNamespace(t)
	for outcome, test := range map[string]struct{ value, by string }{
		"ALetter":           {"abc", "1"},
		"AnEmptyValue":      {"", "1"},
		"AFraction":         {"1.5", "1"},
		"AnExponent":        {"1e3", "1"},
		"ASpaceBefore":      {" 1", "1"},
		"ALineBreakAfter":   {"1\n", "1"},
		"OverInt64":         {"9223372036854775808", "-1"},
		"UnderInt64":        {"-9223372036854775809", "1"},
		"NotUTF8":           {"\xff", "1"},
		"OverflowUpwards":   {"9223372036854775807", "1"},
		"OverflowDownwards": {"-9223372036854775808", "-1"},
		"OverflowByALot":    {"9223372036854775807", "9223372036854775807"},
	} {
		t.Run(outcome, func(t *testing.T) {
			set := decode[setReply](t, acme.raw(t, "set", "default", "k", []byte(test.value)))
			requireFailure(t, acme.call(t, "increment", `{"key":"k","by":`+test.by+`}`), 400, "bad_request")
			assert.Equal(t, set.Revision, acme.revision(t), "nothing was changed")
			assert.Equal(t, test.value, string(acme.raw(t, "get", "default", "k", nil).Data))
		})
	}
}

func TestIncrement_By_Bad(t *testing.T) {
	acme := newNamespace(t)
	for _, by := range []string{"1.5", `"1"`, "9223372036854775808", "-9223372036854775809", "true", "[]", "1e30"} {
		requireBadField(t, acme.call(t, "increment", `{"key":"n","by":`+by+`}`), "by")
	}
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestIncrement_Race_Ugly(t *testing.T) {
	const clients, increments = 8, 50
	acme := newNamespace(t)
	var group sync.WaitGroup
	seen := make([][]int, clients)
	for client := range clients {
		connection := connect(t, acme.connection.ConnectedUrl())
		group.Go(func() {
			for range increments {
				reply, err := connection.Request("store."+acme.namespace+".increment", []byte(`{"key":"n"}`), patience)
				if !assert.NoError(t, err) {
					return
				}
				seen[client] = append(seen[client], int(*decodeBody[incrementReply](t, reply.Data).Value))
			}
		})
	}
	group.Wait()
	assert.Equal(t, strconv.Itoa(clients*increments), acme.value(t, "default", "n"))
	counted := map[int]bool{}
	for _, values := range seen {
		for index, value := range values {
			assert.False(t, counted[value], "%d was given twice", value)
			assert.True(t, index == 0 || value > values[index-1])
			counted[value] = true
		}
	}
}
