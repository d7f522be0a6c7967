// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// exchanges are calls, the requests they send, and their results for a given reply.
var exchanges = map[string]struct {
	call             func(ctx context.Context, store *client.Client) (any, error)
	subject, request string
	reply            string
	result           any
}{
	"Touch": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Touch(ctx, "acme", "presence", "42", subjects.After(90*time.Second), client.TouchOptions{IfRevision: client.Revision(41)})
		},
		subject: "store.acme.touch", request: `{"group":"presence","key":"42","ttl":90,"if_revision":41}`,
		reply:  `{"revision":42,"expires_at":"2026-11-22T10:01:00Z"}`,
		result: subjects.TouchReply{Revision: 42, ExpiresAt: aMinutePastTen},
	},
	"TouchForGood": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Touch(ctx, "acme", "presence", "42", subjects.NeverExpires, client.TouchOptions{})
		},
		subject: "store.acme.touch", request: `{"group":"presence","key":"42","ttl":"never"}`,
		reply: `{"revision":42}`, result: subjects.TouchReply{Revision: 42},
	},
	"GetAndTouch": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.GetAndTouch(ctx, "acme", "sessions", "k3F", subjects.After(time.Hour))
		},
		subject: "store.acme.get", request: `{"group":"sessions","key":"k3F","ttl":3600}`,
		reply:  `{"group":"sessions","key":"k3F","value":"x","revision":42,"updated_at":"2026-11-22T10:01:00Z","expires_at":"2026-11-22T10:01:00Z"}`,
		result: client.Entry{Group: "sessions", Key: "k3F", Value: []byte("x"), Revision: 42, UpdatedAt: aMinutePastTen, ExpiresAt: aMinutePastTen},
	},
	"Increment": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Increment(ctx, "acme", "counters", "visits", 0, client.IncrementOptions{})
		},
		subject: "store.acme.increment", request: `{"group":"counters","key":"visits","by":0}`,
		reply: `{"value":-9223372036854775808,"revision":42}`, result: subjects.IncrementReply{Value: -1 << 63, Revision: 42},
	},
	"IncrementWithExpiry": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Increment(ctx, "acme", "counters", "visits", -5, client.IncrementOptions{TTL: &subjects.NeverExpires})
		},
		subject: "store.acme.increment", request: `{"group":"counters","key":"visits","by":-5,"ttl":"never"}`,
		reply: `{"value":7,"revision":42}`, result: subjects.IncrementReply{Value: 7, Revision: 42},
	},
	"GetMany": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.GetMany(ctx, "acme", []client.Name{{Group: "config", Key: "theme"}, {Group: "config", Key: "icon"}})
		},
		subject: "store.acme.get_many", request: `{"entries":[{"group":"config","key":"theme"},{"group":"config","key":"icon"}]}`,
		reply: `{"entries":[{"group":"config","key":"theme","missing":true},{"group":"config","key":"icon","value":"/wA=","encoding":"base64",` +
			`"revision":41,"updated_at":"2026-11-22T10:01:00Z"}],"revision":42}`,
		result: client.Many{Revision: 42, Entries: []client.Lookup{
			{Entry: client.Entry{Group: "config", Key: "theme"}, Missing: true},
			{Entry: client.Entry{Group: "config", Key: "icon", Value: []byte{0xff, 0}, Revision: 41, UpdatedAt: aMinutePastTen}},
		}},
	},
	"GetManyOfNone": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.GetMany(ctx, "acme", nil)
		},
		subject: "store.acme.get_many", request: `{"entries":[]}`, reply: `{"entries":[],"revision":42}`,
		result: client.Many{Revision: 42, Entries: []client.Lookup{}},
	},
	"Scan": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Scan(ctx, "acme", client.ScanOptions{Prefix: "c", After: "e.a.b", Limit: 10, KeysOnly: true})
		},
		subject: "store.acme.scan", request: `{"prefix":"c","after":"e.a.b","limit":10,"keys_only":true}`,
		reply: `{"entries":[{"group":"config","key":"theme","revision":42,"updated_at":"2026-11-22T10:01:00Z"}],"next":"e.config.theme","revision":50,"store":"k3F"}`,
		result: client.Page{
			Entries: []client.Entry{{Group: "config", Key: "theme", Revision: 42, UpdatedAt: aMinutePastTen}},
			Next:    "e.config.theme", Revision: 50, Store: "k3F",
		},
	},
	"ScanWhatNoMessageCarries": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Scan(ctx, "acme", client.ScanOptions{})
		},
		subject: "store.acme.scan", request: `{}`,
		reply:  `{"entries":[{"group":"config","key":"theme","revision":42,"updated_at":"2026-11-22T10:01:00Z","value_omitted":true}],"revision":50,"store":"k3F"}`,
		result: client.Page{Entries: []client.Entry{{Group: "config", Key: "theme", Revision: 42, UpdatedAt: aMinutePastTen, ValueOmitted: true}}, Revision: 50, Store: "k3F"},
	},
	"GetManyOfWhatNoMessageCarries": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.GetMany(ctx, "acme", []client.Name{{Group: "config", Key: "theme"}})
		},
		subject: "store.acme.get_many", request: `{"entries":[{"group":"config","key":"theme"}]}`,
		reply: `{"entries":[{"group":"config","key":"theme","revision":41,"updated_at":"2026-11-22T10:01:00Z","value_omitted":true}],"revision":42}`,
		result: client.Many{Revision: 42, Entries: []client.Lookup{
			{Entry: client.Entry{Group: "config", Key: "theme", Revision: 41, UpdatedAt: aMinutePastTen, ValueOmitted: true}},
		}},
	},
	"Count": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Count(ctx, "acme", client.CountOptions{})
		},
		subject: "store.acme.count", request: `{}`, reply: `{"count":7,"revision":42}`, result: subjects.CountReply{Count: 7, Revision: 42},
	},
	"CountOfAGroup": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Count(ctx, "acme", client.CountOptions{Group: "config"})
		},
		subject: "store.acme.count", request: `{"group":"config"}`, reply: `{"count":7,"revision":42}`, result: subjects.CountReply{Count: 7, Revision: 42},
	},
	"CountOfAPrefix": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Count(ctx, "acme", client.CountOptions{Prefix: "user:"})
		},
		subject: "store.acme.count", request: `{"prefix":"user:"}`, reply: `{"count":7,"revision":42}`, result: subjects.CountReply{Count: 7, Revision: 42},
	},
	"Groups": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Groups(ctx, "acme", client.GroupsOptions{Prefix: "c", After: "g.a", Limit: 10})
		},
		subject: "store.acme.groups", request: `{"prefix":"c","after":"g.a","limit":10}`,
		reply:  `{"groups":[{"group":"config","keys":2,"revision":41}],"next":"g.config","revision":42}`,
		result: subjects.GroupsReply{Groups: []subjects.GroupStatus{{Group: "config", Keys: 2, Revision: 41}}, Next: "g.config", Revision: 42},
	},
	"DeleteGroup": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.DeleteGroup(ctx, "acme", "user:42", client.DeleteGroupOptions{})
		},
		subject: "store.acme.delete_group", request: `{"group":"user:42"}`, reply: `{"deleted":7,"revision":42}`,
		result: subjects.DeleteGroupReply{Deleted: 7, Revision: 42},
	},
	"DeletePrefix": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.DeletePrefix(ctx, "acme", "", client.DeletePrefixOptions{All: true})
		},
		subject: "store.acme.delete_prefix", request: `{"prefix":"","all":true}`, reply: `{"groups":2,"deleted":7,"revision":42}`,
		result: subjects.DeletePrefixReply{Groups: 2, Deleted: 7, Revision: 42},
	},
	"Render": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Render(ctx, "acme", "config", "{{.theme}}", client.RenderOptions{})
		},
		subject: "store.acme.render", request: `{"group":"config","template":"{{.theme}}"}`, reply: `{"text":"dark","revision":42}`,
		result: client.Text{Text: []byte("dark"), Revision: 42},
	},
	"RenderStrictly": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Render(ctx, "acme", "config", "", client.RenderOptions{Strict: true})
		},
		subject: "store.acme.render", request: `{"group":"config","template":"","strict":true}`, reply: `{"text":"/wA=","encoding":"base64","revision":42}`,
		result: client.Text{Text: []byte{0xff, 0}, Revision: 42},
	},
	"Split": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Split(ctx, "acme", "config", "hosts", "")
		},
		subject: "store.acme.split", request: `{"group":"config","key":"hosts","separator":""}`, reply: `{"parts":["a","b",""]}`,
		result: []string{"a", "b", ""},
	},
	"Fields": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Fields(ctx, "acme", "config", "hosts")
		},
		subject: "store.acme.fields", request: `{"group":"config","key":"hosts"}`, reply: `{"fields":["YQ==","/w=="],"encoding":"base64"}`,
		result: []string{"a", "\xff"},
	},
	"Usage": {
		call:    func(ctx context.Context, store *client.Client) (any, error) { return store.Usage(ctx, "acme") },
		subject: "store.acme.usage", request: `{}`,
		reply:  `{"max_keys":1,"max_groups":2,"max_bytes":3,"max_value_bytes":4,"max_log_bytes":9,"keys":5,"groups":6,"bytes":7,"log_bytes":10,"revision":8,"store":"k3F"}`,
		result: subjects.UsageReply{MaxKeys: 1, MaxGroups: 2, MaxBytes: 3, MaxValueBytes: 4, MaxLogBytes: 9, Keys: 5, Groups: 6, Bytes: 7, LogBytes: 10, Revision: 8, Store: "k3F"},
	},
	"JournalCommit": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.JournalCommit(ctx, "acme", "deploy", map[string]any{"seconds": 12.5, "tries": 3}, client.JournalOptions{Tags: map[string]string{"host": "a1"}})
		},
		subject: "store.acme.journal_commit", request: `{"measurement":"deploy","fields":{"seconds":12.5,"tries":{"integer":"3"}},"tags":{"host":"a1"}}`,
		reply:  `{"entry_id":7,"committed_at":"2026-11-22T10:01:00.000000001Z"}`,
		result: subjects.JournalCommitReply{EntryID: 7, CommittedAt: time.Date(2026, 11, 22, 10, 1, 0, 1, time.UTC)},
	},
	"JournalQuery": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.JournalQuery(ctx, "acme", `from(bucket: "b")`, client.JournalQueryOptions{Limit: 5})
		},
		subject: "store.acme.journal_query", request: `{"flux":"from(bucket: \"b\")","limit":5}`,
		reply: `{"rows":[{"entry_id":7,"measurement":"m","fields":{"a":1.5},"tags":{"t":"x"},"committed_at":"2026-11-22T10:01:00Z"}],"truncated":true}`,
		result: subjects.JournalQueryReply{Truncated: true, Rows: []subjects.JournalRow{{
			EntryID: 7, Measurement: "m", Fields: subjects.JournalFields{"a": jsontext.Value("1.5")}, Tags: map[string]string{"t": "x"}, CommittedAt: aMinutePastTen,
		}}},
	},
	"JournalStatus": {
		call:    func(ctx context.Context, store *client.Client) (any, error) { return store.JournalStatus(ctx, "acme") },
		subject: "store.acme.journal_status", request: `{}`, reply: `{"pending":1,"delivered":2,"rejected":3,"endpoint":null}`,
		result: subjects.JournalStatusReply{Pending: 1, Delivered: 2, Rejected: 3},
	},
	"JournalRejected": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.JournalRejected(ctx, "acme", client.JournalRejectedOptions{After: "t.5", Limit: 10})
		},
		subject: "store.acme.journal_rejected", request: `{"after":"t.5","limit":10}`,
		reply:  `{"entries":[{"entry_id":7,"measurement":"m","status":400,"reason":"bad"}],"next":"t.7"}`,
		result: subjects.JournalRejectedReply{Entries: []subjects.RejectedEntry{{EntryID: 7, Measurement: "m", Status: 400, Reason: "bad"}}, Next: "t.7"},
	},
	"JournalRequeue": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.JournalRequeue(ctx, "acme", client.JournalRequeueOptions{EntryIDs: []uint64{7}})
		},
		subject: "store.acme.journal_requeue", request: `{"entry_ids":[7]}`, reply: `{"requeued":1}`, result: subjects.JournalRequeueReply{Requeued: 1},
	},
	"WorkspaceOpen": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.WorkspaceOpen(ctx, "acme", "import", client.WorkspaceOptions{})
		},
		subject: "store.acme.workspace_open", request: `{"workspace":"import"}`, reply: `{"workspace":"import","created":true,"entries":7}`,
		result: subjects.WorkspaceOpenReply{Workspace: "import", Created: true, Entries: 7},
	},
	"WorkspacePut": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.WorkspacePut(ctx, "acme", "import", "row", map[string]any{"stock": 4}, client.WorkspaceOptions{})
		},
		subject: "store.acme.workspace_put", request: `{"workspace":"import","kind":"row","data":{"stock":4}}`, reply: `{"entries":7}`,
		result: subjects.WorkspacePutReply{Entries: 7},
	},
	"WorkspacePutOfJSON": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.WorkspacePut(ctx, "acme", "import", "row", jsontext.Value("9007199254740993"), client.WorkspaceOptions{})
		},
		subject: "store.acme.workspace_put", request: `{"workspace":"import","kind":"row","data":9007199254740993}`, reply: `{"entries":7}`,
		result: subjects.WorkspacePutReply{Entries: 7},
	},
	"WorkspaceAggregate": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.WorkspaceAggregate(ctx, "acme", "import")
		},
		subject: "store.acme.workspace_aggregate", request: `{"workspace":"import"}`, reply: `{"summary":{"row":7}}`, result: map[string]uint64{"row": 7},
	},
	"WorkspaceQuery": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.WorkspaceQuery(ctx, "acme", "import", "SELECT 1", client.WorkspaceQueryOptions{Limit: 10})
		},
		subject: "store.acme.workspace_query", request: `{"workspace":"import","sql":"SELECT 1","limit":10}`,
		reply:  `{"columns":["a","b"],"rows":[[1,{"base64":"/w=="}],[null,2.5]],"truncated":true}`,
		result: client.WorkspaceRows{Columns: []string{"a", "b"}, Rows: [][]any{{int64(1), []byte{0xff}}, {nil, 2.5}}, Truncated: true},
	},
	"WorkspaceCommit": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.WorkspaceCommit(ctx, "acme", "import", client.WorkspaceOptions{})
		},
		subject: "store.acme.workspace_commit", request: `{"workspace":"import"}`, reply: `{"entry_id":7,"summary":{"row":7},"revision":42}`,
		result: subjects.WorkspaceCommitReply{EntryID: 7, Summary: map[string]uint64{"row": 7}, Revision: 42},
	},
	"WorkspaceDiscard": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return nil, store.WorkspaceDiscard(ctx, "acme", "import", client.WorkspaceOptions{})
		},
		subject: "store.acme.workspace_discard", request: `{"workspace":"import"}`, reply: `{"discarded":true}`,
	},
	"Workspaces": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Workspaces(ctx, "acme", client.WorkspacesOptions{After: "w.a", Limit: 10})
		},
		subject: "store.acme.workspaces", request: `{"after":"w.a","limit":10}`,
		reply: `{"workspaces":[{"workspace":"import","entries":7,"opened_at":"2026-11-22T10:01:00Z","orphaned":true}],"next":"w.import"}`,
		result: subjects.WorkspacesReply{
			Workspaces: []subjects.WorkspaceStatus{{Workspace: "import", Entries: 7, OpenedAt: aMinutePastTen, Orphaned: true}}, Next: "w.import",
		},
	},
	"Flush": {
		call:    func(ctx context.Context, store *client.Client) (any, error) { return store.Flush(ctx) },
		subject: "store.admin.flush", request: `{}`, reply: `{"delivered":2,"pending":1,"last_error":"no"}`,
		result: subjects.FlushReply{Delivered: 2, Pending: 1, LastError: "no"},
	},
	"Describe": {
		call:    func(ctx context.Context, store *client.Client) (any, error) { return store.Describe(ctx) },
		subject: "store.admin.describe", request: `{}`,
		reply: `{"verbs":[{"name":"set","description":"store","writes":true,"fields":[{"name":"key","type":"string","required":true}]}]}`,
		result: subjects.DescribeReply{Verbs: []subjects.VerbDescription{{
			Name: "set", Description: "store", Writes: true, Fields: []subjects.FieldDescription{{Name: "key", Type: "string", Required: true}},
		}}},
	},
	"Namespaces": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Namespaces(ctx, client.NamespacesOptions{Prefix: "a", After: "n.aa", Limit: 10})
		},
		subject: "store.admin.namespaces", request: `{"prefix":"a","after":"n.aa","limit":10}`,
		reply: `{"namespaces":[{"namespace":"acme","revision":1,"keys":2,"groups":3,"bytes":4}],"next":"n.acme"}`,
		result: subjects.NamespacesReply{
			Namespaces: []subjects.NamespaceStatus{{Namespace: "acme", Revision: 1, Keys: 2, Groups: 3, Bytes: 4}}, Next: "n.acme",
		},
	},
	"Quota": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Quota(ctx, "acme", client.QuotaOptions{
				MaxKeys: new(uint64(0)), MaxGroups: new(uint64(1)), MaxBytes: new(uint64(2)), MaxValueBytes: new(uint64(3)),
			})
		},
		subject: "store.admin.quota", request: `{"namespace":"acme","max_keys":0,"max_groups":1,"max_bytes":2,"max_value_bytes":3}`,
		reply:  `{"namespace":"acme","max_keys":0,"max_groups":1,"max_bytes":2,"max_value_bytes":3}`,
		result: subjects.QuotaReply{Namespace: "acme", MaxGroups: 1, MaxBytes: 2, MaxValueBytes: 3},
	},
	"QuotaThatStands": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Quota(ctx, "acme", client.QuotaOptions{})
		},
		subject: "store.admin.quota", request: `{"namespace":"acme"}`, reply: `{"namespace":"acme","max_keys":7}`,
		result: subjects.QuotaReply{Namespace: "acme", MaxKeys: 7},
	},
	"Purge": {
		call:    func(ctx context.Context, store *client.Client) (any, error) { return store.Purge(ctx) },
		subject: "store.admin.purge", request: `{}`, reply: `{"expired":7}`, result: subjects.PurgeReply{Expired: 7},
	},
	"Backup": {
		call:    func(ctx context.Context, store *client.Client) (any, error) { return store.Backup(ctx, "monday.db") },
		subject: "store.admin.backup", request: `{"file":"monday.db"}`, reply: `{"file":"monday.db","bytes":4096}`,
		result: subjects.BackupReply{File: "monday.db", Bytes: 4096},
	},
	"Compact": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Compact(ctx, aMinutePastTen, client.CompactOptions{Format: subjects.ArchiveZstd})
		},
		subject: "store.admin.compact", request: `{"before":"2026-11-22T10:01:00Z","format":"zstd"}`, reply: `{"archive":"a.jsonl.zst","entries":7,"sha256":"e3","more":true}`,
		result: subjects.CompactReply{Archive: new("a.jsonl.zst"), Entries: 7, SHA256: "e3", More: true},
	},
	"CompactWithNothingToArchive": {
		call: func(ctx context.Context, store *client.Client) (any, error) {
			return store.Compact(ctx, aMinutePastTen, client.CompactOptions{})
		},
		subject: "store.admin.compact", request: `{"before":"2026-11-22T10:01:00Z"}`, reply: `{"archive":null,"entries":0}`, result: subjects.CompactReply{},
	},
}

var aMinutePastTen = time.Date(2026, 11, 22, 10, 1, 0, 0, time.UTC)

func TestVerbs_Exchange_Good(t *testing.T) {
	for name, exchange := range exchanges {
		t.Run(name, func(t *testing.T) {
			store, request := scripted(t, exchange.subject, exchange.reply)
			result, err := exchange.call(t.Context(), store)
			require.NoError(t, err)
			assert.JSONEq(t, exchange.request, request())
			assert.Equal(t, exchange.result, result)
		})
	}
}

func TestVerbs_Exchange_Bad(t *testing.T) {
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	store := newClient(t, connection.ConnectedUrl(), client.Config{})
	t.Run("GivesTheRefusal", func(t *testing.T) {
		answer(t, connection, "store.*.*", func(*nats.Msg) *nats.Msg {
			return refusal("429", `{"error":{"code":429,"name":"quota_exceeded","message":"full","quota":"max_keys","limit":10,"usage":12,"index":0}}`)
		})
		for name, exchange := range exchanges {
			_, err := exchange.call(t.Context(), store)
			require.ErrorIs(t, err, subjects.ErrQuotaExceeded, name)
			var failure *subjects.Error
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, "max_keys 10 12 0", failure.Quota+" "+number(*failure.Limit)+" "+number(*failure.Usage)+" "+number(uint64(*failure.Index)))
		}
	})
	t.Run("RefusesRepliesThatAreNone", func(t *testing.T) {
		for name, test := range map[string]struct{ exchange, reply string }{
			"AnotherNumberOfEntries": {"GetMany", `{"entries":[],"revision":42}`},
			"ValueThatIsNone":        {"GetMany", `{"entries":[{"value":"?","encoding":"base64"},{}]}`},
			"EntryThatIsNone":        {"GetAndTouch", `{"value":"?","encoding":"base64"}`},
			"PageOfNone":             {"Scan", `{"entries":[{"value":"?","encoding":"base64"}]}`},
			"TextThatIsNone":         {"Render", `{"text":"?","encoding":"base64"}`},
			"PartsThatAreNone":       {"Split", `{"parts":["?"],"encoding":"base64"}`},
			"FieldsThatAreNone":      {"Fields", `{"fields":["a"],"encoding":"hex"}`},
			"RowsThatAreNone":        {"WorkspaceQuery", `{"columns":["a"],"rows":[[true]],"truncated":false}`},
			"NoJSON":                 {"Count", `pong`},
		} {
			t.Run(name, func(t *testing.T) {
				exchange := exchanges[test.exchange]
				store, _ := scripted(t, exchange.subject, test.reply)
				_, err := exchange.call(t.Context(), store)
				assert.ErrorContains(t, err, "client."+test.exchange+": ")
				assert.ErrorContains(t, err, "the reply is not one of storebus")
			})
		}
	})
	t.Run("ChecksBeforeSending", func(t *testing.T) {
		ctx := t.Context()
		for name, call := range map[string]func() error{
			"Touch": func() error {
				_, err := store.Touch(ctx, "acme", "g", "k", subjects.KeepExpiry, client.TouchOptions{})
				return err
			},
			"GetAndTouch": func() error {
				_, err := store.GetAndTouch(ctx, "acme", "g", "", subjects.NeverExpires)
				return err
			},
			"GetMany": func() error {
				_, err := store.GetMany(ctx, "acme", make([]client.Name, 1))
				return err
			},
			"Count": func() error {
				_, err := store.Count(ctx, "acme", client.CountOptions{Group: "g", Prefix: "p"})
				return err
			},
			"Groups": func() error {
				_, err := store.Groups(ctx, "a_b", client.GroupsOptions{})
				return err
			},
			"Scan": func() error {
				_, err := store.Scan(ctx, "acme", client.ScanOptions{Limit: 1001})
				return err
			},
			"Quota": func() error {
				_, err := store.Quota(ctx, "events", client.QuotaOptions{})
				return err
			},
			"Backup": func() error {
				_, err := store.Backup(ctx, "../monday.db")
				return err
			},
			"Compact": func() error {
				_, err := store.Compact(ctx, time.Time{}, client.CompactOptions{})
				return err
			},
			"WorkspaceOpen": func() error {
				_, err := store.WorkspaceOpen(ctx, "acme", "../import", client.WorkspaceOptions{})
				return err
			},
			"WorkspacePut": func() error {
				_, err := store.WorkspacePut(ctx, "acme", "import", "row", func() {}, client.WorkspaceOptions{})
				return err
			},
			"WorkspaceQuery": func() error {
				_, err := store.WorkspaceQuery(ctx, "acme", "import", "SELECT 1", client.WorkspaceQueryOptions{Limit: 1001})
				return err
			},
		} {
			err := call()
			require.ErrorIs(t, err, subjects.ErrBadRequest, name)
			assert.ErrorContains(t, err, "client."+name+": ")
			assert.NotErrorIs(t, err, subjects.ErrQuotaExceeded, "it has not reached the sidecar")
		}
	})
}

// keysOf gives the elements of a sequence that ends well.
func keysOf[Element any](t *testing.T, elements iter.Seq2[Element, error], key func(Element) string) (keys []string) {
	t.Helper()
	for element, err := range elements {
		require.NoError(t, err)
		keys = append(keys, key(element))
	}
	return keys
}

func TestVerbs_Pages_Good(t *testing.T) {
	connection := connect(t, startBroker(t, server.Options{}).ClientURL())
	store := newClient(t, connection.ConnectedUrl(), client.Config{})
	twoPages := func(subject, first, second string) {
		answer(t, connection, subject, func(request *nats.Msg) *nats.Msg {
			if string(request.Data) == `{"limit":2}` {
				return body(first)
			}
			assert.JSONEq(t, `{"limit":2,"after":"more"}`, string(request.Data))
			return body(second)
		})
	}
	twoPages("store.acme.scan", `{"entries":[{"key":"a"},{"key":"b"}],"next":"more"}`, `{"entries":[{"key":"c"}]}`)
	twoPages("store.acme.groups", `{"groups":[{"group":"a"},{"group":"b"}],"next":"more"}`, `{"groups":[{"group":"c"}]}`)
	twoPages("store.acme.workspaces", `{"workspaces":[{"workspace":"a"},{"workspace":"b"}],"next":"more"}`, `{"workspaces":[{"workspace":"c"}]}`)
	twoPages("store.admin.namespaces", `{"namespaces":[{"namespace":"a"},{"namespace":"b"}],"next":"more"}`, `{"namespaces":[{"namespace":"c"}]}`)

	entries := store.ScanAll(t.Context(), "acme", client.ScanOptions{Limit: 2})
	groups := store.GroupsAll(t.Context(), "acme", client.GroupsOptions{Limit: 2})
	workspaces := store.WorkspacesAll(t.Context(), "acme", client.WorkspacesOptions{Limit: 2})
	namespaces := store.NamespacesAll(t.Context(), client.NamespacesOptions{Limit: 2})
	for range 2 { // ranging over it again starts over
		assert.Equal(t, []string{"a", "b", "c"}, keysOf(t, entries, func(entry client.Entry) string { return entry.Key }))
		assert.Equal(t, []string{"a", "b", "c"}, keysOf(t, groups, func(group subjects.GroupStatus) string { return group.Group }))
		assert.Equal(t, []string{"a", "b", "c"}, keysOf(t, workspaces, func(workspace subjects.WorkspaceStatus) string { return workspace.Workspace }))
		assert.Equal(t, []string{"a", "b", "c"}, keysOf(t, namespaces, func(namespace subjects.NamespaceStatus) string { return namespace.Namespace }))
	}
}
