// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

func TestQuotas_Quota_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)
	set := ask[subjects.QuotaReply](bench, "store.admin.quota", `{"namespace":"acme","max_keys":1,"max_value_bytes":5}`)
	assert.Equal(t, subjects.QuotaReply{Namespace: "acme", MaxKeys: 1, MaxValueBytes: 5}, set)
	assert.Equal(t, set, ask[subjects.QuotaReply](bench, "store.admin.quota", `{"namespace":"acme"}`), "what is not given stands")
	assert.Equal(t, subjects.UsageReply{MaxKeys: 1, MaxValueBytes: 5, Keys: 1, Groups: 1, Bytes: 15, LogBytes: 29, Revision: 1, Store: bench.store.ID()},
		ask[subjects.UsageReply](bench, "store.acme.usage", ""))
	largest := ask[subjects.QuotaReply](bench, "store.admin.quota", fmt.Sprintf(`{"namespace":"later","max_groups":%d,"max_bytes":7}`, math.MaxInt64))
	assert.Equal(t, subjects.QuotaReply{Namespace: "later", MaxGroups: math.MaxInt64, MaxBytes: 7}, largest)
}

func TestQuotas_Quota_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	for field, body := range map[string]string{
		"namespace": `{"max_keys":1}`, "max_keys": `{"namespace":"acme","max_keys":-1}`, "max_bytes": fmt.Sprintf(`{"namespace":"acme","max_bytes":%d}`, uint64(math.MaxInt64)+1),
		"max_entries": `{"namespace":"acme","max_entries":1}`,
	} {
		failure := bench.refuse("store.admin.quota", body)
		assert.ErrorIs(t, failure, subjects.ErrBadRequest)
		assert.Equal(t, field, failure.Field)
	}
	assert.Equal(t, "namespace", bench.refuse("store.admin.quota", `{"namespace":"events"}`).Field)
	assert.Equal(t, "namespace", bench.refuse("store.acme.usage", `{"namespace":"other"}`).Field)
}

func TestQuotas_Exceeded_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.QuotaReply](bench, "store.admin.quota", `{"namespace":"acme","max_keys":1,"max_groups":1,"max_bytes":20,"max_value_bytes":10}`)
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"g","key":"k","value":"v"}`)
	for quota, expected := range map[string]struct {
		body         string
		limit, usage uint64
	}{
		"max_keys":        {`{"group":"g","key":"l","value":"v"}`, 1, 1},
		"max_value_bytes": {`{"group":"g","key":"k","value":"` + strings.Repeat("v", 11) + `"}`, 10, 11},
	} {
		failure := bench.refuse("store.acme.set", expected.body)
		assert.ErrorIs(t, failure, subjects.ErrQuotaExceeded)
		assert.Equal(t, quota, failure.Quota)
		assert.Equal(t, expected.limit, *failure.Limit)
		assert.Equal(t, expected.usage, *failure.Usage)
	}
	failure := bench.refuse("store.acme.transaction", `{"then":[{"op":"get","key":"k"},{"op":"set","group":"g","key":"l","value":"v"}]}`)
	assert.ErrorIs(t, failure, subjects.ErrQuotaExceeded)
	assert.Equal(t, 1, *failure.Index)
	assert.Equal(t, "store.Transaction: then/1: g/l: quota exceeded: keys: 1 in use, 1 are allowed", failure.Message)
}

// The quota of all namespaces holds for each namespace without one of its own, and covers the
// journal and the workspaces.
func TestQuotas_AllNamespaces_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	set := ask[subjects.QuotaReply](bench, "store.admin.quota", `{"namespace":"*","max_keys":1,"max_journal_bytes":60,"max_workspace_bytes":1}`)
	assert.Equal(t, subjects.QuotaReply{Namespace: "*", MaxKeys: 1, MaxJournalBytes: 60, MaxWorkspaceBytes: 1}, set)
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"g","key":"a","value":""}`)
	ask[subjects.JournalCommitReply](bench, "store.acme.journal_commit", `{"measurement":"m","fields":{"text":"0123456789"}}`)
	for limit, request := range map[string][2]string{
		"max_keys":            {"store.acme.set", `{"group":"g","key":"b","value":""}`},
		"max_journal_bytes":   {"store.acme.journal_commit", `{"measurement":"m","fields":{"text":"0123456789012345678901234567890123456789"}}`},
		"max_workspace_bytes": {"store.acme.workspace_open", `{"workspace":"w"}`},
	} {
		failure := bench.refuse(request[0], request[1])
		assert.Equal(t, []any{429, limit}, []any{failure.Code, failure.Quota})
	}
	usage := ask[subjects.UsageReply](bench, "store.acme.usage", `{}`)
	assert.Equal(t, uint64(60), usage.MaxJournalBytes)
	assert.Positive(t, usage.JournalBytes)
}
