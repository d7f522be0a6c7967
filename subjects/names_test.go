// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// requireBadField requires a 400 that names the field at fault.
func requireBadField(t *testing.T, err error, field string) {
	t.Helper()
	require.ErrorIs(t, err, subjects.ErrBadRequest)
	var failure *subjects.Error
	require.ErrorAs(t, err, &failure)
	assert.Equal(t, 400, failure.Code)
	assert.Equal(t, field, failure.Field, failure.Message)
	assert.NotEmpty(t, failure.Message)
}

func TestNames_CheckNamespace_Good(t *testing.T) {
	for _, namespace := range []string{"acme", "ACME", "a", "0", "-", "tenant-42", "Events", "admins", strings.Repeat("a", 64)} {
		assert.NoError(t, subjects.CheckNamespace(namespace), namespace)
	}
}

func TestNames_CheckNamespace_Bad(t *testing.T) {
	for _, namespace := range []string{
		"", "events", "admin", "workspace", strings.Repeat("a", 65),
		"*", ">", "acme>", "ac me", "ac.me", "ac_me", "аcme", "..", "$SYS", "_INBOX", "acme\n", "acme\x00", "\xff", "%41",
	} {
		requireBadField(t, subjects.CheckNamespace(namespace), "namespace")
	}
}

func TestNames_CheckGroup_Good(t *testing.T) {
	for _, group := range []string{"a", "default", "a.b", "*", ">", "a b", "ü", "\x00", "workspace:x", strings.Repeat("g", subjects.MaxGroupBytes)} {
		assert.NoError(t, subjects.CheckGroup(group), group)
	}
}

func TestNames_CheckGroup_Bad(t *testing.T) {
	for _, group := range []string{"", "\xff", "a\xc3", "\xed\xa0\x80", strings.Repeat("g", subjects.MaxGroupBytes+1)} {
		requireBadField(t, subjects.CheckGroup(group), "group")
	}
}

func TestNames_CheckKey_Good(t *testing.T) {
	for _, key := range []string{"k", "^%_'\";--\\\n", "\u202e", strings.Repeat("ü", subjects.MaxKeyBytes/2)} {
		assert.NoError(t, subjects.CheckKey(key), key)
	}
}

func TestNames_CheckKey_Bad(t *testing.T) {
	for _, key := range []string{"", "\xff", "a\xc3", strings.Repeat("k", subjects.MaxKeyBytes+1)} {
		requireBadField(t, subjects.CheckKey(key), "key")
	}
}

func TestNames_CheckKey_Ugly(t *testing.T) {
	t.Run("MessageRepeatsLittleOfAName", func(t *testing.T) {
		err := subjects.CheckKey(strings.Repeat("\xff", subjects.MaxKeyBytes))
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 400)
	})
}
