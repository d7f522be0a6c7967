// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

func TestTexts_Render_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)
	bench.request("store.acme.set.default.bytes", "\xff")
	assert.Equal(t, subjects.RenderReply{Text: "theme: dark, <no value>", Revision: 2},
		ask[subjects.RenderReply](bench, "store.acme.render", `{"group":"config","template":"theme: {{.theme}}, {{.none}}"}`))
	reply := ask[subjects.RenderReply](bench, "store.acme.render", `{"template":"{{.bytes}}"}`)
	assert.Equal(t, base64.StdEncoding.EncodeToString([]byte("\xff")), reply.Text)
	assert.Equal(t, subjects.EncodingBase64, *reply.Encoding)
}

func TestTexts_Render_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)
	for _, refusal := range []struct {
		name, body, message string
	}{
		{"NoTemplate", `{"group":"config"}`, "template is required"},
		{"AWordThatIsNotAllowed", `{"group":"config","template":"{{printf \"%s\" .theme}}"}`, "printf"},
		{"AMissingKeyWhereAllMustBeThere", `{"group":"config","template":"{{.none}}","strict":true}`, "none"},
		{"NoEnd", `{"group":"config","template":"{{if .theme}}"}`, "unexpected EOF"},
		{"TooLong", `{"group":"config","template":"` + strings.Repeat("x", 64<<10+1) + `"}`, "65536"},
	} {
		t.Run(refusal.name, func(t *testing.T) {
			failure := bench.refuse("store.acme.render", refusal.body)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, "template", failure.Field)
			assert.Contains(t, failure.Message, refusal.message)
			assert.True(t, strings.HasPrefix(failure.Message, "store.Render: "), failure.Message)
		})
	}
}

func TestTexts_Render_Ugly(t *testing.T) {
	bench := startService(t, handler.Config{})
	bench.request("store.acme.set.config.long", strings.Repeat("v", 100<<10))
	t.Run("ATextThatIsTooLong", func(t *testing.T) {
		failure := bench.refuse("store.acme.render", fmt.Sprintf(`{"group":"config","template":%q}`, strings.Repeat("{{.long}}", 11)))
		assert.ErrorIs(t, failure, subjects.ErrTooLarge)
		assert.Equal(t, uint64(store.MaxRenderedBytes), *failure.Limit)
	})
	t.Run("ATextThatDoesNotFitAMessage", func(t *testing.T) {
		bench.request("store.acme.set.config.escaped", strings.Repeat("\x01", 100<<10))
		failure := bench.refuse("store.acme.render", fmt.Sprintf(`{"group":"config","template":%q}`, strings.Repeat("{{.escaped}}", 2)))
		assert.ErrorIs(t, failure, subjects.ErrTooLarge)
		assert.Equal(t, uint64(1<<20), *failure.Limit)
	})
}

func TestTexts_Split_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"group":"lists","key":"colours","value":"red,,blue"}`)
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"word","value":"añb"}`)
	bench.request("store.acme.set.default.bytes", "\xff,a")
	assert.Equal(t, []string{"red", "", "blue"}, ask[subjects.SplitReply](bench, "store.acme.split", `{"group":"lists","key":"colours","separator":","}`).Parts)
	assert.Equal(t, []string{"a", "ñ", "b"}, ask[subjects.SplitReply](bench, "store.acme.split", `{"key":"word","separator":""}`).Parts)
	encoded := ask[subjects.SplitReply](bench, "store.acme.split", `{"key":"bytes","separator":","}`)
	assert.Equal(t, subjects.EncodingBase64, *encoded.Encoding)
	assert.Equal(t, []string{"/w==", "YQ=="}, encoded.Parts)
}

func TestTexts_Split_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	assert.Equal(t, "separator", bench.refuse("store.acme.split", `{"key":"k"}`).Field)
	assert.Equal(t, "key", bench.refuse("store.acme.split", `{"separator":","}`).Field)
	failure := bench.refuse("store.acme.split", `{"group":"lists","key":"none","separator":","}`)
	assert.ErrorIs(t, failure, subjects.ErrNotFound)
	assert.Equal(t, "store.Split: lists/none is not there", failure.Message)
}

func TestTexts_Split_Ugly_AReplyThatDoesNotFit(t *testing.T) {
	bench := startService(t, handler.Config{})
	bench.request("store.acme.set.default.long", strings.Repeat("v", 600<<10))
	failure := bench.refuse("store.acme.split", `{"key":"long","separator":""}`)
	assert.ErrorIs(t, failure, subjects.ErrTooLarge)
	assert.Equal(t, uint64(1<<20), *failure.Limit)
}

func TestTexts_Fields_Good(t *testing.T) {
	bench := startService(t, handler.Config{})
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"  one\ttwo \n three "}`)
	assert.Equal(t, subjects.FieldsReply{Fields: []string{"one", "two", "three"}}, ask[subjects.FieldsReply](bench, "store.acme.fields", `{"key":"k"}`))
	ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":" "}`)
	assert.JSONEq(t, `{"fields":[]}`, string(bench.request("store.acme.fields", `{"key":"k"}`).Data))
}

func TestTexts_Fields_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	assert.Equal(t, "separator", bench.refuse("store.acme.fields", `{"key":"k","separator":","}`).Field)
	assert.Equal(t, "store.Fields: default/none is not there", bench.refuse("store.acme.fields", `{"key":"none"}`).Message)
}
