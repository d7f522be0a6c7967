// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestDelivery_DeliveriesOf_Good(t *testing.T) {
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	points := []moment{{1, at(1)}, {3, at(2)}, {2, at(2)}, {9, at(3)}}
	looks := []moment{{0, at(4)}, {2, at(5)}, {3, at(6)}, {3, at(7)}}
	assert.Equal(t, []moment{{1, at(5)}, {3, at(6)}, {2, at(5)}}, deliveriesOf(points, looks))
}
