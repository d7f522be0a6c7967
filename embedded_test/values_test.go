// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestValues_RoundTrip_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.acme.values")

	everyByte := make([]byte, 256)
	for index := range everyByte {
		everyByte[index] = byte(index)
	}
	for outcome, value := range map[string]struct {
		bytes  string
		binary bool
	}{
		"Empty":            {"", false},
		"Text":             {"dark", false},
		"JSON":             {`{"nested":["\u0041",null]}`, false},
		"ControlBytes":     {"\x00\x01\x02\b\f\n\r\t\x1f\x7f", false},
		"HTML":             {"<script>&amp;</script>", false},
		"NotASCII":         {"größe 日本語 😀 \u2028 \ufffd", false},
		"NotUTF8":          {"\xff\xfe", true},
		"BrokenSequence":   {"valid until \xe6\x97", true},
		"EncodedSurrogate": {"\xed\xa0\x80", true},
		"EveryByte":        {string(everyByte), true},
	} {
		t.Run(outcome, func(t *testing.T) {
			travels, encoding := value.bytes, ""
			if value.binary {
				travels, encoding = base64.StdEncoding.EncodeToString([]byte(value.bytes)), "base64"
			}
			for form, write := range map[string]func() answer{
				"Raw": func() answer { return acme.raw(t, "set", "values", "v", []byte(value.bytes)) },
				"JSON": func() answer {
					body := []any{"group", "values", "key", "v", "value", travels}
					if value.binary {
						body = append(body, "encoding", encoding)
					}
					return acme.call(t, "set", object(t, body...))
				},
				"Base64": func() answer {
					encoded := base64.StdEncoding.EncodeToString([]byte(value.bytes))
					return acme.call(t, "set", object(t, "group", "values", "key", "v", "value", encoded, "encoding", "base64"))
				},
			} {
				revision := decode[setReply](t, write()).Revision
				assert.Equal(t, value.bytes, string(acme.raw(t, "get", "values", "v", nil).Data), form)

				got := decode[entry](t, acme.call(t, "get", `{"group":"values","key":"v"}`))
				require.NotNil(t, got.Value, form)
				assert.Equal(t, travels, *got.Value, form)
				assert.Equal(t, encoding, got.Encoding, "base64 is used only where the bytes need it")
				assert.Equal(t, revision, got.Revision, form)

				listed := decode[listReply](t, acme.call(t, "list", `{"group":"values"}`)).Entries
				require.Len(t, listed, 1)
				assert.Equal(t, got, listed[0], form)

				announced := decodeBody[event](t, receive(t, events).Data)
				require.NotNil(t, announced.Value, form)
				assert.Equal(t, travels, *announced.Value, form)
				assert.Equal(t, encoding, announced.Encoding, form)
			}
		})
	}
}

func TestValues_Size_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.acme.>")
	for outcome, value := range map[string]string{
		"TextThatTravelsAsItIs":     strings.Repeat("x", maxPayload-34<<10),
		"ControlBytesEscapeSixfold": strings.Repeat("\x01", (maxPayload-34<<10)/6),
		"QuotesEscapeTwofold":       strings.Repeat(`"`, (maxPayload-34<<10)/2),
		"BytesTravelAsBase64":       strings.Repeat("\xff", (maxPayload-34<<10)/4*3),
	} {
		t.Run(outcome, func(t *testing.T) {
			decode[setReply](t, acme.raw(t, "set", "large", "k", []byte(value)))
			same := value == string(acme.raw(t, "get", "large", "k", nil).Data)
			assert.True(t, same, "it comes back whole")
			got := decode[entry](t, acme.call(t, "get", `{"group":"large","key":"k"}`))
			require.NotNil(t, got.Value)
			announced := decodeBody[event](t, receive(t, events).Data)
			assert.False(t, announced.ValueOmitted, "what was stored can be announced")
			require.NotNil(t, announced.Value)
			same = *got.Value == *announced.Value
			assert.True(t, same, "it is announced whole")
		})
	}
}

func TestValues_Size_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	before := acme.set(t, "large", "k", "small")
	for outcome, value := range map[string]string{
		"TextOverTheLimit":          strings.Repeat("x", maxPayload-32<<10),
		"ControlBytesOverTheLimit":  strings.Repeat("\x01", maxPayload/6),
		"BytesOverTheLimitAsBase64": strings.Repeat("\xff", maxPayload/4*3),
		"AsLargeAsAMessageCanCarry": strings.Repeat("x", maxPayload-4<<10),
		"InvalidUTF8AtTheVeryEnd":   strings.Repeat("x", maxPayload-64<<10) + "\xff",
		"QuotesOverTheLimit":        strings.Repeat(`"`, maxPayload/2),
	} {
		t.Run(outcome, func(t *testing.T) {
			tooLarge := requireFailure(t, acme.raw(t, "set", "large", "k", []byte(value)), 413, "too_large")
			require.NotNil(t, tooLarge.Limit)
			assert.Equal(t, uint64(maxPayload-32<<10), *tooLarge.Limit)
		})
	}
	t.Run("AGuardIsLookedAtBeforeTheSize", func(t *testing.T) {
		reply := acme.raw(t, "set", "large", "k", []byte(strings.Repeat("x", maxPayload-8<<10)), headerIfRevision, "99")
		requireFailure(t, reply, 409, "revision_conflict")
	})
	assert.Equal(t, before, acme.revision(t), "nothing was stored")
	assert.Equal(t, "small", *decode[entry](t, acme.call(t, "get", `{"group":"large","key":"k"}`)).Value)
}
