// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/benchtest"
)

func TestFilling_Begin_Good(t *testing.T) {
	natsServer := benchtest.StartServer(t, false)
	responder := newResponder(t, benchtest.Connect(t, natsServer), echo)
	filling := &Filling{Keys: 300, Tell: func(int) {}}
	loop := echoLoop(1, 16, benchtest.Connect(t, natsServer))
	require.NoError(t, filling.Begin(t.Context(), &loop))
	outcome, err := loop.Run(t.Context())
	require.NoError(t, err)
	require.NoError(t, filling.End(t.Context()))
	assert.Equal(t, uint64(300), outcome.Served)
	assert.Equal(t, int64(300), filling.written.Load())
	assert.Len(t, responder.asked, 300)
}
