// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSplitFields_Split_Good(t *testing.T) {
	acme := newNamespace(t)
	for outcome, test := range map[string]struct{ value, separator, reply string }{
		"InOrder":             {"red,green,blue", ",", `{"parts":["red","green","blue"]}`},
		"EmptyPartsAreParts":  {",a,,b,", ",", `{"parts":["","a","","b",""]}`},
		"WithoutTheSeparator": {"red", ",", `{"parts":["red"]}`},
		"AnEmptyValue":        {"", ",", `{"parts":[""]}`},
		"ALongSeparator":      {"a<br>b<br>c", "<br>", `{"parts":["a","b","c"]}`},
		"NoPattern":           {"a.b*c", ".", `{"parts":["a","b*c"]}`},
		"NotASCII":            {"größe→日本→😀", "→", `{"parts":["größe","日本","😀"]}`},
		"LineBreaks":          {"a\nb\n", "\n", `{"parts":["a","b",""]}`},
		"NotUTF8":             {"a,\xff", ",", `{"parts":["YQ==","/w=="],"encoding":"base64"}`},
	} {
		t.Run(outcome, func(t *testing.T) {
			decode[setReply](t, acme.raw(t, "set", "default", "k", []byte(test.value)))
			assert.JSONEq(t, test.reply, string(acme.call(t, "split", object(t, "key", "k", "separator", test.separator)).Data))
		})
	}
	t.Run("OfAGroup", func(t *testing.T) {
		acme.set(t, "config", "k", "a b")
		assert.JSONEq(t, `{"parts":["a","b"]}`, string(acme.call(t, "split", `{"group":"config","key":"k","separator":" "}`).Data))
	})
}

func TestSplitFields_Fields_Good(t *testing.T) {
	acme := newNamespace(t)
	for outcome, test := range map[string]struct{ value, reply string }{
		"OnWhiteSpace":    {"red green  blue", `{"fields":["red","green","blue"]}`},
		"OfEveryKind":     {" \ta\r\nb\v\fc\n", `{"fields":["a","b","c"]}`},
		"OneWord":         {"red", `{"fields":["red"]}`},
		"AnEmptyValue":    {"", `{"fields":[]}`},
		"NothingButSpace": {" \n ", `{"fields":[]}`},
		"NotASCII":        {"größe 日本", `{"fields":["größe","日本"]}`},
		"NotUTF8":         {"a \xff", `{"fields":["YQ==","/w=="],"encoding":"base64"}`},
	} {
		t.Run(outcome, func(t *testing.T) {
			decode[setReply](t, acme.raw(t, "set", "config", "k", []byte(test.value)))
			assert.JSONEq(t, test.reply, string(acme.call(t, "fields", `{"group":"config","key":"k"}`).Data))
		})
	}
}

func TestSplitFields_Missing_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "other", "k", "v")
	requireFailure(t, acme.call(t, "split", `{"key":"k","separator":","}`), 404, "not_found")
	requireFailure(t, acme.call(t, "fields", `{"key":"k"}`), 404, "not_found")
	requireFailure(t, acme.call(t, "fields", `{"group":"other","key":"l"}`), 404, "not_found")
}

func TestSplitFields_Size_Bad(t *testing.T) {
	acme := newNamespace(t)
	decode[setReply](t, acme.raw(t, "set", "default", "k", []byte(strings.Repeat("a ", 400<<10))))
	requireFailure(t, acme.call(t, "split", `{"key":"k","separator":" "}`), 413, "too_large")
	requireFailure(t, acme.call(t, "fields", `{"key":"k"}`), 413, "too_large")
	assert.Equal(t, uint64(1), acme.revision(t))
}
