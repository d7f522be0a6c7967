// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestErrors_Error_Good(t *testing.T) {
	failure := subjects.BadField("limit", "limit is 1 to 1,000, not 0")
	assert.Equal(t, "limit is 1 to 1,000, not 0", failure.Error())
	assert.Equal(t, "limit", failure.Field)
	assert.Equal(t, "404 not_found", subjects.ErrNotFound.Error())
	wrapped := fmt.Errorf("client.Get: %w", failure)
	require.ErrorIs(t, wrapped, subjects.ErrBadRequest)
	require.NotErrorIs(t, errors.New("x"), subjects.ErrBadRequest)
	assert.False(t, failure.Is(errors.New("x")))
}
