// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"dappco.re/go/storebus/subjects"
)

func conflict() *subjects.Error {
	failure := subjects.ErrRevisionConflict.New("store.Set: config/theme stands at revision 41, not 40")
	failure.CurrentRevision = new(uint64(41))
	return failure
}

func TestErrorBody_AppendError_Good(t *testing.T) {
	t.Run("AsTheContractShowsIt", func(t *testing.T) {
		assert.JSONEq(t, `{"error":{"code":409,"name":"revision_conflict","message":"store.Set: config/theme stands at revision 41, not 40","current_revision":41}}`,
			string(subjects.AppendError(nil, conflict())))
	})
	t.Run("ZeroIsSaid", func(t *testing.T) {
		failure := subjects.ErrRevisionConflict.New("m")
		failure.CurrentRevision, failure.Index = new(uint64(0)), new(0)
		assert.Equal(t, `x{"error":{"code":409,"name":"revision_conflict","message":"m","current_revision":0,"index":0}}`,
			string(subjects.AppendError([]byte("x"), failure)))
	})
}

func TestErrorBody_AppendError_Ugly(t *testing.T) {
	t.Run("MessageThatIsNotUTF8", func(t *testing.T) {
		failure, err := subjects.ParseError(subjects.AppendError(nil, subjects.ErrInternal.New("a\xffb\x00")))
		require.NoError(t, err)
		assert.Equal(t, "a\ufffdb\x00", failure.Message)
	})
}

func TestErrorBody_ParseError_Good(t *testing.T) {
	failure, err := subjects.ParseError(subjects.AppendError(nil, conflict()))
	require.NoError(t, err)
	assert.Equal(t, conflict(), failure)
	require.ErrorIs(t, failure, subjects.ErrRevisionConflict)
	require.NotErrorIs(t, failure, subjects.ErrNotFound)

	failure, err = subjects.ParseError([]byte(`{"error":{"code":418,"name":"teapot","message":"","colour":"red"},"more":1}`))
	require.NoError(t, err)
	assert.Equal(t, "418 teapot", failure.Error())
}

func TestErrorBody_ParseError_Bad(t *testing.T) {
	for _, body := range []string{``, `null`, `{}`, `[]`, `{"error":null}`, `{"error":"x"}`, `{"error":{"code":400}}`, `{"error":{"name":"x"}}`, `{"error":{"code":"400","name":"x"}}`, `not json`} {
		failure, err := subjects.ParseError([]byte(body))
		require.ErrorContains(t, err, "subjects.ParseError", body)
		assert.Nil(t, failure)
	}
}

func TestErrorBody_HeaderText_Good(t *testing.T) {
	for message, want := range map[string]string{
		"":                         "",
		"store.Get: config/theme":  "store.Get: config/theme",
		"café":                     `caf\u00e9`,
		"a\r\nNats-Msg-Id: x\x00ÿ": `a\r\nNats-Msg-Id: x\x00\u00ff`,
		`say "x" \`:                `say \"x\" \\`,
		"\xff":                     `\xff`,
	} {
		assert.Equal(t, want, subjects.HeaderText(message))
	}
}

func TestErrorBody_HeaderText_Ugly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		message := string(rapid.SliceOf(rapid.Byte()).Draw(t, "message"))
		text := subjects.HeaderText(message)
		assert.NotRegexp(t, `[^ -~]`, text)
		again, err := strconv.Unquote(`"` + text + `"`)
		require.NoError(t, err)
		assert.Equal(t, message, again)
	})
}
