// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// setQuota changes the quota of the namespace, and returns the quota in force. fields are
// pairs of name and value.
func (tenant *tenant) setQuota(t *testing.T, fields ...any) quotaLimits {
	t.Helper()
	body := object(t, append([]any{"namespace", tenant.namespace}, fields...)...)
	return decode[quotaReply](t, tenant.in("admin").call(t, "quota", body)).quotaLimits
}

// usage reads the usage and the limits of the namespace.
func (tenant *tenant) usage(t *testing.T) usageReply {
	t.Helper()
	return decode[usageReply](t, tenant.call(t, "usage", ""))
}

// requireQuota asserts a 429 for a quota. quota is the last word of the limit's field.
func requireQuota(t *testing.T, got answer, quota string, limit uint64) failure {
	t.Helper()
	exceeded := requireFailure(t, got, 429, "quota_exceeded")
	assert.True(t, strings.HasSuffix(exceeded.Quota, quota), exceeded.Quota)
	require.NotNil(t, exceeded.Limit)
	assert.Equal(t, limit, *exceeded.Limit)
	require.NotNil(t, exceeded.Usage)
	return exceeded
}

func TestQuota_Set_Good(t *testing.T) {
	acme := newNamespace(t)

	t.Run("NoneAtFirst", func(t *testing.T) {
		assert.Zero(t, acme.setQuota(t), "a limit of 0: none")
	})
	t.Run("ChangesWhatIsGivenOfIt", func(t *testing.T) {
		assert.Equal(t, quotaLimits{MaxKeys: 10, MaxBytes: 1000}, acme.setQuota(t, "max_keys", 10, "max_bytes", 1000))
		assert.Equal(t, quotaLimits{MaxKeys: 10, MaxGroups: 3, MaxBytes: 1000, MaxValueBytes: 50}, acme.setQuota(t, "max_groups", 3, "max_value_bytes", 50))
		assert.Equal(t, quotaLimits{MaxGroups: 3, MaxBytes: 1000, MaxValueBytes: 50}, acme.setQuota(t, "max_keys", 0, "max_groups", nil))
	})
	t.Run("IsShownToTheTenant", func(t *testing.T) {
		assert.Equal(t, quotaLimits{MaxGroups: 3, MaxBytes: 1000, MaxValueBytes: 50}, acme.usage(t).quotaLimits)
	})
	t.Run("OfOneNamespaceAlone", func(t *testing.T) {
		assert.Zero(t, acme.in("S"+acme.namespace[1:]).usage(t).quotaLimits)
	})
	t.Run("IsNoChange", func(t *testing.T) {
		assert.Zero(t, acme.revision(t))
	})
}

func TestQuota_Set_Bad(t *testing.T) {
	admin := newNamespace(t).in("admin")
	for body, field := range map[string]string{
		`{}`:                                   "namespace",
		`{"namespace":""}`:                     "namespace",
		`{"namespace":"events"}`:               "namespace",
		`{"namespace":"a_b"}`:                  "namespace",
		`{"namespace":"n","max_keys":-1}`:      "max_keys",
		`{"namespace":"n","max_groups":"3"}`:   "max_groups",
		`{"namespace":"n","max_bytes":1.5}`:    "max_bytes",
		`{"namespace":"n","max_value_bytes"1}`: "",
		`{"namespace":"n","maxkeys":1}`:        "maxkeys",
	} {
		t.Run(body, func(t *testing.T) {
			refused := requireFailure(t, admin.call(t, "quota", body), 400, "bad_request")
			if field != "" {
				assert.Equal(t, field, refused.Field)
			}
		})
	}
}

func TestQuota_MaxKeys_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.setQuota(t, "max_keys", 3)
	for _, key := range []string{"a", "b", "c"} {
		acme.set(t, "default", key, "v")
	}
	for verb, body := range map[string]string{
		"set":         `{"key":"d","value":"v"}`,
		"increment":   `{"key":"d"}`,
		"transaction": `{"then":[{"op":"set","key":"a","value":"w"},{"op":"set","key":"d","value":"v"}]}`,
	} {
		t.Run("RefusesANewKey_"+verb, func(t *testing.T) {
			exceeded := requireQuota(t, acme.call(t, verb, body), "keys", 3)
			assert.Equal(t, uint64(3), *exceeded.Usage)
			assert.Equal(t, verb == "transaction", exceeded.Index != nil && *exceeded.Index == 1)
		})
	}
	t.Run("RefusesANewKeyInTheRawForm", func(t *testing.T) {
		requireQuota(t, acme.raw(t, "set", "default", "d", []byte("v")), "keys", 3)
	})
	t.Run("PendingWritesCount", func(t *testing.T) {
		acme.remove(t, "default", "c")
		body := `{"then":[{"op":"set","key":"c","value":"v"},{"op":"set","key":"d","value":"v"}]}`
		assert.Equal(t, 1, *requireQuota(t, acme.call(t, "transaction", body), "keys", 3).Index)
		body = `{"then":[{"op":"delete","key":"b"},{"op":"set","key":"c","value":"v"},{"op":"set","key":"d","value":"v"}]}`
		assert.True(t, acme.transact(t, body).Succeeded)
	})
	t.Run("AKeyThatIsThereIsAlwaysWritten", func(t *testing.T) {
		acme.set(t, "default", "a", "much longer than before")
		decode[touchReply](t, acme.call(t, "touch", `{"key":"a","ttl":"1h"}`))
	})
	t.Run("ALimitBelowUseForbidsGrowthOnly", func(t *testing.T) {
		acme.setQuota(t, "max_keys", 1)
		acme.set(t, "default", "a", "again")
		requireQuota(t, acme.call(t, "set", `{"key":"new","value":"v"}`), "keys", 1)
		acme.remove(t, "default", "d")
		requireQuota(t, acme.call(t, "set", `{"key":"new","value":"v"}`), "keys", 1)
	})
	t.Run("ZeroIsNone", func(t *testing.T) {
		acme.setQuota(t, "max_keys", 0)
		acme.set(t, "default", "new", "v")
	})
	t.Run("AnotherNamespaceIsFree", func(t *testing.T) {
		acme.setQuota(t, "max_keys", 1)
		other := newNamespace(t)
		other.fill(t, "g", numbered("key", 10), func(int) string { return "v" })
	})
}

func TestQuota_MaxGroups_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.setQuota(t, "max_groups", 2)
	acme.set(t, "a", "k", "v")
	acme.set(t, "b", "k", "v")
	exceeded := requireQuota(t, acme.call(t, "set", `{"group":"c","key":"k","value":"v"}`), "groups", 2)
	assert.Equal(t, uint64(2), *exceeded.Usage)
	requireQuota(t, acme.call(t, "increment", `{"group":"c","key":"k"}`), "groups", 2)
	acme.set(t, "a", "another", "v")
	acme.remove(t, "b", "k")
	acme.set(t, "c", "k", "a group without keys counts for nothing")
}

func TestQuota_MaxBytes_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", strings.Repeat("x", 100))
	used := acme.usage(t).Bytes
	acme.setQuota(t, "max_bytes", used+10)
	exceeded := requireQuota(t, acme.call(t, "set", object(t, "key", "k", "value", strings.Repeat("x", 111))), "bytes", used+10)
	assert.Equal(t, used, *exceeded.Usage)
	acme.set(t, "default", "k", strings.Repeat("x", 110))
	assert.Equal(t, used+10, acme.usage(t).Bytes, "to the limit")
	requireQuota(t, acme.call(t, "set", `{"key":"l","value":""}`), "bytes", used+10)

	t.Run("AWriteThatDoesNotGrowIsAllowed", func(t *testing.T) {
		acme.setQuota(t, "max_bytes", 1)
		acme.set(t, "default", "k", strings.Repeat("y", 110))
		acme.set(t, "default", "k", strings.Repeat("y", 50))
		requireQuota(t, acme.call(t, "set", object(t, "key", "k", "value", strings.Repeat("x", 51))), "bytes", 1)
	})
	t.Run("ATransactionIsLookedAtOperationByOperation", func(t *testing.T) {
		acme.setQuota(t, "max_bytes", acme.usage(t).Bytes)
		assert.True(t, acme.transact(t, `{"then":[{"op":"set","key":"k","value":""},{"op":"set","key":"l","value":"v"}]}`).Succeeded)
	})
}

func TestQuota_MaxValueBytes_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "large", strings.Repeat("x", 100))
	acme.setQuota(t, "max_value_bytes", 10)
	acme.set(t, "default", "k", strings.Repeat("x", 10))
	requireQuota(t, acme.call(t, "set", object(t, "key", "k", "value", strings.Repeat("x", 11))), "value_bytes", 10)
	requireQuota(t, acme.raw(t, "set", "default", "k", []byte(strings.Repeat("\xff", 11))), "value_bytes", 10)
	requireQuota(t, acme.call(t, "increment", `{"key":"n","by":12345678901}`), "value_bytes", 10)
	requireQuota(t, acme.call(t, "transaction", object(t, "then", []any{
		map[string]any{"op": "set", "key": "k", "value": "éééééé"},
	})), "value_bytes", 10)
	decode[touchReply](t, acme.call(t, "touch", `{"key":"large","ttl":"1h"}`))
	assert.Equal(t, strings.Repeat("x", 10), acme.value(t, "default", "k"))
}

func TestQuota_Expired_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.setQuota(t, "max_keys", 20, "max_groups", 1)
	for round := range 5 {
		// Each key has expired before there is room for the next, even if its expire is not
		// logged.
		for _, key := range numbered("key", 20) {
			setBriefly(t, acme, fmt.Sprint("group-", round), key)
		}
	}
	assert.Zero(t, acme.usage(t).Keys, "a key whose time has come counts for nothing")
}

func TestQuota_Restart_Good(t *testing.T) {
	settings := embeddedConfig(t, func(*storebus.Config) {})
	first := startSidecarWith(t, settings)
	acme := newTenant(t, first.NATSURL(), "acme")
	limits := acme.setQuota(t, "max_keys", 2, "max_value_bytes", 100)
	acme.set(t, "default", "a", "v")
	acme.set(t, "default", "b", "v")
	before := acme.usage(t)
	require.NoError(t, first.Close())

	acme = newTenant(t, startSidecarWith(t, settings).NATSURL(), "acme")
	assert.Equal(t, before, acme.usage(t))
	assert.Equal(t, limits, acme.setQuota(t))
	requireQuota(t, acme.call(t, "set", `{"key":"c","value":"v"}`), "keys", 2)
}
