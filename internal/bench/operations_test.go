// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

var operationInput = input{key: 1234, value: []byte("dark"), buffer: []byte{}}

func TestOperations_Request_Good(t *testing.T) {
	space := subjects.Space{}
	for name, test := range map[string]struct {
		operation        operation
		subject, payload string
	}{
		"Set":    {setOperation(space, onePlace("acme")), "store.acme.set", `{"group":"bench","key":"k0001234","value":"dark"}`},
		"Get":    {getOperation(space, onePlace("acme"), 4), "store.acme.get", `{"group":"bench","key":"k0001234"}`},
		"RawSet": {rawSetOperation(space, "acme"), "store.acme.set.bench.k0001234", "dark"},
		"RawGet": {rawGetOperation(space, "acme", 4), "store.acme.get.bench.k0001234", ""},
		"List":   {listOperation(space, "acme", 2000), "store.acme.list", `{"group":"bench","prefix":"k00014","limit":100}`},
		"Put":    {putOperation("bucket"), "$KV.bucket.k0001234", "dark"},
		"Read":   {readOperation("bucket", 4), "$JS.API.DIRECT.GET.KV_bucket.$KV.bucket.k0001234", ""},
		"Echo":   {echoOperation("floor.echo", 4), "floor.echo", "dark"},
	} {
		t.Run(name, func(t *testing.T) {
			subject, payload := test.operation.request(operationInput)
			assert.Equal(t, test.subject, subject)
			assert.Equal(t, test.payload, string(payload))
		})
	}
	t.Run("JSONIsWhatTheContractTakes", func(t *testing.T) {
		var set subjects.SetRequest
		_, payload := setOperation(space, onePlace("acme")).request(operationInput)
		require.NoError(t, subjects.Decode(payload, &set))
		assert.Equal(t, "dark", *set.Value)
		var list subjects.ListRequest
		_, payload = listOperation(space, "acme", 2000).request(operationInput)
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
		operation operation
		reply     nats.Msg
	}{
		"Set":    {setOperation(space, onePlace("acme")), nats.Msg{Data: []byte(`{"revision":7,"created":true}`)}},
		"Get":    {getOperation(space, onePlace("acme"), 4), nats.Msg{Data: entry}},
		"RawSet": {rawSetOperation(space, "acme"), nats.Msg{Header: header, Data: []byte(`{"revision":7,"created":true}`)}},
		"RawGet": {rawGetOperation(space, "acme", 4), nats.Msg{Header: header, Data: []byte(value)}},
		"List":   {listOperation(space, "acme", 1), nats.Msg{Data: page}},
		"Put":    {putOperation("bucket"), nats.Msg{Data: []byte(`{"stream":"KV_bucket","seq":7}`)}},
		"Read":   {readOperation("bucket", 4), nats.Msg{Header: direct, Data: []byte(value)}},
	} {
		t.Run(name, func(t *testing.T) {
			revision, err := test.operation.accept(&test.reply)
			require.NoError(t, err)
			assert.Equal(t, uint64(7), revision)
		})
	}
}

func TestOperations_Accept_Bad(t *testing.T) {
	space := subjects.Space{}
	all := map[string]operation{
		"Set": setOperation(space, onePlace("acme")), "Get": getOperation(space, onePlace("acme"), 4), "RawSet": rawSetOperation(space, "acme"),
		"RawGet": rawGetOperation(space, "acme", 4), "List": listOperation(space, "acme", 2), "Put": putOperation("bucket"),
		"Read": readOperation("bucket", 4), "Echo": echoOperation("floor.echo", 4),
	}
	for name, operation := range all {
		for reason, reply := range map[string]*nats.Msg{
			"ARefusal": {Header: nats.Header{subjects.HeaderErrorCode: {"503"}, subjects.HeaderError: {"full"}}, Data: []byte(`{"error":{}}`)},
			"NobodyIs": {Header: nats.Header{statusHeader: {"503"}}},
			"NoReply":  {Data: []byte("?")},
			"Nothing":  {},
		} {
			t.Run(name+reason, func(t *testing.T) {
				_, err := operation.accept(reply)
				assert.Error(t, err)
			})
		}
	}
	for name, body := range map[string]string{
		"ThatTheStreamRefused": `{"error":{"code":503,"description":"no"},"stream":"KV_bucket","seq":0}`,
		"WithoutASequence":     `{"stream":"KV_bucket"}`,
	} {
		t.Run("Put"+name, func(t *testing.T) {
			_, err := all["Put"].accept(&nats.Msg{Data: []byte(body)})
			assert.Error(t, err)
		})
	}
	t.Run("AValueOfAnotherSize", func(t *testing.T) {
		_, err := all["Get"].accept(&nats.Msg{Data: []byte(`{"group":"g","key":"k","value":"longer","revision":7,"updated_at":"2026-11-22T10:00:00Z"}`)})
		assert.ErrorContains(t, err, "the reply holds 6, not 4")
		_, err = all["Get"].accept(&nats.Msg{Data: []byte(`{"group":"g","key":"k","revision":7,"updated_at":"2026-11-22T10:00:00Z"}`)})
		assert.ErrorContains(t, err, "no value")
	})
}
