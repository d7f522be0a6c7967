// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/benchtest"
)

func TestFilling_Begin_Good(t *testing.T) {
	natsServer := benchtest.StartServer(t, false)
	responder := newResponder(t, benchtest.Connect(t, natsServer), echo)
	filling := &filling{keys: 300, tell: func(int) {}}
	loop := echoLoop(1, 16, benchtest.Connect(t, natsServer))
	require.NoError(t, filling.begin(t.Context(), &loop))
	outcome, err := loop.run(t.Context())
	require.NoError(t, err)
	require.NoError(t, filling.end(t.Context()))
	assert.Equal(t, uint64(300), outcome.served)
	assert.Equal(t, int64(300), filling.written.Load())
	assert.Len(t, responder.asked, 300)
}
