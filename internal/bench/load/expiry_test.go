// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/benchtest"
	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/subjects"
)

// newExpiryMeter begins to measure a loop of a hundred milliseconds. publish publishes
// events.
func newExpiryMeter(t *testing.T) (meter *ExpiryMeter, begun *Loop, publish func(events ...string)) {
	t.Helper()
	connection := benchtest.Connect(t, benchtest.StartServer(t, false))
	meter, begun = &ExpiryMeter{Connection: connection, Places: onePlace("expiring")}, &Loop{Duration: 100 * time.Millisecond}
	require.NoError(t, meter.Begin(t.Context(), begun))
	return meter, begun, func(events ...string) {
		for _, event := range events {
			require.NoError(t, connection.Publish("store.events.expiring.bench", []byte(event)))
		}
	}
}

func TestExpiry_Begin_Good(t *testing.T) {
	_, begun, _ := newExpiryMeter(t)
	assert.Zero(t, begun.Duration, "it ends with the last key")
	subject, payload := begun.Operation.Request(Input{Key: expiringKeys / 2, Value: []byte("v")})
	assert.Equal(t, "store.expiring.set", subject)
	var body subjects.SetRequest
	require.NoError(t, subjects.Decode(payload, &body))
	require.NoError(t, body.Check())
	assert.Equal(t, "k0000250", *body.Key)
	assert.Equal(t, expiryLead+50*time.Millisecond, body.TTL.Duration())
}

func TestExpiry_End_Good(t *testing.T) {
	t.Run("MeasuresFromTheDeadline", func(t *testing.T) {
		meter, begun, publish := newExpiryMeter(t)
		begun.Observe(1, time.Now())
		begun.Observe(2, time.Now())
		deadline := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339Nano)
		expired := `{"revision":3,"previous":2,"type":"expire","key":"a"}`
		publish(
			fmt.Sprintf(`{"revision":1,"previous":0,"type":"set","key":"a","value":"v","expires_at":%q}`, deadline),
			fmt.Sprintf(`{"revision":2,"previous":1,"type":"set","key":"b","value":"v","expires_at":%q}`, deadline),
			"no event", expired, expired, `{"revision":4,"previous":3,"type":"expire","key":"stranger"}`,
			`{"revision":5,"previous":4,"type":"delete_group"}`, `{"revision":6,"previous":5,"type":"expire","key":"b"}`,
		)
		require.NoError(t, meter.End(t.Context()))
		var round report.Round
		meter.Note(&round)
		assert.Equal(t, uint64(2), round.Events, "what came twice counts once")
		assert.GreaterOrEqual(t, round.Lag.P50, report.Microseconds(time.Hour))
		assert.GreaterOrEqual(t, round.Lag.P99, round.Lag.P50)
	})
	t.Run("WaitsForNothingWhereNothingWasSet", func(t *testing.T) {
		meter, _, _ := newExpiryMeter(t)
		require.NoError(t, meter.End(t.Context()))
	})
}

func TestExpiry_End_Ugly(t *testing.T) {
	meter, begun, _ := newExpiryMeter(t)
	begun.Observe(1, time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, meter.End(ctx), context.Canceled)
}

func TestRound_Round_Good_WritesItsFigures(t *testing.T) {
	var round report.Round
	(&Writers{rate: 5, p99: time.Millisecond}).Note(&round)
	written, err := json.Marshal(round)
	require.NoError(t, err)
	assert.Contains(t, string(written), `"writes_per_second":5,"write_p99_us":1000`)
}
