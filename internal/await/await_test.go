// SPDX-License-Identifier: EUPL-1.2

package await_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/internal/await"
)

func TestAwait_Answer_Good(t *testing.T) {
	failed := errors.New("failed")
	answer, err := await.Answer(t.Context(), func(done func(int, error)) { go done(3, failed) })
	assert.Equal(t, 3, answer)
	assert.Same(t, failed, err)
}

func TestAwait_Answer_Bad(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var late func(int, error)
	answer, err := await.Answer(ctx, func(done func(int, error)) { late = done })
	assert.Zero(t, answer)
	assert.ErrorIs(t, err, context.Canceled)
	late(3, nil) // delays nobody
}
