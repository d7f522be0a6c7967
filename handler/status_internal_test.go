// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestStatus_EncodeStatus_Good(t *testing.T) {
	request, _ := newSetRequest(t)
	request.service.queue = newQueue(1, 1)
	t.Run("OfABackup", func(t *testing.T) {
		answer := takeAnswer()
		defer answer.release()
		require.NoError(t, encodeStatus(answer, request, nil, &store.Status{BackedUpBytes: 4096}))
		assert.Contains(t, string(answer.body), `"backed_up_bytes":4096`)
	})
	for archiving, told := range map[int64]string{0: `"endpoint":null}`, 5: `"endpoint":null,"archiving":5}`} {
		answer := takeAnswer()
		require.NoError(t, encodeStatus(answer, request, nil, &store.Status{Archiving: archiving}))
		assert.Contains(t, string(answer.body), told)
		answer.release()
	}
}
