// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each row of the table of errors has its code, its name, and no other fields than the
// table says. Errors that need a faulty disk or broker are in the tests of durability,
// pressure and stopping.
func TestErrors_Row_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", "text")
	acme.fill(t, "many", numbered("key", 10_000), func(int) string { return "v" })
	acme.set(t, "large", "v", strings.Repeat("x", 64<<10))
	runaway := "{{range .}}" + strings.Repeat(`{{if eq . "a" "b"}}x{{end}}`, 2000) + "{{end}}"
	for _, row := range []struct {
		outcome, verb, body string
		code                int
		name, fields        string
	}{
		{"Malformed", "get", `{`, 400, "bad_request", "field?"},
		{"Invalid", "get", `{"key":""}`, 400, "bad_request", "field"},
		{"Content", "increment", `{"key":"k"}`, 400, "bad_request", "field?"},
		{"NoSuchKey", "get", `{"key":"missing"}`, 404, "not_found", ""},
		{"TouchOfNoSuchKey", "touch", `{"key":"missing","ttl":"1h"}`, 404, "not_found", ""},
		{"AnotherRevision", "set", `{"key":"k","value":"v","if_revision":7}`, 409, "revision_conflict", "current_revision"},
		{"NoRevision", "set", `{"key":"missing","value":"v","if_revision":7}`, 409, "revision_conflict", "current_revision"},
		{"OutsideTheLog", "changes", `{"after":99999}`, 410, "compacted", "oldest revision store"},
		{"AnotherStore", "changes", `{"after":0,"store":"another"}`, 410, "compacted", "oldest revision store"},
		{"AValueTooLarge", "set", object(t, "key", "k", "value", strings.Repeat("x", maxPayload-32<<10)), 413, "too_large", "limit"},
		{"ATextTooLarge", "render", object(t, "group", "large", "template", strings.Repeat("{{.v}}", 17)), 413, "too_large", "limit"},
		{"Runaway", "render", object(t, "group", "many", "template", runaway), 504, "deadline_exceeded", ""},
		{"AQuota", "set", `{"key":"new","value":"v"}`, 429, "quota_exceeded", "quota limit usage"},
		{"InATransaction", "transaction", `{"then":[{"op":"touch","key":"missing","ttl":"1h"}]}`, 404, "not_found", "index"},
		{"AConflictInATransaction", "transaction", `{"then":[{"op":"delete","key":"k","if_revision":7}]}`, 409, "revision_conflict", "current_revision index"},
		{"AQuotaInATransaction", "transaction", `{"then":[{"op":"set","key":"new","value":"v"}]}`, 429, "quota_exceeded", "quota limit usage index"},
	} {
		t.Run(row.outcome, func(t *testing.T) {
			if row.code == 429 {
				acme.setQuota(t, "max_keys", 1)
			}
			failed := acme.call(t, row.verb, row.body)
			requireFailure(t, failed, row.code, row.name)
			body := decodeBody[map[string]map[string]json.RawMessage](t, failed.Data)
			required, optional := columns("code name message " + row.fields)
			given := slices.Collect(maps.Keys(body["error"]))
			assert.Subset(t, given, required, "%s", failed.Data)
			assert.Subset(t, append(required, optional...), given, "%s", failed.Data)
		})
	}
	assert.Equal(t, uint64(10_002), acme.revision(t), "a write that got an error changed nothing")
}

// The header is one line. Letters outside ASCII are escaped as strconv.QuoteToASCII does
// it.
func TestErrors_Header_Good(t *testing.T) {
	acme := newNamespace(t)
	for _, name := range []string{"größe", "日本", "😀", "\u2028", "tab\tand\nline", "\x7f"} {
		missing := acme.call(t, "get", object(t, "group", "g", "key", name))
		requireFailure(t, missing, 404, "not_found")
		escaped := strings.Trim(strconv.QuoteToASCII(name), `"`)
		assert.Contains(t, missing.Header.Get(headerError), escaped)
		require.Len(t, missing.Header[headerError], 1)
	}
	t.Run("OnTheRawFormToo", func(t *testing.T) {
		missing := acme.raw(t, "get", "g", "größe", nil)
		requireFailure(t, missing, 404, "not_found")
		assert.Contains(t, missing.Header.Get(headerError), `gr\u00f6\u00dfe`)
	})
	t.Run("ASuccessHasNone", func(t *testing.T) {
		set := acme.call(t, "set", `{"key":"k","value":"v"}`)
		assert.NotContains(t, set.Header, headerError)
		assert.NotContains(t, set.Header, headerErrorCode)
	})
}

// The first failing check decides the error.
func TestErrors_Order_Bad(t *testing.T) {
	tooLarge := strings.Repeat("x", maxPayload-32<<10)
	acme := newNamespace(t)
	standing := acme.set(t, "default", "k", "text")
	acme.setQuota(t, "max_keys", 1, "max_value_bytes", 10)
	for _, row := range []struct {
		outcome, verb, body, name string
		code                      int
	}{
		{"FormBeforeGuard", "set", `{"key":"k","value":5,"if_revision":7}`, "bad_request", 400},
		{"FormBeforeExistence", "touch", `{"key":"missing","ttl":"keep"}`, "bad_request", 400},
		{"FormBeforeSize", "set", object(t, "key", "", "value", tooLarge), "bad_request", 400},
		{"GuardBeforeExistence", "touch", `{"key":"missing","ttl":"1h","if_revision":7}`, "revision_conflict", 409},
		{"GuardBeforeSize", "set", object(t, "key", "k", "value", tooLarge, "if_revision", 7), "revision_conflict", 409},
		{"GuardBeforeQuota", "set", `{"key":"new","value":"v","if_revision":7}`, "revision_conflict", 409},
		{"ContentBeforeQuota", "increment", `{"key":"k","by":12345678901}`, "bad_request", 400},
		{"SizeBeforeQuota", "set", object(t, "key", "new", "value", tooLarge), "too_large", 413},
		{"Quota", "set", `{"key":"new","value":"v"}`, "quota_exceeded", 429},
	} {
		t.Run(row.outcome, func(t *testing.T) {
			requireFailure(t, acme.call(t, row.verb, row.body), row.code, row.name)
		})
	}
	assert.Equal(t, standing, acme.revision(t), "nothing was changed")
}

// Every time is RFC 3339 in UTC with up to nine decimals.
func TestErrors_Times_Good(t *testing.T) {
	acme := newNamespace(t)
	events := acme.events(t)
	var times []string
	collect := func(data []byte) {
		var found func(value any)
		found = func(value any) {
			switch value := value.(type) {
			case []any:
				for _, one := range value {
					found(one)
				}
			case map[string]any:
				for name, one := range value {
					text, isText := one.(string)
					if isText && slices.Contains([]string{"updated_at", "expires_at", "timestamp"}, name) {
						times = append(times, text)
					}
					found(one)
				}
			}
		}
		found(decodeBody[any](t, data))
	}
	for verb, body := range map[string]string{
		"set": `{"key":"k","value":"1","ttl":"1h"}`, "touch": `{"key":"k","ttl":"1500ms"}`, "increment": `{"key":"k","ttl":3600.5}`,
		"get": `{"key":"k"}`, "list": `{}`, "scan": `{}`, "get_many": `{"entries":[{"key":"k"}]}`, "changes": `{"after":0}`,
		"transaction": `{"then":[{"op":"set","key":"k","value":"1","ttl":"1h"},{"op":"get","key":"k"}]}`,
	} {
		acme.set(t, "default", "k", "1")
		collect(acme.call(t, verb, body).Data)
	}
	for revision := uint64(0); revision < acme.revision(t); revision++ {
		collect(events.next(t).Data)
	}
	times = append(times, acme.raw(t, "set", "g", "k", nil, headerTTL, "1h").Header.Get(headerExpiresAt))
	require.Greater(t, len(times), 20)
	for _, one := range times {
		assert.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$`, one)
	}
}
