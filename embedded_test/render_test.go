// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// render renders a template that must succeed.
func (tenant *tenant) render(t *testing.T, group, template string) string {
	t.Helper()
	return decode[renderReply](t, tenant.call(t, "render", object(t, "group", group, "template", template))).Text
}

func TestRender_Text_Good(t *testing.T) {
	acme := newNamespace(t)
	for key, value := range map[string]string{"name": "Ada", "a.b": "dotted", "empty": "", "two": "2"} {
		acme.set(t, "mail", key, value)
	}
	acme.set(t, "default", "name", "default")
	acme.set(t, "other", "secret", "v")

	for outcome, test := range map[string]struct{ template, text string }{
		"Text":             {"no action at all", "no action at all"},
		"Nothing":          {"", ""},
		"AField":           {"Dear {{.name}},", "Dear Ada,"},
		"TrimmedSpace":     {"a {{- .name -}} b", "aAdab"},
		"AnIndex":          {`{{index . "a.b"}}`, "dotted"},
		"ALength":          {`{{len .name}} {{len .}}`, "3 4"},
		"Equal":            {`{{eq .name "Ada"}} {{eq .name "Bob"}}`, "true false"},
		"NotEqual":         {`{{ne .name "Ada"}}`, "false"},
		"Ordered":          {`{{lt .name "B"}} {{le .name "Ada"}} {{gt .name "B"}} {{ge .name "Ada"}}`, "true true false true"},
		"And":              {`{{and .name .two}}`, "2"},
		"Or":               {`{{or .empty .name}}`, "Ada"},
		"Not":              {`{{not .empty}}`, "true"},
		"Print":            {`{{print .name "-" .two}}`, "Ada-2"},
		"If":               {`{{if .name}}yes{{end}}{{if .empty}}no{{end}}`, "yes"},
		"IfElse":           {`{{if .empty}}yes{{else}}no{{end}}`, "no"},
		"IfElseIf":         {`{{if .empty}}a{{else if .name}}b{{else}}c{{end}}`, "b"},
		"With":             {`{{with .name}}{{.}}{{end}}`, "Ada"},
		"WithElse":         {`{{with .empty}}{{.}}{{else}}none{{end}}`, "none"},
		"Range":            {`{{range .}}[{{.}}]{{end}}`, "[dotted][][Ada][2]"},
		"IfInsideRange":    {`{{range .}}{{if .}}{{.}};{{end}}{{end}}`, "dotted;Ada;2;"},
		"Nested":           {`{{if eq .name "Ada"}}{{with index . "a.b"}}{{print .}}{{end}}{{end}}`, "dotted"},
		"AMissingKey":      {`{{.missing}} {{.secret}}`, "<no value> <no value>"},
		"HTMLAsItIs":       {`<b>{{.name}}</b> & 'more'`, "<b>Ada</b> & 'more'"},
		"OfItsOwnGroup":    {`{{len .}}`, "4"},
		"NotASCII":         {"größe 日本 {{.name}}", "größe 日本 Ada"},
		"MissingInAnIf":    {`{{if .missing}}a{{else}}b{{end}}`, "b"},
		"ALiteralInBraces": {`{{"{{"}} {{.two}}`, "{{ 2"},
	} {
		t.Run(outcome, func(t *testing.T) {
			assert.Equal(t, test.text, acme.render(t, "mail", test.template))
		})
	}
	t.Run("OfTheDefaultGroup", func(t *testing.T) {
		reply := acme.call(t, "render", `{"template":"{{.name}}"}`)
		assert.JSONEq(t, `{"text":"default","revision":6}`, string(reply.Data))
	})
	t.Run("OfAGroupThatIsNotThere", func(t *testing.T) {
		assert.Equal(t, "0 <no value>", acme.render(t, "nobody", `{{len .}} {{.name}}`))
	})
	t.Run("StrictWhereEverythingIsThere", func(t *testing.T) {
		reply := decode[renderReply](t, acme.call(t, "render", `{"group":"mail","template":"{{.name}}{{.empty}}","strict":true}`))
		assert.Equal(t, "Ada", reply.Text)
	})
	t.Run("ValuesThatAreNotUTF8TravelAsBase64", func(t *testing.T) {
		decode[setReply](t, acme.raw(t, "set", "bytes", "b", []byte("\xff")))
		reply := decode[renderReply](t, acme.call(t, "render", `{"group":"bytes","template":"<{{.b}}>"}`))
		assert.Equal(t, renderReply{Text: base64.StdEncoding.EncodeToString([]byte("<\xff>")), Encoding: "base64", Revision: reply.Revision}, reply)
	})
}

func TestRender_Template_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "name", "Ada")
	for word, template := range map[string]string{
		"printf":   `{{printf "%s" .name}}`,
		"println":  `{{println .name}}`,
		"html":     `{{html .name}}`,
		"js":       `{{js .name}}`,
		"urlquery": `{{urlquery .name}}`,
		"slice":    `{{slice .name 1}}`,
		"call":     `{{call .name}}`,
		"define":   `{{define "a"}}{{end}}`,
		"block":    `{{block "a" .}}{{end}}`,
		"template": `{{define "a"}}{{end}}{{template "a"}}`,
		"range":    `{{range .}}{{range .}}{{end}}{{end}}`,
		"getenv":   `{{getenv "HOME"}}`,
		"env":      `{{if .name}}{{with .}}{{range .}}{{env "HOME"}}{{end}}{{end}}{{end}}`,
	} {
		t.Run("Refuses_"+word, func(t *testing.T) {
			refused := requireFailure(t, acme.call(t, "render", object(t, "template", template)), 400, "bad_request")
			assert.Equal(t, "template", refused.Field)
			if word == "template" || word == "block" {
				return // each of them is two words, and the error may name either
			}
			assert.Contains(t, refused.Message, word, "it names the word")
		})
	}
	for outcome, template := range map[string]string{
		"RefusesHalfAnAction":  `{{.name`,
		"RefusesAMissingEnd":   `{{if .name}}`,
		"RefusesAnExtraEnd":    `{{end}}`,
		"RefusesAnEmptyAction": `{{}}`,
		"RefusesARangeOfNone":  `{{range}}x{{end}}`,
		"RefusesANumberRange":  `{{range 1000000000}}x{{end}}`,
		"RefusesALetterRange":  `{{range "abc"}}x{{end}}`,
		"RefusesARangeOfAKey":  `{{range .name}}x{{end}}`,
	} {
		t.Run(outcome, func(t *testing.T) {
			requireFailure(t, acme.call(t, "render", object(t, "template", template)), 400, "bad_request")
		})
	}
	t.Run("StrictRefusesAMissingKey", func(t *testing.T) {
		requireFailure(t, acme.call(t, "render", `{"template":"{{.missing}}","strict":true}`), 400, "bad_request")
		requireFailure(t, acme.call(t, "render", `{"template":"{{index . \"missing\"}}","strict":true}`), 400, "bad_request")
	})
	t.Run("RefusesAValueThatIsNoMap", func(t *testing.T) {
		requireFailure(t, acme.call(t, "render", `{"template":"{{.name.first}}"}`), 400, "bad_request")
	})
	t.Run("RefusesNotUTF8", func(t *testing.T) {
		requireBadField(t, acme.call(t, "render", "{\"template\":\"\xff\"}"), "template")
	})
}

func TestRender_Size_Good(t *testing.T) {
	acme := newNamespace(t)
	decode[setReply](t, acme.raw(t, "set", "default", "v", []byte(strings.Repeat("x", 64<<10))))
	t.Run("64KiBOfSource", func(t *testing.T) {
		assert.Len(t, acme.render(t, "default", strings.Repeat("t", 64<<10)), 64<<10)
	})
	t.Run("AsMuchTextAsAMessageCarries", func(t *testing.T) {
		assert.Len(t, acme.render(t, "default", strings.Repeat("{{.v}}", 15)), 15*64<<10)
	})
}

func TestRender_Size_Bad(t *testing.T) {
	acme := newNamespace(t)
	decode[setReply](t, acme.raw(t, "set", "default", "v", []byte(strings.Repeat("x", 64<<10))))
	decode[setReply](t, acme.raw(t, "set", "default", "c", []byte(strings.Repeat("\x01", 100<<10))))
	t.Run("Over64KiBOfSource", func(t *testing.T) {
		requireBadField(t, acme.call(t, "render", object(t, "template", strings.Repeat("t", 64<<10+1))), "template")
	})
	for outcome, template := range map[string]string{
		"Over1MiBOfText":       strings.Repeat("{{.v}}", 17),
		"FarOver1MiBOfText":    strings.Repeat("{{.v}}", 10_000),
		"AReplyThatDoesNotFit": strings.Repeat("{{.c}}", 2),
		"HugePrint":            "{{print " + strings.Repeat(".v ", 20_000) + "}}",
	} {
		t.Run(outcome, func(t *testing.T) {
			tooLarge := requireFailure(t, acme.call(t, "render", object(t, "template", template)), 413, "too_large")
			require.NotNil(t, tooLarge.Limit)
			assert.Positive(t, *tooLarge.Limit)
		})
	}
	t.Run("HugePrintThatIsNotShown", func(t *testing.T) {
		template := "{{if print " + strings.Repeat(".v ", 20_000) + "}}x{{end}}"
		refused := acme.call(t, "render", object(t, "template", template))
		assert.Contains(t, []string{"413", "504"}, refused.Header.Get(headerErrorCode), "%.2000s", refused.Data)
	})
}

// If a template never ends, its author gets an error, and no other tenant notices.
func TestRender_Runaway_Ugly(t *testing.T) {
	acme := newNamespace(t)
	acme.fill(t, "large", numbered("key", 10_000), func(int) string { return "v" })
	compare := strings.Repeat(`{{if eq . "a" "b" "c"}}x{{end}}`, 2000)
	for outcome, template := range map[string]string{
		"ManyComparisonsForEachKey": `{{range .}}` + compare + `{{end}}`,
		"ManyBranchesForEachKey":    `{{range .}}` + strings.Repeat(`{{with .}}{{if not .}}x{{end}}{{end}}`, 1600) + `{{end}}`,
		"OneWordAgainAndAgain":      strings.Repeat(`{{range .}}{{end}}`, 3500),
	} {
		t.Run(outcome, func(t *testing.T) {
			replies := subscribe(t, acme.connection, nats.NewInbox())
			ask(t, acme.connection, replies, "store."+acme.namespace+".render", object(t, "group", "large", "template", template))
			acme.set(t, "default", "k", outcome)
			assert.Equal(t, outcome, acme.value(t, "default", "k"), "others are served meanwhile")
			requireFailure(t, answer{receive(t, replies)}, 504, "deadline_exceeded")
		})
	}
	assert.Equal(t, "10000", acme.render(t, "large", "{{len .}}"), "and it can be asked again")
}
