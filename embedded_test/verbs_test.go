// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// verbRow is a row of the tables of verbs. request and reply are the words of its columns,
// with ? after an optional field. body is a request that succeeds in a namespace from
// newSeeded.
type verbRow struct {
	verb, request, reply string
	writes, raw, admin   bool
	body                 string
	// silent writes change nothing in the log, so they have no event.
	silent bool
}

const (
	entryFields = "group key value encoding? revision updated_at expires_at?"
	limitFields = "max_keys max_groups max_bytes max_value_bytes max_journal_bytes max_workspace_bytes max_log_bytes"
)

var verbRows = []verbRow{
	{verb: "set", request: "group? key value encoding? ttl? if_revision?", reply: "revision created expires_at?",
		writes: true, raw: true, body: `{"key":"k","value":"v"}`},
	{verb: "get", request: "group? key ttl?", reply: entryFields, raw: true, body: `{"key":"k"}`},
	{verb: "get_many", request: "entries", reply: "entries revision", body: `{"entries":[{"key":"k"}]}`},
	{verb: "exists", request: "group? key", reply: "exists revision?", raw: true, body: `{"key":"k"}`},
	{verb: "delete", request: "group? key if_revision?", reply: "deleted revision", writes: true, raw: true, body: `{"key":"k"}`},
	{verb: "touch", request: "group? key ttl if_revision?", reply: "revision expires_at?",
		writes: true, raw: true, body: `{"key":"k","ttl":"1h"}`},
	{verb: "increment", request: "group? key by? ttl?", reply: "value revision expires_at?", writes: true, body: `{"key":"n"}`},
	{verb: "list", request: "group? prefix? after? limit? keys_only? descending?", reply: "entries next? revision store",
		body: `{"group":"default"}`},
	{verb: "scan", request: "prefix? after? limit? keys_only?", reply: "entries next? revision store", body: `{"limit":1}`},
	{verb: "count", request: "group? prefix?", reply: "count revision", body: `{"group":"default"}`},
	{verb: "groups", request: "prefix? after? limit?", reply: "groups next? revision", body: `{"limit":1}`},
	{verb: "delete_group", request: "group", reply: "deleted revision", writes: true, body: `{"group":"default"}`},
	{verb: "delete_prefix", request: "prefix all?", reply: "groups deleted revision", writes: true, body: `{"prefix":"def"}`},
	{verb: "render", request: "template group? strict?", reply: "text revision", body: `{"template":"{{.k}}"}`},
	{verb: "split", request: "group? key separator", reply: "parts", body: `{"key":"k","separator":","}`},
	{verb: "fields", request: "group? key", reply: "fields", body: `{"key":"k"}`},
	{verb: "transaction", request: "if? then? else?", reply: "succeeded first_revision? revision? results",
		writes: true, body: `{"then":[{"op":"set","key":"k","value":"v"}]}`},
	{verb: "changes", request: "after group? limit? wait? store?", reply: "changes next oldest revision store", body: `{"after":0}`},
	{verb: "usage", reply: limitFields + " keys groups bytes journal_bytes workspace_bytes log_bytes revision store", body: `{}`},

	{verb: "journal_commit", request: "measurement fields tags?", reply: "entry_id committed_at", writes: true, silent: true,
		body: `{"measurement":"m","fields":{"a":1}}`},
	{verb: "journal_query", request: "flux limit?", reply: "rows truncated", body: `{"flux":"from(bucket:\"b\") |> range(start:-1h)"}`},
	{verb: "journal_status", reply: "pending oldest_pending_at? delivered rejected last_error? endpoint", body: `{}`},
	{verb: "journal_rejected", request: "after? limit?", reply: "entries next?", body: `{"limit":1}`},
	{verb: "journal_requeue", request: "entry_ids?", reply: "requeued", writes: true, silent: true, body: `{}`},

	{verb: "workspace_open", request: "workspace", reply: "workspace created entries", writes: true, silent: true, body: `{"workspace":"w"}`},
	{verb: "workspace_put", request: "workspace kind data", reply: "entries", writes: true, silent: true, body: `{"workspace":"w","kind":"row","data":{"a":1}}`},
	{verb: "workspace_aggregate", request: "workspace", reply: "summary", body: `{"workspace":"w"}`},
	{verb: "workspace_query", request: "workspace sql limit?", reply: "columns rows truncated", body: `{"workspace":"w","sql":"SELECT 1"}`},
	{verb: "workspace_commit", request: "workspace", reply: "entry_id? summary revision", writes: true, body: `{"workspace":"w"}`},
	{verb: "workspace_discard", request: "workspace", reply: "discarded", writes: true, silent: true, body: `{"workspace":"w"}`},
	{verb: "workspaces", request: "after? limit?", reply: "workspaces next?", body: `{"limit":1}`},

	{verb: "namespaces", admin: true, request: "prefix? after? limit?", reply: "namespaces next?", body: `{"limit":1}`},
	{verb: "quota", admin: true, request: "namespace max_keys? max_groups? max_bytes? max_value_bytes? max_journal_bytes? max_workspace_bytes? max_log_bytes?", reply: "namespace? " + limitFields,
		writes: true, body: `{"namespace":"nobody"}`},
	{verb: "purge", admin: true, reply: "expired", writes: true, body: `{}`},
	{verb: "describe", admin: true, reply: "verbs", body: `{}`},
	{verb: "backup", admin: true, request: "file", reply: "file bytes", body: `{"file":"verbs.db"}`},
	{verb: "flush", admin: true, reply: "delivered pending last_error?", body: `{}`},
	{verb: "compact", admin: true, request: "before format?", reply: "archive entries sha256? more?", writes: true, silent: true,
		body: `{"before":"2020-01-01T00:00:00Z"}`},
	{verb: "status", admin: true, reply: "store instance version prefix durability writable reason? backlog oldest_unpublished_at? " +
		"pending_materialisation queue namespaces entries unscoped_entries journal clock_ahead_seconds " +
		"time database_bytes wal_bytes wal_oldest_seconds wal_hindered damaged_entries? repaired_entries? disk_free_bytes? backed_up_bytes? sync?", body: `{}`},
}

// tenantRows are the verbs of a namespace.
func tenantRows() []verbRow {
	return slices.DeleteFunc(slices.Clone(verbRows), func(row verbRow) bool { return row.admin })
}

// repeatableRows are the verbs that accept the same request repeatedly. A backup does not:
// its file must not exist yet.
func repeatableRows() []verbRow {
	return slices.DeleteFunc(slices.Clone(verbRows), func(row verbRow) bool { return row.verb == "backup" })
}

// newSeeded is a new namespace in which the request of every row succeeds.
func newSeeded(t *testing.T) *tenant {
	t.Helper()
	acme := newNamespace(t)
	acme.set(t, "default", "k", "v")
	acme.openWorkspace(t, "w")
	return acme
}

// ask makes a request of the verb with a body, in the namespace or as an operator.
func (row *verbRow) ask(t *testing.T, acme *tenant, body string) answer {
	t.Helper()
	if row.admin {
		acme = acme.in("admin")
	}
	return acme.call(t, row.verb, body)
}

// subject is the subject of the verb in a namespace.
func (row *verbRow) subject(namespace string) string {
	if row.admin {
		namespace = "admin"
	}
	return "store." + namespace + "." + row.verb
}

// columns reads a column of the table.
func columns(column string) (required, optional []string) {
	for _, field := range strings.Fields(column) {
		if name, found := strings.CutSuffix(field, "?"); found {
			optional = append(optional, name)
			continue
		}
		required = append(required, field)
	}
	return required, optional
}

// withField adds a field to a body. value is JSON.
func withField(body, name, value string) string {
	fields := strings.TrimSuffix(body, "}")
	if fields != "{" {
		fields += ","
	}
	return fields + `"` + name + `":` + value + "}"
}

// replaceField replaces the value of a field in a body. If value is empty, it removes the
// field.
func replaceField(t *testing.T, body, name, value string) string {
	t.Helper()
	fields := decodeBody[map[string]json.RawMessage](t, []byte(body))
	delete(fields, name)
	if value != "" {
		fields[name] = json.RawMessage(value)
	}
	rest, err := json.Marshal(fields)
	require.NoError(t, err)
	return string(rest)
}

// requireFields asserts that a reply is a success with the fields of a column.
func requireFields(t *testing.T, got answer, column string) {
	t.Helper()
	given := slices.Collect(maps.Keys(decode[map[string]json.RawMessage](t, got)))
	required, optional := columns(column)
	assert.Subset(t, given, required, "%.2000s", got.Data)
	assert.Subset(t, append(required, optional...), given, "%.2000s", got.Data)
}

func TestVerbs_Row_Good(t *testing.T) {
	for _, row := range repeatableRows() {
		t.Run(row.verb, func(t *testing.T) {
			requireFields(t, row.ask(t, newSeeded(t), row.body), row.reply)
		})
	}
}

func TestVerbs_Null_Good(t *testing.T) {
	for _, row := range repeatableRows() {
		t.Run(row.verb, func(t *testing.T) {
			body := row.body
			_, optional := columns(row.request)
			for _, field := range optional {
				if !strings.Contains(body, `"`+field+`"`) {
					body = withField(body, field, "null")
				}
			}
			requireFields(t, row.ask(t, newSeeded(t), body), row.reply)
		})
	}
}

func TestVerbs_Fields_Bad(t *testing.T) {
	acme := newNamespace(t)
	every := []string{"vlaue", "Key"}
	for _, row := range verbRows {
		required, optional := columns(row.request)
		every = slices.Concat(every, required, optional)
	}
	slices.Sort(every)
	every = slices.Compact(every)

	for _, row := range verbRows {
		required, optional := columns(row.request)
		own := slices.Concat(required, optional)
		t.Run("WantsEachRequiredField_"+row.verb, func(t *testing.T) {
			for _, field := range required {
				requireBadField(t, row.ask(t, acme, replaceField(t, row.body, field, "")), field)
				requireBadField(t, row.ask(t, acme, replaceField(t, row.body, field, "null")), field)
			}
		})
		t.Run("NamesAFieldOfTheWrongType_"+row.verb, func(t *testing.T) {
			for _, field := range own {
				wrong := "{}"
				switch field {
				case "fields", "tags":
					wrong = "7"
				case "data":
					continue // any JSON is valid there
				}
				requireBadField(t, row.ask(t, acme, replaceField(t, row.body, field, wrong)), field)
			}
		})
		t.Run("NamesAFieldOfAnotherVerb_"+row.verb, func(t *testing.T) {
			for _, field := range every {
				if !slices.Contains(own, field) {
					requireBadField(t, row.ask(t, acme, withField(row.body, field, "null")), field)
				}
			}
		})
		t.Run("NamesARepeatedField_"+row.verb, func(t *testing.T) {
			for _, field := range own {
				once := replaceField(t, row.body, field, "null")
				requireBadField(t, row.ask(t, acme, withField(once, field, "null")), field)
			}
		})
		t.Run("RefusesWhatIsNoObject_"+row.verb, func(t *testing.T) {
			for _, body := range []string{`null`, `[]`, `"k"`, `{`, row.body + row.body} {
				requireFailure(t, row.ask(t, acme, body), 400, "bad_request")
			}
		})
		t.Run("RefusesTheHeadersOfTheRawForm_"+row.verb, func(t *testing.T) {
			for _, header := range []string{headerTTL, headerIfRevision} {
				message := nats.NewMsg(row.subject(acme.namespace))
				message.Data = []byte(row.body)
				message.Header.Set(header, "1")
				requireBadField(t, acme.send(t, message), header)
			}
		})
	}
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestVerbs_Names_Bad(t *testing.T) {
	acme := newNamespace(t)
	for _, row := range tenantRows() {
		required, optional := columns(row.request)
		for field, limit := range map[string]int{"group": 512, "key": 2048} {
			if !slices.Contains(slices.Concat(required, optional), field) {
				continue
			}
			for outcome, name := range map[string]string{
				"Empty": `""`, "TooLong": `"` + strings.Repeat("n", limit+1) + `"`,
				"TooManyBytes": `"` + strings.Repeat("é", limit/2+1) + `"`, "NotUTF8": "\"\xff\"", "ALoneSurrogate": `"\udc00"`,
			} {
				t.Run(outcome+"_"+field+"_"+row.verb, func(t *testing.T) {
					requireBadField(t, acme.call(t, row.verb, withField(replaceField(t, row.body, field, ""), field, name)), field)
				})
			}
		}
	}
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestVerbs_Limit_Bad(t *testing.T) {
	acme := newSeeded(t)
	for _, row := range verbRows {
		_, optional := columns(row.request)
		if !slices.Contains(optional, "limit") {
			continue
		}
		t.Run(row.verb, func(t *testing.T) {
			for _, limit := range []string{"0", "-1", "1001", "1.5", `"10"`, "1e30"} {
				requireBadField(t, row.ask(t, acme, replaceField(t, row.body, "limit", limit)), "limit")
			}
			for _, limit := range []string{"1", "1000"} {
				requireFields(t, row.ask(t, acme, replaceField(t, row.body, "limit", limit)), row.reply)
			}
		})
	}
}

func TestVerbs_Namespace_Bad(t *testing.T) {
	acme := newNamespace(t)
	for outcome, namespace := range map[string]string{
		"ReservesEvents": "events", "ReservesWorkspace": "workspace", "ReservesAdmin": "admin",
		"RefusesAnUnderscore": "a_b", "RefusesAColon": "acme:config", "RefusesAnEscape": "a%62",
		"RefusesOver64Letters": strings.Repeat("n", 65), "RefusesOtherLetters": "größe", "RefusesADollar": "$acme",
	} {
		t.Run(outcome, func(t *testing.T) {
			refused := acme.in(namespace)
			for _, row := range tenantRows() {
				requireFailure(t, refused.call(t, row.verb, row.body), 400, "bad_request")
				if row.raw {
					requireFailure(t, refused.raw(t, row.verb, "g", "k", nil), 400, "bad_request")
				}
			}
		})
	}
	t.Run("IsCaseSensitive", func(t *testing.T) {
		for _, namespace := range []string{"Events", "ADMIN", "Workspace"} {
			requireFields(t, acme.in(namespace).call(t, "usage", ""), limitFields+" keys groups bytes journal_bytes workspace_bytes log_bytes revision store")
		}
	})
}

// An unknown verb has no responder. The broker answers 503 without a body, and the client
// returns ErrNoResponders.
func TestVerbs_NoSuchVerb_Bad(t *testing.T) {
	acme := newNamespace(t)
	for _, subject := range []string{
		"store.acme.sett", "store.acme.SET", "store.acme.increment.g.k", "store.acme.list.g.k", "store.acme.set.g", "store.acme.set.g.k.x",
		"store.admin.stattus", "store.acme.status", "store.acme.quota", "store.acme.describe",
	} {
		_, err := acme.connection.Request(subject, []byte(`{}`), patience)
		require.ErrorIs(t, err, nats.ErrNoResponders, subject)
	}
}

// If the sidecar accepted a reply subject under the prefix, it would publish for a tenant
// to a subject that is forbidden to the tenant.
func TestVerbs_ReplySubject_Bad(t *testing.T) {
	acme := newSeeded(t)
	victim := subscribe(t, acme.connection, "store.events.other.x")
	for _, row := range repeatableRows() {
		t.Run(row.verb, func(t *testing.T) {
			before := refusedReplies(t, acme.connection, row)
			ask(t, acme.connection, victim, row.subject(acme.namespace), row.body)
			// The sidecar takes this request on the same subscription, so after the first.
			requireFailure(t, row.ask(t, acme, `[]`), 400, "bad_request")
			requireSilence(t, acme.connection, victim)
			assert.Equal(t, before+1, refusedReplies(t, acme.connection, row), "it is counted")
		})
	}
	assert.Equal(t, uint64(1), acme.revision(t), "nothing is executed")
}

// refusedReplies is the number of requests of a verb that were refused because of their
// reply subject.
func refusedReplies(t *testing.T, connection *nats.Conn, row verbRow) int {
	t.Helper()
	for _, endpoint := range discover[micro.Stats](t, connection, "STATS").Endpoints {
		if endpoint.Subject == row.subject("*") {
			var data struct {
				RefusedReplies *int `json:"refused_replies"`
			}
			require.NoError(t, json.Unmarshal(endpoint.Data, &data))
			require.NotNil(t, data.RefusedReplies)
			return *data.RefusedReplies
		}
	}
	require.Fail(t, "no endpoint", row.verb)
	return 0
}

func TestVerbs_WithoutReplySubject_Ugly(t *testing.T) {
	for _, row := range tenantRows() {
		if !row.writes || row.silent {
			continue
		}
		t.Run(row.verb, func(t *testing.T) {
			acme := newSeeded(t)
			events := acme.events(t)
			// If nobody serves the verb, this fails at once.
			requireFailure(t, acme.call(t, row.verb, `[]`), 400, "bad_request")
			require.NoError(t, acme.connection.Publish(row.subject(acme.namespace), []byte(row.body)))
			written := nextEvent(t, events)
			assert.Equal(t, uint64(2), written.Revision, "a write without a reply subject is executed")
			assert.Equal(t, uint64(2), acme.revision(t))
		})
	}
}

// Writes without an event are executed without a reply subject as well.
func TestVerbs_WithoutReplySubject_Ugly_Silent(t *testing.T) {
	acme := newSeeded(t)
	awaitRead := func(verb, body, shown string) {
		for begun := time.Now(); time.Since(begun) < patience; {
			if strings.Contains(string(acme.call(t, verb, body).Data), shown) {
				return
			}
		}
		require.Fail(t, "not executed", "%s never shows %s", verb, shown)
	}
	publish := func(verb, body string) {
		require.NoError(t, acme.connection.Publish("store."+acme.namespace+"."+verb, []byte(body)))
	}
	publish("journal_commit", `{"measurement":"m","fields":{"a":1}}`)
	awaitRead("journal_query", `{"flux":"from(bucket: \"b\") |> range(start: -1h)"}`, `"measurement":"m"`)
	publish("workspace_open", `{"workspace":"w"}`)
	awaitRead("workspaces", ``, `"workspace":"w"`)
	publish("workspace_put", `{"workspace":"w","kind":"row","data":7}`)
	awaitRead("workspace_aggregate", `{"workspace":"w"}`, `"row":1`)
	publish("workspace_discard", `{"workspace":"w"}`)
	awaitRead("workspaces", ``, `"workspaces":[]`)
}

func TestVerbs_Silence_Good(t *testing.T) {
	acme := newSeeded(t)
	events := acme.events(t)
	for _, row := range tenantRows() {
		if !row.writes {
			requireFields(t, acme.call(t, row.verb, row.body), row.reply)
		}
	}
	decode[deleteGroupReply](t, acme.call(t, "delete_group", `{"group":"nobody"}`))
	decode[deletePrefixReply](t, acme.call(t, "delete_prefix", `{"prefix":"nobody"}`))
	decode[transactionReply](t, acme.call(t, "transaction", `{"then":[{"op":"get","key":"k"},{"op":"delete","key":"missing"}]}`))
	requireFailure(t, acme.call(t, "increment", `{"key":"k"}`), 400, "bad_request")
	requireFailure(t, acme.call(t, "touch", `{"key":"missing","ttl":"1h"}`), 404, "not_found")
	assert.Equal(t, uint64(1), acme.revision(t))

	acme.set(t, "default", "k", "w")
	assert.Equal(t, uint64(2), nextEvent(t, events).Revision, "only a change is announced")
	requireSilence(t, acme.connection, events.Subscription)
}

func TestVerbs_UnwrittenNamespace_Good(t *testing.T) {
	acme := newNamespace(t)
	for _, row := range tenantRows() {
		if slices.Contains([]string{"set", "increment", "transaction", "workspace_commit"}, row.verb) {
			continue // these verbs write
		}
		reply := acme.call(t, row.verb, row.body)
		if reply.Header.Get(headerErrorCode) != "" {
			requireFailure(t, reply, 404, "not_found")
			continue
		}
		var body struct{ Revision, Deleted any }
		require.NoError(t, json.Unmarshal(reply.Data, &body))
		assert.Contains(t, []any{nil, 0.0}, body.Revision, "%s: 0 where nothing was ever written", row.verb)
		assert.Contains(t, []any{nil, 0.0, false}, body.Deleted, row.verb)
	}
	names := decode[namespacesReply](t, acme.in("admin").call(t, "namespaces", object(t, "prefix", acme.namespace, "limit", 1000)))
	assert.NotContains(t, namespaceNames(names.Namespaces), acme.namespace, "reading leaves no trace")
}

func TestVerbs_Endpoints_Good(t *testing.T) {
	info := discover[micro.Info](t, newNamespace(t).connection, "INFO")
	endpoints := map[string]micro.EndpointInfo{}
	for _, endpoint := range info.Endpoints {
		endpoints[endpoint.Name] = endpoint
	}
	tenants := map[string]bool{}
	for _, row := range tenantRows() {
		tenants[row.verb] = true
	}
	for _, row := range verbRows {
		name, writes := row.verb, map[bool]string{true: "true", false: "false"}[row.writes]
		if row.admin {
			assert.NotContains(t, tenants, row.verb, "no admin verb is also a tenant's")
			name = "admin_" + row.verb
		}
		subjects := map[string]string{name: row.subject("*")}
		if row.raw {
			subjects[name+"_raw"] = "store.*." + row.verb + ".*.*"
		}
		for name, subject := range subjects {
			if !assert.Contains(t, endpoints, name) {
				continue
			}
			assert.Equal(t, subject, endpoints[name].Subject)
			assert.NotEmpty(t, endpoints[name].Metadata["description"], name)
			if row.verb != "backup" { // a backup changes the disk, but no stored data
				assert.Equal(t, writes, endpoints[name].Metadata["writes"], name)
			}
		}
		if !row.raw {
			assert.NotContains(t, endpoints, name+"_raw")
		}
	}
}
