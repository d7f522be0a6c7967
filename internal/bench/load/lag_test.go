// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/bench/benchtest"
	"dappco.re/go/storebus/internal/bench/report"
)

func TestLag_NewLag_Good(t *testing.T) {
	epoch := time.Unix(0, 0)
	at := func(revision uint64, microseconds int) moment {
		return moment{revision, epoch.Add(time.Duration(microseconds) * time.Microsecond)}
	}
	replied := []moment{at(1, 10), at(3, 30), at(2, 20), at(4, 40)}
	arrived := []moment{at(1, 5), at(2, 23), at(3, 50), at(3, 99), at(7, 70)}
	assert.Equal(t, &report.Lag{P50: 3, P99: 20}, newLag(replied, arrived), "-5, 3 and 20; the first of two counts, and nothing without both")
	assert.Equal(t, &report.Lag{P50: -5, P99: -5}, newLag(replied[:1], arrived))
	assert.Equal(t, &report.Lag{}, newLag(nil, arrived))
}

func TestLag_Settle_Good(t *testing.T) {
	connection := benchtest.Connect(t, benchtest.StartServer(t, false))
	for _, name := range []string{"EventsFirst", "ReplyFirst"} {
		t.Run(name, func(t *testing.T) {
			meter, loop := &LagMeter{Connection: connection, Subject: "store.events.lag.>"}, &Loop{}
			require.NoError(t, meter.Begin(t.Context(), loop))
			settled := make(chan error, 1)
			settle := func() { settled <- meter.Settle(t.Context(), &Outcome{Revision: 2}) }
			loop.Observe(1, time.Now())
			loop.Observe(2, time.Now())
			if name == "ReplyFirst" {
				go settle()
			}
			for _, event := range []string{`{"revision":1,"previous":0}`, `{"revision":2,"previous":1}`} {
				require.NoError(t, connection.Publish("store.events.lag.bench", []byte(event)))
			}
			require.NoError(t, connection.Flush())
			if name == "EventsFirst" {
				go settle()
			}
			require.NoError(t, <-settled)
			var round report.Round
			meter.Note(&round)
			assert.Equal(t, uint64(2), round.Events)
			assert.NotZero(t, round.Lag.P50)
		})
	}
}

func TestLag_Settle_Bad(t *testing.T) {
	connection := benchtest.Connect(t, benchtest.StartServer(t, false))
	meter := &LagMeter{Connection: connection, Subject: "store.events.lag.>"}
	require.NoError(t, meter.Begin(t.Context(), &Loop{}))
	assert.ErrorIs(t, meter.Settle(t.Context(), &Outcome{Failure: nats.ErrNoResponders}), nats.ErrNoResponders, "nothing was written")
}
