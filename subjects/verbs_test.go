// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/subjects"
)

func TestVerbs_IsTenant_Good(t *testing.T) {
	assert.True(t, subjects.VerbSet.IsTenant())
	assert.False(t, subjects.VerbSet.IsAdmin())
	assert.True(t, subjects.VerbAdminStatus.IsAdmin())
	assert.False(t, subjects.VerbAdminStatus.IsTenant())
	assert.True(t, subjects.VerbGet.HasRaw())
	assert.False(t, subjects.VerbList.HasRaw())
	assert.True(t, subjects.VerbTouch.HasRaw())
	assert.True(t, subjects.VerbIncrement.Writes())
	assert.False(t, subjects.VerbScan.Writes())
	assert.Equal(t, "store a value under a key", subjects.VerbSet.Description())
}

func TestVerbs_IsTenant_Bad(t *testing.T) {
	unknown := subjects.Verb("restart")
	assert.False(t, unknown.IsTenant() || unknown.IsAdmin() || unknown.HasRaw() || unknown.Writes())
	assert.Empty(t, unknown.Description())
}

func TestVerbs_RawVerbs_Ugly(t *testing.T) {
	t.Run("EveryRawVerbIsATenants", func(t *testing.T) {
		for _, verb := range subjects.RawVerbs() {
			assert.True(t, verb.IsTenant(), verb)
		}
	})
	t.Run("CallerOwnsTheSlice", func(t *testing.T) {
		subjects.TenantVerbs()[0] = "x"
		assert.NotContains(t, subjects.TenantVerbs(), subjects.Verb("x"))
	})
}
