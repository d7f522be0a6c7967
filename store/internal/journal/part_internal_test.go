// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/store/internal/batch"
)

// A part that was only looked at is not there.
func TestPart_Of_Good(t *testing.T) {
	batch := batch.New(nil, nil, time.Now())
	assert.True(t, slot.Of(batch).Empty())
	assert.True(t, batch.IsEmpty())
}
