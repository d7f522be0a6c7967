// SPDX-License-Identifier: EUPL-1.2

package bench

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

// newExpiryMeter begins to measure a loop of a hundred milliseconds, with a function
// that publishes events.
func newExpiryMeter(t *testing.T) (meter *expiryMeter, begun *loop, publish func(events ...string)) {
	t.Helper()
	connection := benchtest.Connect(t, benchtest.StartServer(t, false))
	meter, begun = &expiryMeter{connection: connection, places: onePlace("expiring")}, &loop{duration: 100 * time.Millisecond}
	require.NoError(t, meter.begin(t.Context(), begun))
	return meter, begun, func(events ...string) {
		for _, event := range events {
			require.NoError(t, connection.Publish("store.events.expiring.bench", []byte(event)))
		}
	}
}

func TestExpiry_Begin_Good(t *testing.T) {
	_, begun, _ := newExpiryMeter(t)
	assert.Zero(t, begun.duration, "it ends with the last key")
	subject, payload := begun.operation.request(input{key: expiringKeys / 2, value: []byte("v")})
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
		begun.observe(1, time.Now())
		begun.observe(2, time.Now())
		deadline := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339Nano)
		expired := `{"revision":3,"previous":2,"type":"expire","key":"a"}`
		publish(
			fmt.Sprintf(`{"revision":1,"previous":0,"type":"set","key":"a","value":"v","expires_at":%q}`, deadline),
			fmt.Sprintf(`{"revision":2,"previous":1,"type":"set","key":"b","value":"v","expires_at":%q}`, deadline),
			"no event", expired, expired, `{"revision":4,"previous":3,"type":"expire","key":"stranger"}`,
			`{"revision":5,"previous":4,"type":"delete_group"}`, `{"revision":6,"previous":5,"type":"expire","key":"b"}`,
		)
		require.NoError(t, meter.end(t.Context()))
		var round report.Round
		meter.note(&round)
		assert.Equal(t, uint64(2), round.Events, "what came twice counts once")
		assert.GreaterOrEqual(t, round.Lag.P50, report.Microseconds(time.Hour))
		assert.GreaterOrEqual(t, round.Lag.P99, round.Lag.P50)
	})
	t.Run("WaitsForNothingWhereNothingWasSet", func(t *testing.T) {
		meter, _, _ := newExpiryMeter(t)
		require.NoError(t, meter.end(t.Context()))
	})
}

func TestExpiry_End_Ugly(t *testing.T) {
	meter, begun, _ := newExpiryMeter(t)
	begun.observe(1, time.Now())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.ErrorIs(t, meter.end(ctx), context.Canceled)
}

func TestRound_Round_Good_WritesItsFigures(t *testing.T) {
	var round report.Round
	(&writers{rate: 5, p99: time.Millisecond}).note(&round)
	written, err := json.Marshal(round)
	require.NoError(t, err)
	assert.Contains(t, string(written), `"writes_per_second":5,"write_p99_us":1000`)
}
