// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// newRequest makes an empty request of each verb.
var newRequest = map[subjects.Verb]func() subjects.Request{
	subjects.VerbSet:             func() subjects.Request { return &subjects.SetRequest{} },
	subjects.VerbGet:             func() subjects.Request { return &subjects.GetRequest{} },
	subjects.VerbDelete:          func() subjects.Request { return &subjects.DeleteRequest{} },
	subjects.VerbExists:          func() subjects.Request { return &subjects.ExistsRequest{} },
	subjects.VerbTouch:           func() subjects.Request { return &subjects.TouchRequest{} },
	subjects.VerbIncrement:       func() subjects.Request { return &subjects.IncrementRequest{} },
	subjects.VerbTransaction:     func() subjects.Request { return &subjects.TransactionRequest{} },
	subjects.VerbGetMany:         func() subjects.Request { return &subjects.GetManyRequest{} },
	subjects.VerbList:            func() subjects.Request { return &subjects.ListRequest{} },
	subjects.VerbScan:            func() subjects.Request { return &subjects.ScanRequest{} },
	subjects.VerbChanges:         func() subjects.Request { return &subjects.ChangesRequest{} },
	subjects.VerbCount:           func() subjects.Request { return &subjects.CountRequest{} },
	subjects.VerbGroups:          func() subjects.Request { return &subjects.GroupsRequest{} },
	subjects.VerbDeleteGroup:     func() subjects.Request { return &subjects.DeleteGroupRequest{} },
	subjects.VerbDeletePrefix:    func() subjects.Request { return &subjects.DeletePrefixRequest{} },
	subjects.VerbRender:          func() subjects.Request { return &subjects.RenderRequest{} },
	subjects.VerbSplit:           func() subjects.Request { return &subjects.SplitRequest{} },
	subjects.VerbFields:          func() subjects.Request { return &subjects.FieldsRequest{} },
	subjects.VerbUsage:           func() subjects.Request { return &subjects.UsageRequest{} },
	subjects.VerbJournalCommit:   func() subjects.Request { return &subjects.JournalCommitRequest{} },
	subjects.VerbJournalQuery:    func() subjects.Request { return &subjects.JournalQueryRequest{} },
	subjects.VerbJournalStatus:   func() subjects.Request { return &subjects.JournalStatusRequest{} },
	subjects.VerbJournalRejected: func() subjects.Request { return &subjects.JournalRejectedRequest{} },
	subjects.VerbJournalRequeue:  func() subjects.Request { return &subjects.JournalRequeueRequest{} },

	subjects.VerbWorkspaceOpen:      func() subjects.Request { return &subjects.WorkspaceOpenRequest{} },
	subjects.VerbWorkspacePut:       func() subjects.Request { return &subjects.WorkspacePutRequest{} },
	subjects.VerbWorkspaceAggregate: func() subjects.Request { return &subjects.WorkspaceAggregateRequest{} },
	subjects.VerbWorkspaceQuery:     func() subjects.Request { return &subjects.WorkspaceQueryRequest{} },
	subjects.VerbWorkspaceCommit:    func() subjects.Request { return &subjects.WorkspaceCommitRequest{} },
	subjects.VerbWorkspaceDiscard:   func() subjects.Request { return &subjects.WorkspaceDiscardRequest{} },
	subjects.VerbWorkspaces:         func() subjects.Request { return &subjects.WorkspacesRequest{} },

	subjects.VerbAdminFlush:      func() subjects.Request { return &subjects.FlushRequest{} },
	subjects.VerbAdminCompact:    func() subjects.Request { return &subjects.CompactRequest{} },
	subjects.VerbAdminStatus:     func() subjects.Request { return &subjects.StatusRequest{} },
	subjects.VerbAdminDescribe:   func() subjects.Request { return &subjects.DescribeRequest{} },
	subjects.VerbAdminNamespaces: func() subjects.Request { return &subjects.NamespacesRequest{} },
	subjects.VerbAdminQuota:      func() subjects.Request { return &subjects.QuotaRequest{} },
	subjects.VerbAdminPurge:      func() subjects.Request { return &subjects.PurgeRequest{} },
	subjects.VerbAdminBackup:     func() subjects.Request { return &subjects.BackupRequest{} },
}

// decodeRequest reads a body as a sidecar does: first its syntax, then its content.
func decodeRequest(verb subjects.Verb, body string) (subjects.Request, error) {
	empty, known := newRequest[verb]
	if !known {
		return nil, fmt.Errorf("newRequest has no row for %s", verb)
	}
	request := empty()
	if err := subjects.Decode([]byte(body), request); err != nil {
		return request, err
	}
	return request, request.Check()
}

// goodBodies are requests with every field of their verbs, and some at their bounds.
var goodBodies = map[subjects.Verb][]string{
	subjects.VerbSet: {
		`{"group":"config","key":"theme","value":"dark","encoding":null,"ttl":"keep","if_revision":0}`, `{"key":"k","value":""}`,
		`{"key":"k","value":"//4=","encoding":"base64"}`,
	},
	subjects.VerbGet:    {`{"group":"config","key":"theme","ttl":90}`, `{"key":"k","ttl":"never"}`, `{"key":"k"}`},
	subjects.VerbDelete: {`{"group":"config","key":"theme","if_revision":41}`, `{"key":"k"}`},
	subjects.VerbExists: {`{"group":"config","key":"theme"}`, `{"key":"k"}`},
	subjects.VerbTouch:  {`{"group":"config","key":"theme","ttl":1.5,"if_revision":41}`, `{"key":"k","ttl":"never"}`},
	subjects.VerbIncrement: {
		`{"group":"config","key":"visits","by":-9223372036854775808,"ttl":"keep"}`, `{"key":"k","by":9223372036854775807}`, `{"key":"k","by":0}`, `{"key":"k"}`,
	},
	subjects.VerbTransaction: {
		`{"if":[{"group":"config","key":"theme","revision":0},{"key":"k","exists":false},{"key":"k","value":"","exists":true,"revision":7},{"key":"k","value":"//4=","encoding":"base64"}],
			"then":[{"op":"set","group":"config","key":"theme","value":"dark","ttl":"keep","if_revision":0},{"op":"set","key":"k","value":"//4=","encoding":"base64"},
				{"op":"get","group":"config","key":"theme","ttl":60},{"op":"delete","group":"config","key":"theme","if_revision":4},
				{"op":"touch","group":"config","key":"theme","ttl":"never","if_revision":4},{"op":"increment","group":"g","key":"k","by":-1,"ttl":"keep"},
				{"op":"delete_group","group":"config"}],
			"else":[{"op":"get","key":"k"}]}`,
		`{}`, `{"if":[],"then":[],"else":[]}`, `{"if":null}`,
		`{"then":[` + strings.TrimSuffix(strings.Repeat(`{"op":"get","key":"k"},`, subjects.MaxElements), ",") + `]}`,
	},
	subjects.VerbGetMany: {`{"entries":[{"group":"config","key":"theme"},{"key":"k"},{"key":"k","group":null}]}`, `{"entries":[]}`},
	subjects.VerbList: {
		`{"group":"config","prefix":"t","after":"k.theme","limit":1000,"keys_only":true,"descending":true}`, `{}`, `{"limit":1,"prefix":""}`,
		`{"prefix":"` + strings.Repeat("p", subjects.MaxKeyBytes) + `"}`,
	},
	subjects.VerbScan:         {`{"prefix":"c","after":"e.config.theme","limit":10,"keys_only":true}`, `{}`, `{"prefix":"` + strings.Repeat("p", subjects.MaxGroupBytes) + `"}`},
	subjects.VerbChanges:      {`{"after":0,"group":"config","limit":10,"wait":"30s","store":"k3F"}`, `{"after":0}`},
	subjects.VerbCount:        {`{"group":"config"}`, `{"prefix":"c"}`, `{"prefix":""}`, `{}`},
	subjects.VerbGroups:       {`{"prefix":"c","after":"g.config","limit":10}`, `{}`},
	subjects.VerbDeleteGroup:  {`{"group":"config"}`},
	subjects.VerbDeletePrefix: {`{"prefix":"","all":true}`, `{"prefix":"user:"}`},
	subjects.VerbRender: {
		`{"template":"{{.theme}}","group":"config","strict":true}`, `{"template":""}`, `{"template":"` + strings.Repeat("t", subjects.MaxTemplateBytes) + `"}`,
	},
	subjects.VerbSplit:  {`{"group":"config","key":"list","separator":","}`, `{"key":"k","separator":""}`},
	subjects.VerbFields: {`{"group":"config","key":"list"}`, `{"key":"k"}`},
	subjects.VerbUsage:  {``, `{}`},
	subjects.VerbJournalCommit: {
		`{"measurement":"deploy","fields":{"seconds":12.5,"on":true,"who":"Ada","n":{"integer":"-5"},"u":{"unsigned":"18446744073709551615"},"none":null},"tags":{"host":"a1"}}`,
		`{"measurement":"m","fields":{"a":-1}}`,
	},
	subjects.VerbJournalQuery: {
		`{"flux":"from(bucket: \"b\") |> range(start: -1h)","limit":1000}`, `{"flux":""}`, `{"flux":"` + strings.Repeat("f", subjects.MaxFluxBytes) + `"}`,
	},
	subjects.VerbJournalStatus:   {``, `{}`},
	subjects.VerbJournalRejected: {`{"after":"t.1700000000000000000","limit":10}`, `{}`},
	subjects.VerbJournalRequeue:  {`{"entry_ids":[1,2]}`, `{"entry_ids":[]}`, `{}`},
	subjects.VerbWorkspaceOpen:   {`{"workspace":"import-42"}`},
	subjects.VerbWorkspacePut: {
		`{"workspace":"a","kind":"row","data":{"sku":"A-17","n":[1,2.50]}}`, `{"workspace":"a","kind":"row","data":[null]}`, `{"workspace":"a","kind":"größe","data":1e400}`,
		`{"workspace":"a","kind":"` + strings.Repeat("k", subjects.MaxKindBytes) + `","data":"x"}`,
	},
	subjects.VerbWorkspaceAggregate: {`{"workspace":"a"}`},
	subjects.VerbWorkspaceQuery:     {`{"workspace":"a","sql":"SELECT 1","limit":1000}`, `{"workspace":"a","sql":""}`},
	subjects.VerbWorkspaceCommit:    {`{"workspace":"a"}`},
	subjects.VerbWorkspaceDiscard:   {`{"workspace":"a"}`},
	subjects.VerbWorkspaces:         {``, `{}`, `{"after":"w.a","limit":10}`},
	subjects.VerbAdminFlush:         {``, `{}`},
	subjects.VerbAdminCompact: {
		`{"before":"2026-11-22T10:00:00Z"}`, `{"before":"2026-11-22T11:00:00.123456789+01:00","format":"zstd"}`, `{"before":"1969-12-31T23:59:59Z","format":"gzip"}`,
	},
	subjects.VerbAdminStatus:     {``, `{}`},
	subjects.VerbAdminDescribe:   {``, `{}`},
	subjects.VerbAdminNamespaces: {`{"prefix":"a","after":"n.acme","limit":10}`, `{}`},
	subjects.VerbAdminQuota: {
		`{"namespace":"acme","max_keys":0,"max_groups":1,"max_bytes":9223372036854775807,"max_value_bytes":null}`, `{"namespace":"acme","max_value_bytes":1}`,
	},
	subjects.VerbAdminPurge:  {``, `{}`},
	subjects.VerbAdminBackup: {`{"file":"monday.db"}`, `{"file":"a"}`, `{"file":"2026-11-22_10.00.db"}`, `{"file":"` + strings.Repeat("f", 128) + `"}`},
}

func TestRequests_Check_Good(t *testing.T) {
	require.Len(t, newRequest, len(subjects.TenantVerbs())+len(subjects.AdminVerbs()))
	for verb := range newRequest {
		t.Run(string(verb), func(t *testing.T) {
			require.NotEmpty(t, goodBodies[verb])
			for _, body := range goodBodies[verb] {
				request, err := decodeRequest(verb, body)
				require.NoError(t, err, body)
				data, err := json.Marshal(request)
				require.NoError(t, err)
				again, err := decodeRequest(verb, string(data))
				require.NoError(t, err)
				assert.Equal(t, request, again, "what was read is sent the same")
			}
		})
	}
}

const (
	longGroup  = subjects.MaxGroupBytes + 1
	longKey    = subjects.MaxKeyBytes + 1
	tooMany    = subjects.MaxElements + 1
	aboveInt64 = "9223372036854775808"
)

// badBodies are requests that are refused, and the field that is named.
var badBodies = map[subjects.Verb]map[string]string{
	subjects.VerbSet:    {`{"key":"k"}`: "value", `{"key":"k","value":"?","encoding":"base64"}`: "value", `{"key":"k","value":"x","encoding":"hex"}`: "encoding"},
	subjects.VerbGet:    {`{"key":"k","ttl":"keep"}`: "ttl", `{"key":"k","ttl":0}`: "ttl"},
	subjects.VerbDelete: {`{"key":"k","if_revision":-1}`: "if_revision"},
	subjects.VerbTouch:  {`{"key":"k","ttl":null}`: "ttl", `{"key":"k","ttl":"keep"}`: "ttl", `{"key":"k","ttl":"soon"}`: "ttl"},
	subjects.VerbIncrement: {
		`{"key":"k","by":"1"}`: "by", `{"key":"k","by":1.0}`: "by", `{"key":"k","by":1e3}`: "by", `{"key":"k","by":` + aboveInt64 + `}`: "by",
		`{"key":"k","by":-9223372036854775809}`: "by", `{"key":"k","ttl":0}`: "ttl",
	},
	subjects.VerbTransaction: {
		`{"if":{}}`:                          "if",
		`{"if":[{}]}`:                        "if/0/key",
		`{"if":[null]}`:                      "if/0/key",
		`{"if":[{"key":"k"}]}`:               "if/0",
		`{"if":[{"key":"k","exists":null}]}`: "if/0",
		`{"if":[{"key":"k","exists":1}]}`:    "if/0/exists",
		`{"if":[{"key":"k","exists":true},{"group":"","key":"k","exists":true}]}`:                "if/1/group",
		`{"if":[{"key":"k","encoding":"base64"}]}`:                                               "if/0/value",
		`{"if":[{"key":"k","value":"?","encoding":"base64"}]}`:                                   "if/0/value",
		`{"if":[{"key":"k","value":"x","encoding":"hex"}]}`:                                      "if/0/encoding",
		`{"if":[{"key":"k","if_revision":1}]}`:                                                   "if/0/if_revision",
		`{"then":[{}]}`:                                                                          "then/0/op",
		`{"then":[{"key":"k"}]}`:                                                                 "then/0/op",
		`{"then":[{"op":""}]}`:                                                                   "then/0/op",
		`{"then":[{"op":"list"}]}`:                                                               "then/0/op",
		`{"then":[{"op":"SET"}]}`:                                                                "then/0/op",
		`{"then":[{"op":1}]}`:                                                                    "then/0/op",
		`{"then":[{"op":"get"}]}`:                                                                "then/0/key",
		`{"then":[{"op":"get","key":""}]}`:                                                       "then/0/key",
		`{"then":[{"op":"get","key":"k","ttl":"keep"}]}`:                                         "then/0/ttl",
		`{"then":[{"op":"get","key":"k","value":"v"}]}`:                                          "then/0/value",
		`{"then":[{"op":"get","key":"k","if_revision":1}]}`:                                      "then/0/if_revision",
		`{"then":[{"op":"set","key":"k"}]}`:                                                      "then/0/value",
		`{"then":[{"op":"set","key":"k","value":"v","by":1}]}`:                                   "then/0/by",
		`{"then":[{"op":"set","key":"k","value":"v","ttl":0}]}`:                                  "then/0/ttl",
		`{"then":[{"op":"delete","key":"k","ttl":1}]}`:                                           "then/0/ttl",
		`{"then":[{"op":"delete","key":"k","encoding":"base64"}]}`:                               "then/0/encoding",
		`{"then":[{"op":"touch","key":"k"}]}`:                                                    "then/0/ttl",
		`{"then":[{"op":"touch","key":"k","ttl":"keep"}]}`:                                       "then/0/ttl",
		`{"then":[{"op":"increment","key":"k","if_revision":0}]}`:                                "then/0/if_revision",
		`{"then":[{"op":"delete_group"}]}`:                                                       "then/0/group",
		`{"then":[{"op":"delete_group","group":"g","key":"k"}]}`:                                 "then/0/key",
		`{"else":[{"op":"get","key":"k"},{"op":"get","ky":"k"}]}`:                                "else/1/ky",
		`{"else":[{"op":"get","key":"k"},{"op":"get","key":"k","key":"k"}]}`:                     "else/1/key",
		`{"else":[{"op":"get","key":"k"},{"op":"touch","key":"k","ttl":"soon"}]}`:                "else/1/ttl",
		`{"else":[{"op":"get","key":"k"},{"op":"increment","key":"k","by":` + aboveInt64 + `}]}`: "else/1/by",
		`{"if":[` + elements(`{"key":"k","exists":true}`, tooMany) + `]}`:                        "if",
		`{"then":[` + elements(`{"op":"get","key":"k"}`, tooMany) + `]}`:                         "then",
		`{"else":[` + elements(`{"op":"get","key":"k"}`, tooMany) + `]}`:                         "else",
	},
	subjects.VerbGetMany: {
		`{"entries":null}`: "entries", `{"entries":{}}`: "entries", `{"entries":["k"]}`: "entries/0", `{"entries":[{"key":"k"},{"group":"g"}]}`: "entries/1/key",
		`{"entries":[{"group":"","key":"k"}]}`: "entries/0/group", `{"entries":[{"key":"k","ttl":1}]}`: "entries/0/ttl",
		`{"entries":[` + elements(`{"key":"k"}`, tooMany) + `]}`: "entries",
	},
	subjects.VerbList: {
		`{"limit":0}`: "limit", `{"limit":1001}`: "limit", `{"limit":-1}`: "limit", `{"limit":1e2}`: "limit", `{"group":""}`: "group",
		`{"prefix":"` + strings.Repeat("p", longKey) + `"}`: "prefix",
	},
	subjects.VerbScan: {`{"limit":0}`: "limit", `{"prefix":"` + strings.Repeat("p", longGroup) + `"}`: "prefix", `{"group":"g"}`: "group"},
	subjects.VerbChanges: {
		`{"after":null}`: "after", `{"after":0,"limit":0}`: "limit", `{"after":0,"group":""}`: "group", `{"after":0,"wait":31}`: "wait",
	},
	subjects.VerbCount:        {`{"group":"g","prefix":""}`: "prefix", `{"group":""}`: "group", `{"prefix":"` + strings.Repeat("p", longGroup) + `"}`: "prefix"},
	subjects.VerbGroups:       {`{"limit":1001}`: "limit", `{"prefix":"` + strings.Repeat("p", longGroup) + `"}`: "prefix", `{"keys_only":true}`: "keys_only"},
	subjects.VerbDeleteGroup:  {`{"group":null}`: "group", `{"group":""}`: "group", `{"group":"g","key":"k"}`: "key"},
	subjects.VerbDeletePrefix: {`{"prefix":null}`: "prefix", `{"all":true}`: "prefix", `{"prefix":""}`: "all", `{"prefix":"a","all":true}`: "all", `{"prefix":"` + strings.Repeat("p", longGroup) + `"}`: "prefix"},
	subjects.VerbRender: {
		`{"template":"` + strings.Repeat("t", subjects.MaxTemplateBytes+1) + `"}`: "template", `{"template":"","group":""}`: "group", `{"template":"","strict":"yes"}`: "strict",
	},
	subjects.VerbSplit: {`{"key":"k","separator":null}`: "separator"},
	subjects.VerbUsage: {`{"group":"g"}`: "group"},
	subjects.VerbJournalCommit: {
		`{"fields":{}}`: "measurement", `{"measurement":"m","fields":null}`: "fields", `{"measurement":"m","fields":{}}`: "fields", `{"measurement":"m","fields":{"a":null}}`: "fields", `{"measurement":"m","fields":{"a":[]}}`: "fields/a",
		`{"measurement":"m","fields":{"a":{}}}`: "fields/a", `{"measurement":"m","fields":{"a":{"integer":"1","unsigned":"1"}}}`: "fields/a",
		`{"measurement":"m","fields":{"a":{"integer":"9223372036854775808"}}}`: "fields/a", `{"measurement":"m","fields":{"a":{"integer":5}}}`: "fields/a",
		`{"measurement":"m","fields":{"a":{"unsigned":"-1"}}}`: "fields/a", `{"measurement":"m","fields":{"a":{"float":"1"}}}`: "fields/a",
		`{"measurement":"m","fields":{"a":1e999}}`: "fields/a", `{"measurement":"m","fields":{},"time":1}`: "time",
	},
	subjects.VerbJournalQuery: {
		`{"limit":1}`: "flux", `{"flux":null}`: "flux", `{"flux":"","limit":1001}`: "limit", `{"flux":"` + strings.Repeat("f", subjects.MaxFluxBytes+1) + `"}`: "flux",
		`{"flux":"","namespace":"other"}`: "namespace",
	},
	subjects.VerbJournalRejected: {`{"limit":0}`: "limit"},
	subjects.VerbWorkspaceOpen: {
		`{}`: "workspace", `{"workspace":null}`: "workspace", `{"workspace":"../a"}`: "workspace", `{"workspace":"a","kind":"row"}`: "kind",
	},
	subjects.VerbWorkspacePut: {
		`{"kind":"row","data":1}`: "workspace", `{"workspace":"a","data":1}`: "kind", `{"workspace":"a","kind":"row"}`: "data", `{"workspace":"a","kind":"row","data":null}`: "data",
		`{"workspace":"a","kind":"","data":1}`: "kind", `{"workspace":"a","kind":"` + strings.Repeat("k", subjects.MaxKindBytes+1) + `","data":1}`: "kind",
		`{"workspace":".","kind":"row","data":1}`: "workspace", `{"workspace":"a","kind":"row","data":{"a":1,"a":2}}`: "data/a",
	},
	subjects.VerbWorkspaceQuery: {
		`{"workspace":"a"}`: "sql", `{"workspace":"a","sql":"SELECT 1","limit":0}`: "limit", `{"workspace":"a","sql":"SELECT 1","limit":1001}`: "limit", `{"sql":"SELECT 1"}`: "workspace",
	},
	subjects.VerbWorkspaceCommit:  {`{"workspace":""}`: "workspace"},
	subjects.VerbWorkspaceDiscard: {`{"workspace":"a..b"}`: "workspace"},
	subjects.VerbWorkspaces:       {`{"limit":0}`: "limit", `{"prefix":"a"}`: "prefix"},
	subjects.VerbJournalRequeue:   {`{"entry_ids":[-1]}`: "entry_ids/0", `{"entry_ids":[` + elements("1", subjects.MaxElements+1) + `]}`: "entry_ids", `{"entry_ids":[9007199254740994]}`: "entry_ids"},
	subjects.VerbAdminDescribe:    {`{"verb":"set"}`: "verb"},
	subjects.VerbAdminNamespaces:  {`{"limit":0}`: "limit", `{"prefix":"` + strings.Repeat("p", subjects.MaxNamespaceBytes+1) + `"}`: "prefix"},
	subjects.VerbAdminQuota: {
		`{"namespace":"events"}`: "namespace", `{"namespace":"a_b"}`: "namespace", `{"namespace":"acme","max_keys":` + aboveInt64 + `}`: "max_keys",
		`{"namespace":"acme","max_groups":` + aboveInt64 + `}`: "max_groups", `{"namespace":"acme","max_bytes":` + aboveInt64 + `}`: "max_bytes",
		`{"namespace":"acme","max_value_bytes":` + aboveInt64 + `}`: "max_value_bytes", `{"namespace":"acme","max_keys":-1}`: "max_keys",
	},
	subjects.VerbAdminPurge: {`{"namespace":"acme"}`: "namespace"},
	subjects.VerbAdminCompact: {
		`{}`: "before", `{"before":null}`: "before", `{"before":"0001-01-01T00:00:00Z"}`: "before", `{"before":"yesterday"}`: "before", `{"before":1700000000}`: "before",
		`{"before":"2026-11-22"}`: "before", `{"before":"2026-11-22 10:00:00Z"}`: "before", `{"before":"2026-11-22T10:00:00"}`: "before",
		`{"before":"2026-11-22T10:00:00Z","format":"GZIP"}`: "format", `{"before":"2026-11-22T10:00:00Z","format":"gzip "}`: "format",
		`{"before":"2026-11-22T10:00:00Z","format":""}`: "format", `{"before":"2026-11-22T10:00:00Z","format":"lz4"}`: "format",
		`{"before":"2026-11-22T10:00:00Z","output":"/tmp"}`: "output",
	},
	subjects.VerbAdminBackup: {
		`{"file":""}`: "file", `{"file":"."}`: "file", `{"file":".."}`: "file", `{"file":".hidden"}`: "file", `{"file":"a/b"}`: "file", `{"file":"a\\b"}`: "file",
		`{"file":"a..b"}`: "file", `{"file":"a."}`: "file", `{"file":"-a"}`: "file", `{"file":"ü"}`: "file", `{"file":"a\u0000"}`: "file", `{"file":"a b"}`: "file",
		`{"file":"` + strings.Repeat("f", 129) + `"}`: "file", `{"file":"a\u0141b"}`: "file",
	},
}

func elements(element string, count int) string {
	return strings.TrimSuffix(strings.Repeat(element+",", count), ",")
}

func TestRequests_Check_Bad(t *testing.T) {
	for verb, bodies := range badBodies {
		t.Run(string(verb), func(t *testing.T) {
			for body, field := range bodies {
				_, err := decodeRequest(verb, body)
				requireBadField(t, err, field)
				assertPlainWords(t, err)
			}
		})
	}
	t.Run("NamesEverywhere", func(t *testing.T) {
		for verb := range newRequest {
			for _, field := range describedFields(t, verb) {
				switch field.Name {
				case "key":
					requireRefused(t, verb, "key", `""`, `"`+strings.Repeat("k", longKey)+`"`, `1`)
				case "group":
					requireRefused(t, verb, "group", `""`, `"`+strings.Repeat("g", longGroup)+`"`, `[]`)
				}
			}
		}
	})
}

// requireRefused requires that each of the values is refused for a field of a request
// that is right otherwise.
func requireRefused(t *testing.T, verb subjects.Verb, field string, values ...string) {
	t.Helper()
	for _, value := range values {
		fields := required(t, verb)
		fields[field] = value
		_, err := decodeRequest(verb, bodyOf(fields))
		requireBadField(t, err, field)
	}
}

func TestRequests_Check_Ugly(t *testing.T) {
	t.Run("WhatAProgramMakes", func(t *testing.T) {
		notText := new("\xff")
		for field, request := range map[string]subjects.Request{
			"group":     subjects.CountRequest{Group: notText},
			"key":       subjects.GetRequest{Key: notText},
			"prefix":    subjects.ScanRequest{Prefix: notText},
			"separator": subjects.SplitRequest{Key: new("k"), Separator: notText},
			"template":  subjects.RenderRequest{Template: notText},
			"file":      subjects.BackupRequest{File: notText},
			"ttl":       subjects.TouchRequest{Key: new("k"), TTL: new(subjects.After(0))},
			"wait":      subjects.ChangesRequest{After: new(uint64(0)), Wait: new(subjects.WaitFor(-time.Second))},
		} {
			requireBadField(t, request.Check(), field)
		}
	})
	t.Run("MessageSaysWhere", func(t *testing.T) {
		_, err := decodeRequest(subjects.VerbTransaction, `{"then":[{"op":"get","key":"k"},{"op":"delete","key":"k","ttl":1}]}`)
		assert.EqualError(t, err, "then/1: a delete takes no ttl: its fields are group, key, if_revision")
		_, err = decodeRequest(subjects.VerbTransaction, `{"if":[{"key":"k"}]}`)
		assert.EqualError(t, err, "if/0: a guard names one or more of revision, exists and value")
		_, err = decodeRequest(subjects.VerbTransaction, `{"else":[{"op":"render"}]}`)
		assert.EqualError(t, err, `else/0: op is one of set, get, delete, touch, increment, delete_group, not "render"`)
		_, err = decodeRequest(subjects.VerbTouch, `{"key":"k","ttl":"keep"}`)
		assert.ErrorContains(t, err, `"keep" would change nothing`)
	})
}

func TestTransaction_Request_Good(t *testing.T) {
	group, key, revision := new("g"), new("k"), new(uint64(4))
	ttl, by, content := new(subjects.After(time.Minute)), new(int64(-1)), subjects.NewContent("v")
	for _, test := range []struct {
		operation subjects.Operation
		request   subjects.Request
	}{
		{subjects.Operation{Op: new(subjects.VerbSet), Group: group, Key: key, Content: content, TTL: ttl, IfRevision: revision}, subjects.SetRequest{Group: group, Key: key, Content: content, TTL: ttl, IfRevision: revision}},
		{subjects.Operation{Op: new(subjects.VerbGet), Group: group, Key: key, TTL: ttl}, subjects.GetRequest{Group: group, Key: key, TTL: ttl}},
		{subjects.Operation{Op: new(subjects.VerbDelete), Group: group, Key: key, IfRevision: revision}, subjects.DeleteRequest{Group: group, Key: key, IfRevision: revision}},
		{subjects.Operation{Op: new(subjects.VerbTouch), Group: group, Key: key, TTL: ttl, IfRevision: revision}, subjects.TouchRequest{Group: group, Key: key, TTL: ttl, IfRevision: revision}},
		{subjects.Operation{Op: new(subjects.VerbIncrement), Group: group, Key: key, By: by, TTL: ttl}, subjects.IncrementRequest{Group: group, Key: key, By: by, TTL: ttl}},
		{subjects.Operation{Op: new(subjects.VerbDeleteGroup), Group: group}, subjects.DeleteGroupRequest{Group: group}},
	} {
		request, err := test.operation.Request()
		require.NoError(t, err)
		assert.Equal(t, test.request, request)
	}
	t.Run("EveryFieldOfEveryVerbIsAnOperations", func(t *testing.T) {
		fields := map[string]string{}
		for _, field := range describedFields(t, subjects.VerbTransaction) {
			for _, inner := range field.Fields {
				fields[inner.Name] = inner.Type
			}
		}
		for _, verb := range subjects.OperationVerbs() {
			for _, field := range describedFields(t, verb) {
				assert.Equal(t, fields[field.Name], field.Type, "%s of %s", field.Name, verb)
			}
		}
	})
}

func TestTransaction_OperationVerbs_Ugly(t *testing.T) {
	subjects.OperationVerbs()[0] = "x"
	assert.NotContains(t, subjects.OperationVerbs(), subjects.Verb("x"))
}

// FuzzTransaction_Check checks that a transaction that is taken consists of requests
// that would be taken by themselves, and of nothing else.
func FuzzTransaction_Check(f *testing.F) {
	for _, body := range goodBodies[subjects.VerbTransaction][:3] {
		f.Add([]byte(body))
	}
	for body := range badBodies[subjects.VerbTransaction] {
		if len(body) < 1000 {
			f.Add([]byte(body))
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var request subjects.TransactionRequest
		err := subjects.Decode(body, &request)
		if err == nil {
			err = request.Check()
		}
		if err != nil {
			failure, ok := errors.AsType[*subjects.Error](err)
			require.True(t, ok)
			require.Equal(t, subjects.ErrBadRequest.Name, failure.Name)
			return
		}
		for _, operation := range append(request.Then, request.Else...) {
			data, err := json.Marshal(operation)
			require.NoError(t, err)
			var members map[string]any
			require.NoError(t, json.Unmarshal(data, &members))
			delete(members, "op")
			alone, err := json.Marshal(members)
			require.NoError(t, err)
			_, err = decodeRequest(*operation.Op, string(alone))
			require.NoError(t, err, "%s %s", *operation.Op, alone)
		}
	})
}

// FuzzRequests_Check checks for every verb that a body is accepted, or refused with a
// reason. If a client encodes an accepted body again, the result is accepted too.
func FuzzRequests_Check(f *testing.F) {
	verbs := append(subjects.TenantVerbs(), subjects.AdminVerbs()...)
	for index, verb := range verbs {
		for _, body := range goodBodies[verb] {
			f.Add(uint8(index), body)
		}
		for body := range badBodies[verb] {
			if len(body) < 1000 {
				f.Add(uint8(index), body)
			}
		}
	}
	f.Fuzz(func(t *testing.T, index uint8, body string) {
		verb := verbs[int(index)%len(verbs)]
		request, err := decodeRequest(verb, body)
		if err != nil {
			failure, ok := errors.AsType[*subjects.Error](err)
			require.True(t, ok, "%s %s: %v", verb, body, err)
			require.Equal(t, subjects.ErrBadRequest.Name, failure.Name)
			require.NotEmpty(t, failure.Message)
			require.NotEmpty(t, subjects.AppendError(nil, failure))
			return
		}
		data, err := json.Marshal(request)
		require.NoError(t, err, "%s %s", verb, body)
		again, err := decodeRequest(verb, string(data))
		require.NoError(t, err, "%s %s", verb, data)
		twice, err := json.Marshal(again, json.Deterministic(true))
		require.NoError(t, err)
		once, err := json.Marshal(request, json.Deterministic(true))
		require.NoError(t, err)
		require.Equal(t, string(once), string(twice))
	})
}

func ExampleTransactionRequest_Check() {
	request := subjects.TransactionRequest{
		If:   []subjects.Guard{{Key: new("lock"), Exists: new(false)}},
		Then: []subjects.Operation{{Op: new(subjects.VerbSet), Key: new("lock")}},
	}
	fmt.Println(request.Check())
	// Output:
	// then/0: value is required
}
