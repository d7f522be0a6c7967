// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// entryLimit is the most bytes of an entry, in its get reply and in its event.
const entryLimit = maxPayload - 32<<10

// envelope is more than the bytes that an entry with short names needs beside its value.
const envelope = 768

// sizedValues return a value that has the given number of bytes in JSON.
var sizedValues = map[string]func(travelling int) string{
	"Text":                      func(travelling int) string { return strings.Repeat("x", travelling) },
	"BytesThatEscapeSixfold":    func(travelling int) string { return strings.Repeat("\x01", travelling/6) },
	"BytesThatEscapeTwofold":    func(travelling int) string { return strings.Repeat(`"`, travelling/2) },
	"BytesThatTravelAsBase64":   func(travelling int) string { return strings.Repeat("\xff", travelling/4*3) },
	"LettersOfMoreThanOneByte":  func(travelling int) string { return strings.Repeat("é", travelling/2) },
	"LineBreaksThatAreTwoBytes": func(travelling int) string { return strings.Repeat("\n", travelling/2) },
}

// sized stores a value, in the JSON form and in the raw form.
var sized = map[string]func(t *testing.T, acme *tenant, value string) answer{
	"JSON": func(t *testing.T, acme *tenant, value string) answer {
		t.Helper()
		if strings.HasPrefix(value, "\xff") {
			value = base64.StdEncoding.EncodeToString([]byte(value))
			return acme.call(t, "set", object(t, "group", "g", "key", "k", "value", value, "encoding", "base64"))
		}
		return acme.call(t, "set", object(t, "group", "g", "key", "k", "value", value))
	},
	"Raw": func(t *testing.T, acme *tenant, value string) answer {
		t.Helper()
		return acme.raw(t, "set", "g", "k", []byte(value))
	},
	"Transaction": func(t *testing.T, acme *tenant, value string) answer {
		t.Helper()
		operation := map[string]any{"op": "set", "group": "g", "key": "k", "value": value}
		if strings.HasPrefix(value, "\xff") {
			operation["value"], operation["encoding"] = base64.StdEncoding.EncodeToString([]byte(value)), "base64"
		}
		return acme.call(t, "transaction", object(t, "then", []any{operation}))
	},
}

func TestLimits_JustUnder_Good(t *testing.T) {
	acme := newNamespace(t)
	events := acme.events(t)
	for outcome, sizedValue := range sizedValues {
		for form, set := range sized {
			t.Run(outcome+"_"+form, func(t *testing.T) {
				value := sizedValue(entryLimit - envelope)
				require.NotContains(t, set(t, acme, value).Header, headerErrorCode)
				same := value == string(acme.raw(t, "get", "g", "k", nil).Data)
				assert.True(t, same, "it comes back whole")
				announced := events.next(t)
				assert.LessOrEqual(t, len(announced.Data), entryLimit)
				assert.False(t, decodeBody[event](t, announced.Data).ValueOmitted, "it is announced whole")
				read := acme.call(t, "get", `{"group":"g","key":"k"}`)
				assert.LessOrEqual(t, len(read.Data), entryLimit)
				assert.Len(t, decode[listReply](t, acme.call(t, "list", `{"group":"g"}`)).Entries, 1)
				many := decode[getManyReply](t, acme.call(t, "get_many", `{"entries":[{"group":"g","key":"k"}]}`))
				assert.Equal(t, decode[entry](t, read), many.Entries[0].entry)
			})
		}
	}
	t.Run("AndCanBeTouched", func(t *testing.T) {
		decode[entry](t, acme.call(t, "get", `{"group":"g","key":"k","ttl":"1h"}`))
		assert.Equal(t, "touch", nextEvent(t, events).Type)
	})
}

func TestLimits_JustOver_Bad(t *testing.T) {
	acme := newNamespace(t)
	before := acme.set(t, "g", "k", "small")
	for outcome, sizedValue := range sizedValues {
		for form, set := range sized {
			t.Run(outcome+"_"+form, func(t *testing.T) {
				tooLarge := requireFailure(t, set(t, acme, sizedValue(entryLimit)), 413, "too_large")
				require.NotNil(t, tooLarge.Limit)
				assert.Equal(t, uint64(entryLimit), *tooLarge.Limit)
			})
		}
	}
	assert.Equal(t, before, acme.revision(t), "nothing is stored")
	assert.Equal(t, "small", acme.value(t, "g", "k"))
}

// Names count too: names with the longest encoding leave the least room for a value.
func TestLimits_LongNames_Good(t *testing.T) {
	acme := newNamespace(t)
	events := acme.events(t)
	group, key := strings.Repeat("\x01", 512), strings.Repeat("\x02", 2048)
	value := strings.Repeat("x", entryLimit-6*(512+2048)-envelope)
	decode[setReply](t, acme.call(t, "set", object(t, "group", group, "key", key, "value", value)))
	announced := decodeBody[event](t, events.next(t).Data)
	assert.Equal(t, key, *announced.Key)
	assert.False(t, announced.ValueOmitted)
	tooLarge := acme.call(t, "set", object(t, "group", group, "key", key, "value", value+strings.Repeat("x", envelope)))
	requireFailure(t, tooLarge, 413, "too_large")
}
