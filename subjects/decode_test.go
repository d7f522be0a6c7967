// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	encodingjson "encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// guardedRequest has a field of every kind that a request can have.
type guardedRequest struct {
	If     []guard           `json:"if,omitzero"`
	Tags   map[string]string `json:"tags,omitzero"`
	By     *int64            `json:"by,omitzero"`
	Small  int8              `json:"small,omitzero"`
	Ratio  float64           `json:"ratio,omitzero"`
	Strict bool              `json:"strict,omitzero"`
	Before time.Time         `json:"before,omitzero"`
	Inner  guard             `json:"inner,omitzero"`
	Hidden string            `json:"-"`
	Fields any               `json:"fields,omitzero"`
}

type guard struct {
	Key      *string `json:"key,omitzero"`
	Revision *uint64 `json:"revision,omitzero"`
}

func TestDecode_Decode_Good(t *testing.T) {
	t.Run("EveryField", func(t *testing.T) {
		var request subjects.SetRequest
		require.NoError(t, subjects.Decode([]byte(" \t\r\n"+`{"group":"config","key":"theme","value":"d\u00e4rk\ud83d\ude00","encoding":"base64","ttl":90,"if_revision":18446744073709551615}`+"\n "), &request))
		assert.Equal(t, subjects.SetRequest{
			Group: new("config"), Key: new("theme"), Content: subjects.Content{Value: new("därk😀"), Encoding: new("base64")},
			TTL: new(subjects.After(90 * time.Second)), IfRevision: new(uint64(18446744073709551615)),
		}, request)
	})
	t.Run("EmptyPayloadIsAnObject", func(t *testing.T) {
		for _, payload := range []string{``, `{}`, ` { } `} {
			var request subjects.SetRequest
			require.NoError(t, subjects.Decode([]byte(payload), &request))
			assert.Equal(t, subjects.SetRequest{}, request)
		}
		require.NoError(t, subjects.Decode(nil, new(subjects.SetRequest)))
	})
	t.Run("NullIsAsIfLeftOut", func(t *testing.T) {
		var request subjects.SetRequest
		require.NoError(t, subjects.Decode([]byte(`{"group":null,"key":null,"value":null,"encoding":null,"ttl":null,"if_revision":null}`), &request))
		assert.Equal(t, subjects.SetRequest{}, request)
		var guarded guardedRequest
		require.NoError(t, subjects.Decode([]byte(`{"if":null,"tags":null,"small":null,"ratio":null,"strict":null,"before":null,"inner":null,"fields":null}`), &guarded))
		assert.Equal(t, guardedRequest{}, guarded)
	})
	t.Run("EmptyStringIsAString", func(t *testing.T) {
		var request subjects.SetRequest
		require.NoError(t, subjects.Decode([]byte(`{"value":""}`), &request))
		assert.Equal(t, new(""), request.Value)
	})
	t.Run("BytesMayBeReused", func(t *testing.T) {
		var request subjects.SetRequest
		body := []byte(`{"value":"dark"}`)
		require.NoError(t, subjects.Decode(body, &request))
		clear(body)
		assert.Equal(t, "dark", *request.Value)
	})
}

func TestDecode_Decode_Bad(t *testing.T) {
	for body, want := range map[string]struct{ field, message string }{
		` `:             {"", "not white space"},
		`null`:          {"", "must be a JSON object and begin with {, not null"},
		`[]`:            {"", "not a list"},
		`"x"`:           {"", "not a string"},
		` 0`:            {"", "not a number"},
		`-1`:            {"", "not a number"},
		`true`:          {"", "not true or false"},
		`}`:             {"", `not "}"`},
		"\ufeff{}":      {"", `not "\xef"`},
		"\xff\xfe{\x00": {"", `not "\xff"`},

		`{}{}`:                   {"", "goes on after its JSON object, at byte 2"},
		`{"key":"a"} x`:          {"", "goes on after its JSON object, at byte 12"},
		"{}\x00":                 {"", "goes on after"},
		`{`:                      {"", "ends in the middle"},
		`{"key`:                  {"", "ends in the middle"},
		`{"key":`:                {"key", "ends in the middle"},
		`{"key":"a`:              {"key", "ends in the middle"},
		`{"key":"a"`:             {"", "ends in the middle"},
		`{"key":"a",}`:           {"", "not valid JSON at byte 10"},
		`{"key":"a"]`:            {"", "not valid JSON at byte 10"},
		`{"key" "a"}`:            {"key", "expecting ':'"},
		`{key:"a"}`:              {"", "not valid JSON at byte 1"},
		`{'key':"a"}`:            {"", "not valid JSON at byte 1"},
		`{"if_revision":01}`:     {"", "not valid JSON"},
		`{"if_revision":NaN}`:    {"if_revision", "not valid JSON"},
		`{"key":"a" /* c */}`:    {"", "not valid JSON"},
		"{\"key\":\"a\nb\"}":     {"key", "not valid JSON"},
		`{"key":"\q"}`:           {"key", "not valid JSON"},
		`{"key":"\x"}`:           {"key", "not valid JSON"},
		"{\"key\":\"\xff\"}":     {"key", "byte 0xFF is not UTF-8"},
		"{\"\xc3\":1}":           {"", "byte 0xC3 is not UTF-8"},
		`{"key":"\ud800"}`:       {"key", `surrogate without its other half`},
		`{"key":"\uDC00"}`:       {"key", `surrogate without its other half`},
		`{"key":"\ud800\ud800"}`: {"key", `surrogate without its other half`},
		`{"key":"\ud800x"}`:      {"key", `surrogate without its other half`},
		`{"\ud800":1}`:           {"", `surrogate without its other half`},

		`{"key":"a","key":"a"}`:      {"key", "key is given twice"},
		`{"key":"a","k\u0065y":"b"}`: {"key", "key is given twice"},
		`{"key":null,"key":"b"}`:     {"key", "key is given twice"},
		`{"value":"a","value":"b"}`:  {"value", "value is given twice"},
		`{"key":"a","KEY":"b"}`:      {"KEY", `names are case-sensitive, write "key"`},
		`{"ky":"a"}`:                 {"ky", "the fields are group, key, value, encoding, ttl, if_revision"},
		`{"":"a"}`:                   {"", `there is no field ""`},
		`{"a/b~":"a"}`:               {"a/b~", `there is no field "a/b~"`},
		`{"Content":{}}`:             {"Content", `there is no field "Content"`},

		`{"key":1}`:                            {"key", "key must be a string, not a number"},
		`{"key":true}`:                         {"key", "key must be a string, not true or false"},
		`{"key":["a"]}`:                        {"key", "key must be a string, not a list"},
		`{"key":{}}`:                           {"key", "key must be a string, not an object"},
		`{"value":1}`:                          {"value", "value must be a string, not a number"},
		`{"if_revision":"5"}`:                  {"if_revision", "a whole number from 0 to 18446744073709551615, not a string"},
		`{"if_revision":-1}`:                   {"if_revision", "not -1"},
		`{"if_revision":-0}`:                   {"if_revision", "not -0"},
		`{"if_revision":1.0}`:                  {"if_revision", "not 1.0"},
		`{"if_revision":1e2}`:                  {"if_revision", "not 1e2"},
		`{"if_revision":1e400}`:                {"if_revision", "not 1e400"},
		`{"if_revision":18446744073709551616}`: {"if_revision", "not 18446744073709551616"},
		`{"if_revision":` + strings.Repeat("9", 99) + `}`: {"if_revision", "not a number"},
		`{"ttl":0}`: {"ttl", "ttl is a number of seconds"},
	} {
		err := subjects.Decode([]byte(body), new(subjects.SetRequest))
		requireBadField(t, err, want.field)
		assert.ErrorContains(t, err, want.message, body)
		assertPlainWords(t, err)
	}
}

// assertPlainWords asserts that a message speaks to the caller, not to us.
func assertPlainWords(t *testing.T, err error) {
	t.Helper()
	assert.NotRegexp(t, `json:|jsontext|Go |uint|int64|struct|subjects\.|nil|unmarshal`, err.Error())
}

func TestDecode_Decode_Ugly(t *testing.T) {
	t.Run("NestedFieldsAreNamedByTheirPath", func(t *testing.T) {
		for body, want := range map[string]struct{ field, message string }{
			`{"if":[{"key":1}]}`:                    {"if/0/key", "if/0/key must be a string, not a number"},
			`{"if":[{},{"ky":1}]}`:                  {"if/1/ky", "the fields are key, revision"},
			`{"if":[{"key":"a"},{"key":"\ud800"}]}`: {"if/1/key", "surrogate"},
			`{"if":[{"key":"a","key":"b"}]}`:        {"if/0/key", "if/0/key is given twice"},
			`{"if":["a"]}`:                          {"if/0", "if/0 must be an object, not a string"},
			`{"if":{}}`:                             {"if", "if must be a list, not an object"},
			`{"inner":[]}`:                          {"inner", "inner must be an object, not a list"},
			`{"tags":{"a":1}}`:                      {"tags/a", "tags/a must be a string, not a number"},
			`{"tags":{"a":"1","a":"2"}}`:            {"tags/a", "tags/a is given twice"},
			`{"tags":[]}`:                           {"tags", "tags must be an object, not a list"},
			`{"by":9223372036854775808}`:            {"by", "from -9223372036854775808 to 9223372036854775807, not 9223372036854775808"},
			`{"small":128}`:                         {"small", "from -128 to 127, not 128"},
			`{"ratio":1e400}`:                       {"ratio", "ratio must be a number, not 1e400"},
			`{"ratio":"1"}`:                         {"ratio", "ratio must be a number, not a string"},
			`{"strict":1}`:                          {"strict", "strict must be true or false, not a number"},
			`{"before":1}`:                          {"before", "before must be a time such as 2026-11-22T10:00:00Z, not a number"},
			`{"before":"now"}`:                      {"before", "before must be a time such as"},
			`{"Hidden":"x"}`:                        {"Hidden", "there is no field"},
			`{"fields":{"a":1e400}}`:                {"fields/a", "fields/a must be"},
		} {
			err := subjects.Decode([]byte(body), new(guardedRequest))
			requireBadField(t, err, want.field)
			assert.ErrorContains(t, err, want.message, body)
			assertPlainWords(t, err)
		}
	})
	t.Run("RequestWithoutFields", func(t *testing.T) {
		err := subjects.Decode([]byte(`{"a":1}`), new(subjects.StatusRequest))
		requireBadField(t, err, "a")
		assert.ErrorContains(t, err, "takes none")
	})
	t.Run("DeepNestingIsRefusedQuickly", func(t *testing.T) {
		for _, piece := range []string{`[`, `{"a":`, `{"key":`} {
			for _, name := range []string{"key", "fields", "if"} {
				err := subjects.Decode([]byte(`{"`+name+`":`+strings.Repeat(piece, 1<<20)), new(guardedRequest))
				require.ErrorIs(t, err, subjects.ErrBadRequest)
				assert.Less(t, len(err.Error()), 500)
			}
		}
		err := subjects.Decode([]byte(strings.Repeat(`[`, 1<<20)), new(guardedRequest))
		assert.ErrorContains(t, err, "not a list")
		err = subjects.Decode([]byte(`{"fields":`+strings.Repeat(`[`, 1<<20)), new(guardedRequest))
		assert.ErrorContains(t, err, "nested too deeply")
	})
	t.Run("LongNamesAreCutShort", func(t *testing.T) {
		err := subjects.Decode([]byte(`{"`+strings.Repeat("ü", 1<<20)+`":1}`), new(subjects.GetRequest))
		var failure *subjects.Error
		require.ErrorAs(t, err, &failure)
		assert.Less(t, len(failure.Field), 200)
		assert.Less(t, len(failure.Message), 600)
		assert.NotContains(t, failure.Field, "\ufffd")
	})
	t.Run("ManyFieldsAreRefusedAtTheFirst", func(t *testing.T) {
		var body strings.Builder
		body.WriteString(`{"a0":0`)
		for index := range 100_000 {
			body.WriteString(`,"b` + strconv.Itoa(index) + `":0`)
		}
		requireBadField(t, subjects.Decode([]byte(body.String()+`}`), new(subjects.GetRequest)), "a0")
	})
	t.Run("NotAPointer", func(t *testing.T) {
		assert.ErrorIs(t, subjects.Decode([]byte(`{}`), subjects.GetRequest{}), subjects.ErrBadRequest)
	})
}

// FuzzDecode_Decode checks that the standard library accepts every body that we accept, and
// reads it the same way.
func FuzzDecode_Decode(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `{"key":"theme","value":"dark"}`, `{"group":"a","key":"b","value":"\ud83d\ude00","encoding":"base64","ttl":"90s","if_revision":0}`,
		`{"key":null}`, `{"ttl":1.5}`, `{"key":"a","key":"b"}`, `{"KEY":"a"}`, `{"key":"\ud800"}`, `{} {}`, "{\"key\":\"\xff\"}", `{"if_revision":1e3}`,
		`{"ttl":"never"}`, `{"ttl":null}`, `{"key":{"a":[1,2,{}]}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var request, other subjects.SetRequest
		err := subjects.Decode(body, &request)
		if err != nil {
			require.ErrorIs(t, err, subjects.ErrBadRequest)
			require.NotEmpty(t, subjects.AppendError(nil, err.(*subjects.Error))) //nolint:errcheck,errorlint // Decode promises the type
			return
		}
		if len(body) == 0 {
			body = []byte(`{}`)
		}
		require.NoError(t, encodingjson.Unmarshal(body, &other))
		assert.Equal(t, other, request)
	})
}

func BenchmarkDecode_SetRequest(b *testing.B) {
	for _, size := range []int{128, 16 << 10} {
		for name, tail := range map[string]string{"plain": ``, "guarded": `,"ttl":90,"if_revision":41`} {
			b.Run(strconv.Itoa(size)+"/"+name, func(b *testing.B) {
				bodies := setBodies(size, tail)
				b.ReportAllocs()
				b.SetBytes(int64(len(bodies[0])))
				index := 0
				for b.Loop() {
					var request subjects.SetRequest
					if err := subjects.Decode(bodies[index%len(bodies)], &request); err != nil || len(*request.Value) != size {
						b.Fatal(err)
					}
					index++
				}
			})
		}
	}
}

// setBodies gives requests with values that differ, as the decoder remembers the
// strings that it has just seen.
func setBodies(size int, tail string) (bodies [][]byte) {
	for index := range 1000 {
		value := strconv.Itoa(index) + strings.Repeat("v", size)
		bodies = append(bodies, []byte(`{"group":"config","key":"theme","value":"`+value[:size]+`"`+tail+`}`))
	}
	return bodies
}
