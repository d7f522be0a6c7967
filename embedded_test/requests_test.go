// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRequests_Body_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")

	t.Run("AnEmptyPayloadIsAnEmptyObject", func(t *testing.T) {
		assert.Empty(t, decode[listReply](t, acme.call(t, "list", "")).Entries)
	})
	t.Run("NullIsTheSameAsLeftOut", func(t *testing.T) {
		reply := acme.call(t, "set", `{"group":null,"key":"null","value":"v","encoding":null,"ttl":null,"if_revision":null}`)
		assert.Nil(t, decode[setReply](t, reply).ExpiresAt)
		got := decode[entry](t, acme.call(t, "get", `{"key":"null","group":null}`))
		assert.Equal(t, "default", got.Group)
		assert.Equal(t, "v", *got.Value)
	})
	t.Run("WhiteSpaceAroundTheObjectIsFree", func(t *testing.T) {
		decode[setReply](t, acme.call(t, "set", " \n\t{ \"key\" : \"spaced\" , \"value\" : \"v\" }\r\n "))
	})
	t.Run("EscapesAreRead", func(t *testing.T) {
		decode[setReply](t, acme.call(t, "set", `{"key":"\u0065scap\u0065d","value":"\ud83d\ude00 \u0000 \/"}`))
		got := decode[entry](t, acme.call(t, "get", `{"key":"escaped"}`))
		assert.Equal(t, "😀 \x00 /", *got.Value)
	})
}

func TestRequests_Body_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	cases := []struct{ outcome, verb, body, field string }{
		{"RefusesNull", "set", `null`, ""},
		{"RefusesAList", "set", `[]`, ""},
		{"RefusesAString", "set", `"key"`, ""},
		{"RefusesANumber", "list", `1`, ""},
		{"RefusesHalfAnObject", "set", `{"key":"k"`, ""},
		{"RefusesNoJSON", "set", `key=k`, ""},
		{"RefusesTrailingData", "set", `{"key":"k","value":"v"}{}`, ""},
		{"RefusesATrailingComma", "set", `{"key":"k","value":"v",}`, ""},
		{"NamesAnUnknownField", "set", `{"key":"k","value":"v","vlaue":"w"}`, "vlaue"},
		{"NamesAnUnknownFieldOfARead", "get", `{"key":"k","value":"v"}`, "value"},
		{"NamesAnUnknownFieldThatIsNull", "get", `{"key":"k","tll":null}`, "tll"},
		{"NamesARepeatedField", "set", `{"key":"k","value":"v","key":"l"}`, "key"},
		{"NamesARepeatedFieldWrittenWithEscapes", "set", `{"key":"k","value":"v","\u006bey":"l"}`, "key"},
		{"ReadsNamesCaseSensitively", "set", `{"Key":"k","value":"v"}`, "Key"},
		{"NamesAFieldOfTheWrongType", "set", `{"key":5,"value":"v"}`, "key"},
		{"RefusesAValueThatIsANumber", "set", `{"key":"k","value":5}`, "value"},
		{"RefusesAValueThatIsAnObject", "set", `{"key":"k","value":{"a":"b"}}`, "value"},
		{"RefusesARevisionThatIsAString", "set", `{"key":"k","value":"v","if_revision":"1"}`, "if_revision"},
		{"RefusesANegativeRevision", "set", `{"key":"k","value":"v","if_revision":-1}`, "if_revision"},
		{"RefusesAFractionOfARevision", "set", `{"key":"k","value":"v","if_revision":1.5}`, "if_revision"},
		{"RefusesInvalidUTF8", "set", "{\"key\":\"\xff\",\"value\":\"v\"}", "key"},
		{"RefusesInvalidUTF8InAValue", "set", "{\"key\":\"k\",\"value\":\"\xc3\x28\"}", "value"},
		{"RefusesALoneSurrogate", "set", `{"key":"\ud800","value":"v"}`, "key"},
		{"RefusesALoneLowSurrogateInAValue", "set", `{"key":"k","value":"x\udc00y"}`, "value"},
		{"RefusesALoneSurrogateInAPrefix", "list", `{"prefix":"\ud83d"}`, "prefix"},
		{"WantsAKeyForSet", "set", `{"value":"v"}`, "key"},
		{"WantsAKeyForGet", "get", `{}`, "key"},
		{"WantsAKeyForDelete", "delete", `{"group":"g"}`, "key"},
		{"WantsAKeyForExists", "exists", ``, "key"},
		{"WantsAKeyThatIsNotNull", "get", `{"key":null}`, "key"},
		{"WantsAValue", "set", `{"key":"k"}`, "value"},
		{"WantsAValueThatIsNotNull", "set", `{"key":"k","value":null}`, "value"},
		{"RefusesALimitOfZero", "list", `{"limit":0}`, "limit"},
		{"RefusesALimitOver1000", "list", `{"limit":1001}`, "limit"},
		{"RefusesANegativeLimit", "changes", `{"after":0,"limit":-1}`, "limit"},
		{"RefusesAFractionOfALimit", "list", `{"limit":1.5}`, "limit"},
		{"RefusesATextOfALimit", "list", `{"limit":"10"}`, "limit"},
		{"RefusesAFlagThatIsAString", "list", `{"keys_only":"true"}`, "keys_only"},
		{"WantsARevisionToBeginAfter", "changes", `{}`, "after"},
		{"RefusesAWaitOver30Seconds", "changes", `{"after":0,"wait":"31s"}`, "wait"},
		{"RefusesANegativeWait", "changes", `{"after":0,"wait":"-1s"}`, "wait"},
		{"RefusesAWaitThatIsNoDuration", "changes", `{"after":0,"wait":"soon"}`, "wait"},
		{"RefusesAnUnknownEncoding", "set", `{"key":"k","value":"v","encoding":"hex"}`, "encoding"},
		{"RefusesBase64ThatIsNone", "set", `{"key":"k","value":"%%%%","encoding":"base64"}`, "value"},
		{"RefusesBase64WithoutPadding", "set", `{"key":"k","value":"/w","encoding":"base64"}`, "value"},
		{"RefusesBase64OfTheURLAlphabet", "set", `{"key":"k","value":"_-8=","encoding":"base64"}`, "value"},
		{"RefusesATTLOfZero", "set", `{"key":"k","value":"v","ttl":0}`, "ttl"},
		{"RefusesANegativeTTL", "set", `{"key":"k","value":"v","ttl":-1}`, "ttl"},
		{"RefusesATTLOver100Years", "set", `{"key":"k","value":"v","ttl":3200000000}`, "ttl"},
		{"RefusesATTLThatIsNoDuration", "set", `{"key":"k","value":"v","ttl":"tomorrow"}`, "ttl"},
		{"RefusesATTLWithASpace", "set", `{"key":"k","value":"v","ttl":" 5"}`, "ttl"},
	}
	for _, test := range cases {
		t.Run(test.outcome, func(t *testing.T) {
			requireBadField(t, acme.call(t, test.verb, test.body), test.field)
		})
	}
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestRequests_RawForm_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	payload := []byte("any bytes: \x00\xff\"\n")

	set := acme.raw(t, "set", "files", "blob", payload)
	assert.Equal(t, uint64(1), decode[setReply](t, set).Revision)
	assert.Equal(t, "1", set.Header.Get(headerRevision))
	assert.NotContains(t, set.Header, headerExpiresAt)

	get := acme.raw(t, "get", "files", "blob", nil)
	assert.Equal(t, payload, get.Data)
	assert.Equal(t, "1", get.Header.Get(headerRevision))
	assert.NotContains(t, get.Header, headerErrorCode)

	exists := acme.raw(t, "exists", "files", "blob", nil)
	assert.True(t, decode[existsReply](t, exists).Exists)
	assert.Equal(t, "1", exists.Header.Get(headerRevision))

	removed := acme.raw(t, "delete", "files", "blob", nil)
	assert.Equal(t, deleteReply{Deleted: true, Revision: 2}, decode[deleteReply](t, removed))
	assert.Equal(t, "2", removed.Header.Get(headerRevision))

	t.Run("ExistsOfAMissingKeyIsNoError", func(t *testing.T) {
		missing := acme.raw(t, "exists", "files", "blob", nil)
		assert.JSONEq(t, `{"exists":false}`, string(missing.Data))
		assert.NotContains(t, missing.Header, headerRevision)
		assert.NotContains(t, missing.Header, headerErrorCode)
	})
	t.Run("AnEmptyPayloadIsAnEmptyValue", func(t *testing.T) {
		decode[setReply](t, acme.raw(t, "set", "files", "empty", nil))
		empty := acme.raw(t, "get", "files", "empty", nil)
		assert.Empty(t, empty.Data)
		assert.Equal(t, "3", empty.Header.Get(headerRevision))
		assert.Empty(t, *decode[entry](t, acme.call(t, "get", `{"group":"files","key":"empty"}`)).Value)
	})
	t.Run("HeadersSayWhatTheFieldsSay", func(t *testing.T) {
		revision := acme.set(t, "files", "guarded", "old")
		reply := acme.raw(t, "set", "files", "guarded", []byte("new"), headerIfRevision, "99")
		assert.Equal(t, revision, *requireFailure(t, reply, 409, "revision_conflict").CurrentRevision)
		set := acme.raw(t, "set", "files", "guarded", []byte("new"), headerIfRevision, "4", headerTTL, "1h")
		require.NotNil(t, decode[setReply](t, set).ExpiresAt)
		get := acme.raw(t, "get", "files", "guarded", nil)
		assert.Equal(t, set.Header.Get(headerExpiresAt), get.Header.Get(headerExpiresAt))
		assert.NotEmpty(t, get.Header.Get(headerExpiresAt))
		stale := acme.raw(t, "delete", "files", "guarded", nil, headerIfRevision, "4")
		requireFailure(t, stale, 409, "revision_conflict")
	})
}

func TestRequests_RawForm_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")

	for _, verb := range []string{"get", "delete", "exists"} {
		t.Run("RefusesAPayloadFor_"+verb, func(t *testing.T) {
			requireFailure(t, acme.raw(t, verb, "g", "k", []byte("{}")), 400, "bad_request")
		})
	}
	for _, revision := range []string{"abc", "-1", "", "1.0", "+1", "18446744073709551616"} {
		t.Run("RefusesTheRevision_"+revision, func(t *testing.T) {
			requireBadField(t, acme.raw(t, "set", "g", "k", nil, headerIfRevision, revision), headerIfRevision)
		})
	}
	for _, ttl := range []string{"0", "-1s", "", "soon"} {
		t.Run("RefusesTheTTL_"+ttl, func(t *testing.T) {
			requireBadField(t, acme.raw(t, "set", "g", "k", nil, headerTTL, ttl), headerTTL)
		})
	}
	t.Run("GetOfAMissingKeyIsNotFound", func(t *testing.T) {
		missing := acme.raw(t, "get", "g", "k", nil)
		requireFailure(t, missing, 404, "not_found")
		assert.NotContains(t, missing.Header, headerRevision)
	})
	t.Run("RefusesTheHeadersOnTheJSONForm", func(t *testing.T) {
		for _, header := range []string{headerIfRevision, headerTTL} {
			message := nats.NewMsg("store.acme.set")
			message.Data = []byte(`{"key":"k","value":"v"}`)
			message.Header.Set(header, "1")
			requireBadField(t, acme.send(t, message), header)
		}
	})
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestRequests_Verb_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")

	t.Run("AnUnknownVerbHasNoResponder", func(t *testing.T) {
		for _, subject := range []string{"store.acme.sett", "store.admin.stattus", "store.acme", "store.acme.set.g", "store.acme.set.g.k.x"} {
			_, err := acme.connection.Request(subject, nil, patience)
			require.ErrorIs(t, err, nats.ErrNoResponders, subject)
		}
	})
	t.Run("AdminIsNoTenant", func(t *testing.T) {
		for _, verb := range []string{"set", "get", "delete", "exists", "list", "changes"} {
			reply := acme.send(t, &nats.Msg{Subject: "store.admin." + verb, Data: []byte(`{"key":"k","value":"v","after":0}`)})
			requireFailure(t, reply, 400, "bad_request")
		}
	})
}

func TestRequests_ErrorHeaders_Ugly(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	name := "zwölf\r\nNats-Service-Error-Code: 200\r\n\r\n\x00😀"

	reply := acme.call(t, "get", object(t, "group", name, "key", name))
	requireFailure(t, reply, 404, "not_found")
	require.Len(t, reply.Header[headerErrorCode], 1)
	reply = acme.call(t, "get", object(t, "key", "k", name, "v"))
	assert.Equal(t, name, requireFailure(t, reply, 400, "bad_request").Field)
	reply = acme.call(t, "get", object(t, "key", "k", strings.Repeat("é", 100_000), "v"))
	requireFailure(t, reply, 400, "bad_request")
	assert.Less(t, len(reply.Header.Get(headerError)), 8192, "a header stays a header")
}

func TestRequests_WithoutReplySubject_Ugly(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.>")

	require.NoError(t, acme.connection.Publish("store.acme.get", []byte(`{"key":"silent"}`)))
	require.NoError(t, acme.connection.Publish("store.acme.set", []byte(`{"key":"silent","value":"v"}`)))

	written := decodeBody[event](t, receive(t, events).Data)
	assert.Equal(t, "silent", *written.Key, "a write without a reply subject is executed")
	assert.Equal(t, "v", *decode[entry](t, acme.call(t, "get", `{"key":"silent"}`)).Value)
}
