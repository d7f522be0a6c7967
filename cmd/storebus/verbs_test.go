// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// lines are command lines, the requests they send, and their output for a given reply.
var lines = map[string]struct {
	line             []string
	subject, request string
	reply, output    string
}{
	"Exists": {
		[]string{"exists", "acme", "config", "theme"}, "store.acme.exists", `{"group":"config","key":"theme"}`,
		`{"exists":true,"revision":42}`, "42\n",
	},
	"Touch": {
		[]string{"touch", "acme", "presence", "42", "90s", "--if-revision", "41"}, "store.acme.touch", `{"group":"presence","key":"42","ttl":90,"if_revision":41}`,
		`{"revision":42,"expires_at":"2026-11-22T10:01:00Z"}`, "42\n",
	},
	"TouchForGood": {
		[]string{"touch", "acme", "config", "theme", "never"}, "store.acme.touch", `{"group":"config","key":"theme","ttl":"never"}`, `{"revision":42}`, "42\n",
	},
	"GetAndTouch": {
		[]string{"get", "acme", "sessions", "k3F", "--ttl", "1h"}, "store.acme.get", `{"group":"sessions","key":"k3F","ttl":3600}`,
		`{"group":"sessions","key":"k3F","value":"x","revision":42,"updated_at":"2026-11-22T10:01:00Z"}`, "x",
	},
	"Increment": {
		[]string{"increment", "acme", "counters", "visits"}, "store.acme.increment", `{"group":"counters","key":"visits","by":1}`,
		`{"value":7,"revision":42}`, "7\n",
	},
	"IncrementByLess": {
		[]string{"increment", "acme", "stock", "apples", "-5", "--ttl", "never"}, "store.acme.increment", `{"group":"stock","key":"apples","by":-5,"ttl":"never"}`,
		`{"value":-7,"revision":42}`, "-7\n",
	},
	"Groups": {
		[]string{"groups", "acme", "--group-prefix", "c"}, "store.acme.groups", `{"prefix":"c","limit":1000}`,
		`{"groups":[{"group":"config","keys":2,"revision":41},{"group":"c\n","keys":1,"revision":42}],"revision":42}`, "config\t2\n\"c\\n\"\t1\n",
	},
	"JournalCommit": {
		[]string{"journal", "commit", "acme", `deploy,host=a\ 1,zone=b seconds=12.5,tries=-3i,bytes=5u,on=t,who="A \"d\", a"`}, "store.acme.journal_commit",
		`{"measurement":"deploy","fields":{"seconds":12.5,"tries":{"integer":"-3"},"bytes":{"unsigned":"5"},"on":true,"who":"A \"d\", a"},"tags":{"host":"a 1","zone":"b"}}`,
		`{"entry_id":7,"committed_at":"2026-11-22T10:01:00Z"}`, "7\n",
	},
	"JournalQuery": {
		[]string{"journal", "query", "acme", `from(bucket: "b") |> range(start: -1h)`, "--limit", "5"}, "store.acme.journal_query",
		`{"flux":"from(bucket: \"b\") |> range(start: -1h)","limit":5}`,
		`{"rows":[{"entry_id":7,"measurement":"m","fields":{"b":"x\t","a":1.5,"i":{"integer":"-5"},"u":{"unsigned":"5"},"on":true},"tags":{"t":"two words","s":"1\t"},` +
			`"committed_at":"2026-11-22T10:01:00Z"}],"truncated":false}`,
		"7\t2026-11-22T10:01:00Z\tm\ts=\"1\\t\"\tt=two words\ta=1.5\tb=\"x\\t\"\ti=-5i\ton=true\tu=5u\n",
	},
	"JournalStatus": {
		[]string{"journal", "status", "acme"}, "store.acme.journal_status", `{}`,
		`{"pending":1,"oldest_pending_at":"2026-11-22T10:01:00Z","delivered":2,"rejected":3,"last_error":"away","endpoint":"http://h"}`,
		"endpoint\thttp://h\npending\t1\ndelivered\t2\nrejected\t3\noldest pending\t2026-11-22T10:01:00Z\nlast error\taway\n",
	},
	"JournalStatusWithoutEndpoint": {
		[]string{"journal", "status", "acme"}, "store.acme.journal_status", `{}`, `{"pending":0,"delivered":0,"rejected":0,"endpoint":null}`,
		"endpoint\tnone\npending\t0\ndelivered\t0\nrejected\t0\n",
	},
	"JournalRejected": {
		[]string{"journal", "rejected", "acme", "--limit", "5"}, "store.acme.journal_rejected", `{"limit":5}`,
		`{"entries":[{"entry_id":7,"measurement":"m","fields":{},"tags":{},"committed_at":"2026-11-22T10:01:00Z","rejected_at":"2026-11-22T10:01:01Z","status":400,"reason":"no"}]}`,
		"7\t2026-11-22T10:01:00Z\tm\t400\tno\n",
	},
	"JournalRequeue":    {[]string{"journal", "requeue", "acme"}, "store.acme.journal_requeue", `{}`, `{"requeued":2}`, "2\n"},
	"JournalRequeueOne": {[]string{"journal", "requeue", "acme", "7"}, "store.acme.journal_requeue", `{"entry_ids":[7]}`, `{"requeued":1}`, "1\n"},
	"JournalFlush": {
		[]string{"journal", "flush"}, "store.admin.flush", `{}`, `{"delivered":2,"pending":1,"last_error":"away"}`,
		"delivered\t2\npending\t1\nlast error\taway\n",
	},
	"WorkspaceOpen": {
		[]string{"workspace", "open", "acme", "import"}, "store.acme.workspace_open", `{"workspace":"import"}`, `{"workspace":"import","created":false,"entries":7}`, "7\n",
	},
	"WorkspacePut": {
		[]string{"workspace", "put", "acme", "import", "row", `{"stock":4}`}, "store.acme.workspace_put", `{"workspace":"import","kind":"row","data":{"stock":4}}`, `{"entries":7}`, "7\n",
	},
	"WorkspaceAggregate": {
		[]string{"workspace", "aggregate", "acme", "import"}, "store.acme.workspace_aggregate", `{"workspace":"import"}`, `{"summary":{"row":7,"a\tb":1}}`, "\"a\\tb\"\t1\nrow\t7\n",
	},
	"WorkspaceQuery": {
		[]string{"workspace", "query", "acme", "import", "SELECT *", "--limit", "5"}, "store.acme.workspace_query", `{"workspace":"import","sql":"SELECT *","limit":5}`,
		`{"columns":["a","b","c","d","e"],"rows":[[1,2.5,null,"two\nlines",{"base64":"/w=="}],[{"integer":"9007199254740993"},1.0,"","x",{"float":"-Infinity"}]],"truncated":true}`,
		"1\t2.5\t\t\"two\\nlines\"\t/w==\n9007199254740993\t1\t\tx\t-Inf\n",
	},
	"WorkspaceCommit": {
		[]string{"workspace", "commit", "acme", "import"}, "store.acme.workspace_commit", `{"workspace":"import"}`, `{"entry_id":7,"summary":{"row":7},"revision":42}`, "row\t7\n",
	},
	"WorkspaceDiscard": {[]string{"workspace", "discard", "acme", "import", "--force"}, "store.acme.workspace_discard", `{"workspace":"import"}`, `{"discarded":true}`, ""},
	"WorkspaceList": {
		[]string{"workspace", "list", "acme"}, "store.acme.workspaces", `{"limit":1000}`,
		`{"workspaces":[{"workspace":"import","entries":7,"opened_at":"2026-11-22T10:01:00Z","orphaned":true},{"workspace":"other","entries":0,"opened_at":"2026-11-22T10:01:00.5Z","orphaned":false}]}`,
		"import\t7\t2026-11-22T10:01:00Z\torphaned\nother\t0\t2026-11-22T10:01:00.5Z\topen\n",
	},
	"CountANamespace": {[]string{"count", "acme"}, "store.acme.count", `{}`, `{"count":7,"revision":42}`, "7\n"},
	"CountAGroup":     {[]string{"count", "acme", "config"}, "store.acme.count", `{"group":"config"}`, `{"count":7,"revision":42}`, "7\n"},
	"CountAPrefix":    {[]string{"count", "acme", "--group-prefix", "user:"}, "store.acme.count", `{"prefix":"user:"}`, `{"count":7,"revision":42}`, "7\n"},
	"Scan": {
		[]string{"scan", "acme", "--group-prefix", "c", "--limit", "5"}, "store.acme.scan", `{"prefix":"c","limit":5}`,
		`{"entries":[{"group":"config","key":"theme","value":"dark","revision":42,"updated_at":"2026-11-22T10:01:00Z"}],"revision":42,"store":"k3F"}`,
		"config\ttheme\tdark\n",
	},
	"ScanKeys": {
		[]string{"scan", "acme", "--keys-only"}, "store.acme.scan", `{"limit":1000,"keys_only":true}`,
		`{"entries":[{"group":"config","key":"a\tb","revision":42,"updated_at":"2026-11-22T10:01:00Z"}],"revision":42,"store":"k3F"}`,
		"config\t\"a\\tb\"\n",
	},
	"ScanWhatNoMessageCarries": {
		[]string{"scan", "acme"}, "store.acme.scan", `{"limit":1000}`,
		`{"entries":[{"group":"config","key":"theme","revision":42,"updated_at":"2026-11-22T10:01:00Z","value_omitted":true}],"revision":42,"store":"k3F"}`,
		"config\ttheme\t\tvalue omitted\n",
	},
	"ListWhatNoMessageCarries": {
		[]string{"list", "acme", "config"}, "store.acme.list", `{"group":"config","limit":1000}`,
		`{"entries":[{"group":"config","key":"theme","revision":42,"updated_at":"2026-11-22T10:01:00Z","value_omitted":true}],"revision":42,"store":"k3F"}`,
		"theme\t\tvalue omitted\n",
	},
	"JournalQueryOfWhatNoMessageCarries": {
		[]string{"journal", "query", "acme", "from"}, "store.acme.journal_query", `{"flux":"from"}`,
		`{"rows":[{"entry_id":7,"measurement":"m","committed_at":"2026-11-22T10:01:00Z","value_omitted":true}],"truncated":false}`,
		"7\t2026-11-22T10:01:00Z\tm\tvalue omitted\n",
	},
	"Render": {
		[]string{"render", "acme", "config", "{{.theme}}\n"}, "store.acme.render", `{"group":"config","template":"{{.theme}}\n"}`,
		`{"text":"dark\n","revision":42}`, "dark\n",
	},
	"RenderStrictly": {
		[]string{"render", "acme", "config", "x", "--strict"}, "store.acme.render", `{"group":"config","template":"x","strict":true}`,
		`{"text":"/w==","encoding":"base64","revision":42}`, "\xff",
	},
	"Split": {
		[]string{"split", "acme", "config", "hosts", ","}, "store.acme.split", `{"group":"config","key":"hosts","separator":","}`,
		`{"parts":["a","two words","b\n"]}`, "a\ntwo words\n\"b\\n\"\n",
	},
	"Fields": {
		[]string{"fields", "acme", "config", "hosts"}, "store.acme.fields", `{"group":"config","key":"hosts"}`, `{"fields":["a","b"]}`, "a\nb\n",
	},
	"DeleteGroup": {
		[]string{"delete-group", "acme", "user:42", "--force"}, "store.acme.delete_group", `{"group":"user:42"}`, `{"deleted":7,"revision":42}`, "7\n",
	},
	"DeletePrefix": {
		[]string{"delete-prefix", "acme", "", "--force"}, "store.acme.delete_prefix", `{"prefix":"","all":true}`, `{"groups":2,"deleted":7,"revision":42}`, "7\n",
	},
	"Usage": {
		[]string{"usage", "acme"}, "store.acme.usage", `{}`,
		`{"max_keys":10,"max_groups":0,"max_bytes":0,"max_value_bytes":100,"max_journal_bytes":1000,"keys":5,"groups":2,"bytes":70,"journal_bytes":500,"revision":42,"store":"k3F"}`,
		"keys\t5 of 10\ngroups\t2\nbytes\t70\nbytes of a value\tat most 100\njournal bytes\t500 of 1000\nworkspace bytes\t0\nlog bytes\t0\nrevision\t42\nstore\tk3F\n",
	},
	"Quota": {
		[]string{"quota", "acme"}, "store.admin.quota", `{"namespace":"acme"}`, `{"namespace":"acme","max_keys":10}`,
		"keys\tat most 10\ngroups\tno limit\nbytes\tno limit\nbytes of a value\tno limit\njournal bytes\tno limit\nworkspace bytes\tno limit\nlog bytes\tno limit\n",
	},
	"QuotaThatIsSet": {
		[]string{"quota", "acme", "--max-keys", "0", "--max-groups", "5", "--max-bytes", "64MiB", "--max-value-bytes", "7", "--max-journal-bytes", "1KiB", "--max-workspace-bytes", "0", "--max-log-bytes", "2KiB"}, "store.admin.quota",
		`{"namespace":"acme","max_keys":0,"max_groups":5,"max_bytes":67108864,"max_value_bytes":7,"max_journal_bytes":1024,"max_workspace_bytes":0,"max_log_bytes":2048}`, `{"namespace":"acme"}`,
		"keys\tno limit\ngroups\tno limit\nbytes\tno limit\nbytes of a value\tno limit\njournal bytes\tno limit\nworkspace bytes\tno limit\nlog bytes\tno limit\n",
	},
	"Namespaces": {
		[]string{"namespaces", "--namespace-prefix", "a"}, "store.admin.namespaces", `{"prefix":"a","limit":1000}`,
		`{"namespaces":[{"namespace":"acme","revision":1,"keys":2,"groups":3,"bytes":4}]}`, "acme\t1\t2\t3\t4\n",
	},
	"Purge":  {[]string{"purge"}, "store.admin.purge", `{}`, `{"expired":7}`, "7\n"},
	"Backup": {[]string{"backup", "monday.db"}, "store.admin.backup", `{"file":"monday.db"}`, `{"file":"monday.db","bytes":4096}`, "monday.db\t4096\n"},
	"Compact": {
		[]string{"compact", "--before", "2026-11-22T10:01:00Z", "--format", "zstd", "--force"}, "store.admin.compact", `{"before":"2026-11-22T10:01:00Z","format":"zstd"}`,
		`{"archive":"a.jsonl.zst","entries":7,"sha256":"e3b0"}`, "a.jsonl.zst\t7\te3b0\n",
	},
	"CompactWithNothingToArchive": {
		[]string{"compact", "--before", "2026-11-22T10:01:00+01:00", "--force"}, "store.admin.compact", `{"before":"2026-11-22T10:01:00+01:00","format":"gzip"}`,
		`{"archive":null,"entries":0}`, "",
	},
	"Changes": {
		[]string{"changes", "acme", "config", "--after", "41", "--wait", "1.5s", "--store", "k3F"}, "store.acme.changes",
		`{"after":41,"group":"config","limit":1000,"wait":1.5,"store":"k3F"}`,
		`{"changes":[` + deleteEvent + `],"next":42,"oldest":1,"revision":42,"store":"k3F"}`, "42\tdelete\tconfig\ttheme\t\n",
	},
}

const deleteEvent = `{"revision":42,"previous":40,"type":"delete","store":"k3F","namespace":"acme","group":"config","key":"theme","timestamp":"2026-11-22T10:00:00Z"}`

func TestVerbs_Line_Good(t *testing.T) {
	for name, test := range lines {
		t.Run(name, func(t *testing.T) {
			shell, requests := newScriptedShell(t, test.subject, body(test.reply))
			assert.Equal(t, test.output, shell.mustRun(t, test.line...))
			assert.JSONEq(t, test.request, string((<-requests).Data))
			assert.Equal(t, test.reply+"\n", shell.mustRun(t, append(test.line, "--json")...))
		})
	}
	t.Run("EveryCommandHasOne", func(t *testing.T) {
		others := []string{"describe", "doctor", "set", "delete", "list", "watch", "status", "transaction"} // these have files of their own
		var commands []string
		for _, command := range clientCommands() {
			commands = append(commands, command.Name)
		}
		for _, test := range lines {
			others = append(others, test.line[0])
		}
		assert.Subset(t, others, commands)
	})
}

func TestVerbs_Line_Bad(t *testing.T) {
	for name, test := range lines {
		t.Run(name, func(t *testing.T) {
			shell, _ := newScriptedShell(t, test.subject, refusal("404", `{"error":{"code":404,"name":"not_found","message":"no"}}`))
			for _, line := range [][]string{test.line, append(test.line, "--json")} {
				output, err := shell.run(t, line...)
				require.ErrorIs(t, err, subjects.ErrNotFound)
				assert.Empty(t, output)
			}
		})
	}
	t.Run("NothingIsSent", func(t *testing.T) {
		shell, requests := newScriptedShell(t, "store.>", body(`{}`))
		for name, test := range map[string]struct {
			line    []string
			failure error
		}{
			"TimeThatIsNone":      {[]string{"touch", "acme", "config", "theme", "soon"}, errUsage},
			"NumberThatIsNone":    {[]string{"increment", "acme", "config", "theme", "1.0"}, errUsage},
			"NumberThatIsTooMuch": {[]string{"increment", "acme", "config", "theme", "9223372036854775808"}, errUsage},
			"ExpiryThatIsNone":    {[]string{"increment", "acme", "config", "theme", "--ttl", "soon"}, errUsage},
			"GroupAndPrefix":      {[]string{"count", "acme", "config", "--group-prefix", "c"}, errUsage},
			"EmptyGroup":          {[]string{"count", "acme", ""}, subjects.ErrBadRequest},
			"EmptyGroupOfChanges": {[]string{"changes", "acme", ""}, subjects.ErrBadRequest},
			"WaitThatIsTooLong":   {[]string{"changes", "acme", "--wait", "1m"}, subjects.ErrBadRequest},
			"ExpiryThatIsKept":    {[]string{"touch", "acme", "config", "theme", "keep"}, subjects.ErrBadRequest},
			"FolderForABackup":    {[]string{"backup", "../monday.db"}, subjects.ErrBadRequest},
			"CompactWithoutATime": {[]string{"compact"}, errUsage},
			"DayForATime":         {[]string{"compact", "--before", "2026-11-22"}, errUsage},
			"FormatThatIsNone":    {[]string{"compact", "--before", "2026-11-22T10:01:00Z", "--format", "lz4", "--force"}, subjects.ErrBadRequest},
			"SizeThatIsNone":      {[]string{"quota", "acme", "--max-bytes", "many"}, errUsage},
			"EntryThatIsNoJSON":   {[]string{"workspace", "put", "acme", "import", "row", "{"}, subjects.ErrBadRequest},
			"EntryThatIsNothing":  {[]string{"workspace", "put", "acme", "import", "row", "null"}, subjects.ErrBadRequest},
			"WordThatIsMissing":   {[]string{"workspace", "query", "acme", "import"}, errUsage},
			"CommandThatIsNone":   {[]string{"workspace", "import"}, errUsage},
			"FileThatIsNotThere":  {[]string{"transaction", "acme", filepath.Join(t.TempDir(), "none")}, os.ErrNotExist},
		} {
			_, err := shell.run(t, test.line...)
			require.ErrorIs(t, err, test.failure, name)
		}
		assert.Empty(t, requests)
	})
	t.Run("AMissingKeyIsNotFound", func(t *testing.T) {
		shell, _ := newScriptedShell(t, "store.acme.exists", body(`{"exists":false}`))
		output, err := shell.run(t, "exists", "acme", "config", "theme")
		require.ErrorIs(t, err, subjects.ErrNotFound)
		assert.Empty(t, output)
		output, err = shell.run(t, "exists", "acme", "config", "theme", "--json")
		require.ErrorIs(t, err, subjects.ErrNotFound)
		assert.Equal(t, "{\"exists\":false}\n", output)
	})
}

func TestVerbs_StandardInput_Good(t *testing.T) {
	shell, requests := newScriptedShell(t, "store.acme.render", body(`{"text":"dark","revision":42}`))
	shell.input = "{{.theme}}\n"
	assert.Equal(t, "dark", shell.mustRun(t, "render", "acme", "config", "-"))
	assert.JSONEq(t, `{"group":"config","template":"{{.theme}}\n"}`, string((<-requests).Data))
}

func TestWorkspace_StandardInput_Good(t *testing.T) {
	shell, requests := newScriptedShell(t, "store.acme.*", body(`{"entries":7}`), body(`{"columns":["a"],"rows":[[1]],"truncated":true}`))
	shell.input = "{\"stock\": 4}\n"
	assert.Equal(t, "7\n", shell.mustRun(t, "workspace", "put", "acme", "import", "row", "-"))
	assert.JSONEq(t, `{"workspace":"import","kind":"row","data":{"stock":4}}`, string((<-requests).Data))
	shell.input = "SELECT 1 AS a"
	var output, errorOutput strings.Builder
	require.NoError(t, runShell(t.Context(), strings.NewReader(shell.input), &output, &errorOutput, "workspace", "query", "acme", "import", "-"))
	assert.JSONEq(t, `{"workspace":"import","sql":"SELECT 1 AS a","limit":1000}`, string((<-requests).Data))
	assert.Equal(t, "1\n", output.String())
	assert.Equal(t, "storebus: there are more rows than these 1000\n", errorOutput.String())
}

func TestWorkspace_RealThing_Good(t *testing.T) {
	shell := newShell(t)
	assert.Equal(t, "0\n", shell.mustRun(t, "workspace", "open", "acme", "import-42"))
	assert.Equal(t, "1\n", shell.mustRun(t, "workspace", "put", "acme", "import-42", "row", `{"sku":"A-17","stock":4}`))
	assert.Equal(t, "2\n", shell.mustRun(t, "workspace", "put", "acme", "import-42", "warning", `"no price"`))
	assert.Equal(t, "row\t1\nwarning\t1\n", shell.mustRun(t, "workspace", "aggregate", "acme", "import-42"))
	assert.Equal(t, "A-17\t4\n", shell.mustRun(t, "workspace", "query", "acme", "import-42", "SELECT data ->> 'sku', data ->> 'stock' FROM entries WHERE kind = 'row'"))
	assert.Contains(t, shell.mustRun(t, "workspace", "list", "acme"), "import-42\t2\t")
	assert.Equal(t, "row\t1\nwarning\t1\n", shell.mustRun(t, "workspace", "commit", "acme", "import-42"))
	assert.JSONEq(t, `{"row":1,"warning":1}`, shell.mustRun(t, "get", "acme", "workspace:import-42", "summary"))
	_, err := shell.run(t, "workspace", "discard", "acme", "import-42", "--force")
	require.ErrorIs(t, err, subjects.ErrNotFound)
	shell.mustRun(t, "workspace", "open", "acme", "import-42")
	assert.Empty(t, shell.mustRun(t, "workspace", "discard", "acme", "import-42", "--force"))
	assert.Empty(t, shell.mustRun(t, "workspace", "list", "acme"))
}

// bodies returns the bodies of the requests sent.
func bodies(requests <-chan *nats.Msg) (sent []string) {
	for len(requests) > 0 {
		sent = append(sent, string((<-requests).Data))
	}
	return sent
}

func TestPages_Pages_Good(t *testing.T) {
	first := body(`{"groups":[{"group":"a","keys":1},{"group":"b","keys":2}],"next":"g.b","revision":42}`)
	last := body(`{"groups":[{"group":"c","keys":3}],"revision":42}`)
	t.Run("EveryPage", func(t *testing.T) {
		shell, requests := newScriptedShell(t, "store.acme.groups", first, last)
		assert.Equal(t, "a\t1\nb\t2\nc\t3\n", shell.mustRun(t, "groups", "acme"))
		assert.Equal(t, []string{`{"limit":1000}`, `{"after":"g.b","limit":1000}`}, bodies(requests))
	})
	t.Run("UpToTheLimit", func(t *testing.T) {
		shell, requests := newScriptedShell(t, "store.acme.groups", first, first)
		shell.mustRun(t, "groups", "acme", "--limit", "4")
		assert.Equal(t, []string{`{"limit":4}`, `{"after":"g.b","limit":2}`}, bodies(requests))
	})
}

func TestChanges_Changes_Good(t *testing.T) {
	page := func(next string) *nats.Msg {
		return body(`{"changes":[` + deleteEvent + `],"next":` + next + `,"oldest":7,"revision":43,"store":"k3F"}`)
	}
	compacted := refusal("410", `{"error":{"code":410,"name":"compacted","message":"gone","oldest":7,"revision":43,"store":"k3F"}}`)
	t.Run("EveryPage", func(t *testing.T) {
		shell, requests := newScriptedShell(t, "store.acme.changes", page("42"), page("43"))
		assert.Equal(t, 2, strings.Count(shell.mustRun(t, "changes", "acme", "--wait", "1s"), "\n"))
		assert.Equal(t, []string{`{"after":0,"limit":1000,"wait":1}`, `{"after":42,"limit":1000}`}, bodies(requests))
	})
	t.Run("UpToTheLimit", func(t *testing.T) {
		shell, requests := newScriptedShell(t, "store.acme.changes", page("42"))
		shell.mustRun(t, "changes", "acme", "--limit", "1")
		assert.Equal(t, []string{`{"after":0,"limit":1}`}, bodies(requests))
	})
	t.Run("FromTheFirstThatIsKept", func(t *testing.T) {
		shell, requests := newScriptedShell(t, "store.acme.changes", compacted, page("43"))
		shell.mustRun(t, "changes", "acme")
		assert.Equal(t, []string{`{"after":0,"limit":1000}`, `{"after":6,"limit":1000}`}, bodies(requests))
	})
	t.Run("NotFromAnotherThanAsked", func(t *testing.T) {
		shell, requests := newScriptedShell(t, "store.acme.changes", compacted)
		for _, line := range [][]string{{"changes", "acme", "--after", "0"}, {"changes", "acme", "--store", "other"}} {
			_, err := shell.run(t, line...)
			require.ErrorIs(t, err, subjects.ErrCompacted)
		}
		assert.Len(t, requests, 2)
	})
	t.Run("OfTheRealThing", func(t *testing.T) {
		shell := newShell(t)
		shell.mustRun(t, "set", "acme", "config", "theme", "dark")
		shell.mustRun(t, "set", "acme", "other", "a", "b")
		assert.Equal(t, "1\tset\tconfig\ttheme\tdark\n2\tset\tother\ta\tb\n", shell.mustRun(t, "changes", "acme"))
		assert.Equal(t, "2\tset\tother\ta\tb\n", shell.mustRun(t, "changes", "acme", "--after", "1"))
		assert.Equal(t, "1\tset\tconfig\ttheme\tdark\n", shell.mustRun(t, "changes", "acme", "config"))
		assert.Empty(t, shell.mustRun(t, "changes", "never"))
	})
}

func TestTransaction_Transaction_Good(t *testing.T) {
	const request = `{"then":[{"op":"set","key":"a","value":"x"},{"op":"get","key":"a"},{"op":"get","key":"b"},{"op":"delete","key":"a"},{"op":"delete","key":"b"},` +
		`{"op":"touch","key":"a","ttl":"never"},{"op":"increment","key":"n"},{"op":"delete_group","group":"g"}]}`
	const reply = `{"succeeded":true,"first_revision":42,"revision":46,"results":[{"revision":42,"created":true},` +
		`{"group":"default","key":"a","value":"two\nlines","revision":42,"updated_at":"2026-11-22T10:00:00Z"},{"group":"default","key":"b","missing":true},` +
		`{"deleted":true,"revision":43},{"deleted":false,"revision":43},{"revision":44},{"value":7,"revision":45},{"deleted":3,"revision":46}]}`
	const output = "set\t42\nget\t42\t\"two\\nlines\"\nget\tnot found\ndelete\t43\ndelete\tnot found\ntouch\t44\nincrement\t45\t7\ndelete_group\t46\t3\n"

	shell, requests := newScriptedShell(t, "store.acme.transaction", body(reply))
	t.Run("FromAFile", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "transaction.json")
		require.NoError(t, os.WriteFile(file, []byte(request), 0o600))
		assert.Equal(t, output, shell.mustRun(t, "transaction", "acme", file))
		assert.JSONEq(t, request, string((<-requests).Data))
	})
	t.Run("FromStandardInput", func(t *testing.T) {
		shell.input = request
		assert.Equal(t, reply+"\n", shell.mustRun(t, "transaction", "acme", "-", "--json"))
	})
}

func TestTransaction_Transaction_Bad(t *testing.T) {
	t.Run("GuardsThatDoNotHold", func(t *testing.T) {
		shell, _ := newScriptedShell(t, "store.acme.transaction", body(`{"succeeded":false,"revision":42,"results":[{"group":"default","key":"a","missing":true}]}`))
		shell.input = `{"if":[{"key":"a","exists":true}],"else":[{"op":"get","key":"a"}]}`
		output, err := shell.run(t, "transaction", "acme", "-")
		require.ErrorIs(t, err, errGuards)
		assert.Equal(t, "get\tnot found\n", output)
	})
	t.Run("WhatIsNoTransaction", func(t *testing.T) {
		shell, requests := newScriptedShell(t, "store.acme.transaction", body(`{}`))
		shell.input = `{"then":[{"op":"set","ky":"a"}]}`
		_, err := shell.run(t, "transaction", "acme", "-")
		require.ErrorIs(t, err, subjects.ErrBadRequest)
		require.ErrorContains(t, err, `-: there is no field "ky"`)
		shell.input = `{"then":[{"op":"set","key":"a"}]}`
		_, err = shell.run(t, "transaction", "acme", "-")
		require.ErrorContains(t, err, "client.Transaction: then/0: value is required")
		assert.Empty(t, requests)
	})
}
