// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestCursor_DecodeCursor_Good(t *testing.T) {
	for _, key := range []string{"theme", "a.b", "ü", "\x00", strings.Repeat(".", subjects.MaxKeyBytes)} {
		decoded, err := subjects.DecodeCursor(subjects.EncodeCursor(key))
		require.NoError(t, err)
		assert.Equal(t, key, decoded)
	}
}

func TestCursor_DecodeCursor_Bad(t *testing.T) {
	for _, cursor := range []string{"", "a.b", "%41", "%2e", "a%", "%FF", "a b", strings.Repeat("k", subjects.MaxKeyBytes+1)} {
		_, err := subjects.DecodeCursor(cursor)
		requireBadField(t, err, "after")
	}
}
