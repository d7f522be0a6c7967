// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

var operationInput = Input{Key: 1234, Value: []byte("dark"), Buffer: []byte{}}

func TestOperations_Request_Good(t *testing.T) {
	space := subjects.Space{}
	for name, test := range map[string]struct {
		operation        Operation
		subject, payload string
	}{
		"Set":    {Set(space, onePlace("acme")), "store.acme.set", `{"group":"bench","key":"k0001234","value":"dark"}`},
		"Get":    {Get(space, onePlace("acme"), 4), "store.acme.get", `{"group":"bench","key":"k0001234"}`},
		"RawSet": {RawSet(space, "acme"), "store.acme.set.bench.k0001234", "dark"},
		"RawGet": {RawGet(space, "acme", 4), "store.acme.get.bench.k0001234", ""},
		"List":   {List(space, "acme", 2000), "store.acme.list", `{"group":"bench","prefix":"k00014","limit":100}`},
		"Put":    {Put("bucket"), "$KV.bucket.k0001234", "dark"},
		"Read":   {Read("bucket", 4), "$JS.API.DIRECT.GET.KV_bucket.$KV.bucket.k0001234", ""},
		"Echo":   {Echo("floor.echo", 4), "floor.echo", "dark"},
	} {
		t.Run(name, func(t *testing.T) {
			subject, payload := test.operation.Request(operationInput)
			assert.Equal(t, test.subject, subject)
			assert.Equal(t, test.payload, string(payload))
		})
	}
	t.Run("JSONIsWhatTheContractTakes", func(t *testing.T) {
		var set subjects.SetRequest
		_, payload := Set(space, onePlace("acme")).Request(operationInput)
		require.NoError(t, subjects.Decode(payload, &set))
		assert.Equal(t, "dark", *set.Value)
		var list subjects.ListRequest
		_, payload = List(space, "acme", 2000).Request(operationInput)
		require.NoError(t, subjects.Decode(payload, &list))
	})
}

func TestOperations_Accept_Good(t *testing.T) {
	space, header := subjects.Space{}, nats.Header{subjects.HeaderRevision: {"7"}}
	value := "dark"
	entry := subjects.AppendEntry(nil, &subjects.EntryRecord{Group: group, Key: "k0001234", Value: value, Revision: 7, UpdatedAt: time.Now()})
	page := append(append([]byte(`{"entries":[`), entry...), `],"revision":7,"store":"s"}`...)
	direct := nats.Header{jetstream.SequenceHeader: {"7"}, jetstream.TimeStampHeaer: {"2026-11-22T10:00:00Z"}}
	for name, test := range map[string]struct {
		operation Operation
		reply     nats.Msg
	}{
		"Set":    {Set(space, onePlace("acme")), nats.Msg{Data: []byte(`{"revision":7,"created":true}`)}},
		"Get":    {Get(space, onePlace("acme"), 4), nats.Msg{Data: entry}},
		"RawSet": {RawSet(space, "acme"), nats.Msg{Header: header, Data: []byte(`{"revision":7,"created":true}`)}},
		"RawGet": {RawGet(space, "acme", 4), nats.Msg{Header: header, Data: []byte(value)}},
		"List":   {List(space, "acme", 1), nats.Msg{Data: page}},
		"Put":    {Put("bucket"), nats.Msg{Data: []byte(`{"stream":"KV_bucket","seq":7}`)}},
		"Read":   {Read("bucket", 4), nats.Msg{Header: direct, Data: []byte(value)}},
	} {
		t.Run(name, func(t *testing.T) {
			revision, err := test.operation.Accept(&test.reply)
			require.NoError(t, err)
			assert.Equal(t, uint64(7), revision)
		})
	}
}

func TestOperations_Accept_Bad(t *testing.T) {
	space := subjects.Space{}
	all := map[string]Operation{
		"Set": Set(space, onePlace("acme")), "Get": Get(space, onePlace("acme"), 4), "RawSet": RawSet(space, "acme"),
		"RawGet": RawGet(space, "acme", 4), "List": List(space, "acme", 2), "Put": Put("bucket"),
		"Read": Read("bucket", 4), "Echo": Echo("floor.echo", 4),
	}
	for name, operation := range all {
		for reason, reply := range map[string]*nats.Msg{
			"ARefusal": {Header: nats.Header{subjects.HeaderErrorCode: {"503"}, subjects.HeaderError: {"full"}}, Data: []byte(`{"error":{}}`)},
			"NobodyIs": {Header: nats.Header{statusHeader: {"503"}}},
			"NoReply":  {Data: []byte("?")},
			"Nothing":  {},
		} {
			t.Run(name+reason, func(t *testing.T) {
				_, err := operation.Accept(reply)
				assert.Error(t, err)
			})
		}
	}
	for name, body := range map[string]string{
		"ThatTheStreamRefused": `{"error":{"code":503,"description":"no"},"stream":"KV_bucket","seq":0}`,
		"WithoutASequence":     `{"stream":"KV_bucket"}`,
	} {
		t.Run("Put"+name, func(t *testing.T) {
			_, err := all["Put"].Accept(&nats.Msg{Data: []byte(body)})
			assert.Error(t, err)
		})
	}
	t.Run("AValueOfAnotherSize", func(t *testing.T) {
		_, err := all["Get"].Accept(&nats.Msg{Data: []byte(`{"group":"g","key":"k","value":"longer","revision":7,"updated_at":"2026-11-22T10:00:00Z"}`)})
		assert.ErrorContains(t, err, "the reply holds 6, not 4")
		_, err = all["Get"].Accept(&nats.Msg{Data: []byte(`{"group":"g","key":"k","revision":7,"updated_at":"2026-11-22T10:00:00Z"}`)})
		assert.ErrorContains(t, err, "no value")
	})
}
