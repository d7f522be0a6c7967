// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ttlRequests are the requests with a TTL, which replaces $. They concern the existing key
// k.
var ttlRequests = map[string]struct{ verb, body, field string }{
	"Set":               {"set", `{"key":"k","value":"1","ttl":$}`, "ttl"},
	"GetAndTouch":       {"get", `{"key":"k","ttl":$}`, "ttl"},
	"Touch":             {"touch", `{"key":"k","ttl":$}`, "ttl"},
	"Increment":         {"increment", `{"key":"k","ttl":$}`, "ttl"},
	"TransactionOfSet":  {"transaction", `{"then":[{"op":"set","key":"k","value":"1","ttl":$}]}`, "then/0/ttl"},
	"TransactionOfGet":  {"transaction", `{"then":[{"op":"get","key":"k","ttl":$}]}`, "then/0/ttl"},
	"TransactionTouch":  {"transaction", `{"then":[{"op":"touch","key":"k","ttl":$}]}`, "then/0/ttl"},
	"TransactionNumber": {"transaction", `{"then":[{"op":"increment","key":"k","ttl":$}]}`, "then/0/ttl"},
}

func TestTTL_Form_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", "1")
	for outcome, request := range ttlRequests {
		t.Run(outcome, func(t *testing.T) {
			for ttl, length := range map[string]time.Duration{
				`3600`: time.Hour, `3600.0`: time.Hour, `3.6e3`: time.Hour, `"3600"`: time.Hour, `"1h"`: time.Hour, `"3600000ms"`: time.Hour,
				`3599.9991`: time.Hour, `"59m59s999ms1us"`: time.Hour, `90.5`: 90500 * time.Millisecond, `"1500s"`: 1500 * time.Second,
				`3153600000`: 100 * 365 * 24 * time.Hour, `"876000h"`: 100 * 365 * 24 * time.Hour,
			} {
				before := time.Now()
				reply := acme.call(t, request.verb, strings.Replace(request.body, "$", ttl, 1))
				require.NotContains(t, reply.Header, headerErrorCode, "%s: %s", ttl, reply.Data)
				got := acme.entry(t, "default", "k")
				requireExpiry(t, got.ExpiresAt, before, length)
				assert.Zero(t, got.ExpiresAt.Nanosecond()%int(time.Millisecond), "rounded up to milliseconds")
			}
			reply := acme.call(t, request.verb, strings.Replace(request.body, "$", `"never"`, 1))
			require.NotContains(t, reply.Header, headerErrorCode, "%s", reply.Data)
			assert.Nil(t, acme.entry(t, "default", "k").ExpiresAt)
		})
	}
}

func TestTTL_Form_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", "1")
	for outcome, request := range ttlRequests {
		t.Run(outcome, func(t *testing.T) {
			for _, ttl := range []string{
				`0`, `-1`, `0.0009`, `3200000000`, `1e300`, `"0"`, `"0s"`, `"-1s"`, `"999us"`, `"900000h"`, `""`, `"soon"`, `" 5"`, `"5 "`,
				`"1.5"`, `"+5"`, `"Never"`, `"KEEP"`, `true`, `[]`, `{}`,
			} {
				reply := acme.call(t, request.verb, strings.Replace(request.body, "$", ttl, 1))
				requireBadField(t, reply, request.field)
			}
		})
	}
	assert.Equal(t, uint64(1), acme.revision(t), "an error changes nothing")
}

func TestTTL_Keep_Good(t *testing.T) {
	acme := newNamespace(t)
	for _, outcome := range []string{"Set", "Increment", "TransactionOfSet", "TransactionNumber"} {
		t.Run(outcome, func(t *testing.T) {
			request := ttlRequests[outcome]
			keep := strings.Replace(request.body, "$", `"keep"`, 1)
			set := decode[setReply](t, acme.call(t, "set", `{"key":"k","value":"1","ttl":"1h"}`))
			require.NotContains(t, acme.call(t, request.verb, keep).Header, headerErrorCode)
			kept := acme.entry(t, "default", "k")
			require.NotNil(t, kept.ExpiresAt)
			assert.True(t, set.ExpiresAt.Equal(*kept.ExpiresAt))

			acme.remove(t, "default", "k")
			require.NotContains(t, acme.call(t, request.verb, keep).Header, headerErrorCode)
			assert.Nil(t, acme.entry(t, "default", "k").ExpiresAt, "on a key that is not there: no expiry")
		})
	}
}

func TestTTL_Keep_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", "1")
	for _, outcome := range []string{"Touch", "GetAndTouch", "TransactionTouch", "TransactionOfGet"} {
		t.Run(outcome, func(t *testing.T) {
			request := ttlRequests[outcome]
			requireBadField(t, acme.call(t, request.verb, strings.Replace(request.body, "$", `"keep"`, 1)), request.field)
		})
	}
}

func TestTTL_LeftOut_Good(t *testing.T) {
	acme := newNamespace(t)
	for verb, body := range map[string]string{
		"increment":   `{"key":"k"}`,
		"get":         `{"key":"k"}`,
		"transaction": `{"then":[{"op":"increment","key":"k"},{"op":"get","key":"k"}]}`,
	} {
		t.Run(verb+"_keeps_it", func(t *testing.T) {
			set := decode[setReply](t, acme.call(t, "set", `{"key":"k","value":"1","ttl":"1h"}`))
			require.NotContains(t, acme.call(t, verb, body).Header, headerErrorCode)
			kept := acme.entry(t, "default", "k")
			require.NotNil(t, kept.ExpiresAt)
			assert.True(t, set.ExpiresAt.Equal(*kept.ExpiresAt))
		})
	}
	t.Run("set_in_a_transaction_clears_it", func(t *testing.T) {
		decode[setReply](t, acme.call(t, "set", `{"key":"k","value":"1","ttl":"1h"}`))
		decode[transactionReply](t, acme.call(t, "transaction", `{"then":[{"op":"set","key":"k","value":"2"}]}`))
		assert.Nil(t, acme.entry(t, "default", "k").ExpiresAt)
	})
}
