// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/subjects"
)

func TestSubscribers_Receive_Good(t *testing.T) {
	event := func(revision uint64) *nats.Msg {
		return &nats.Msg{Data: subjects.AppendEvent(nil, &subjects.EventRecord{Revision: revision, Type: subjects.EventSet})}
	}
	first, second := &subscriber{}, &subscriber{}
	for revision := range uint64(5) {
		first.receive(event(revision + 1))
		second.receive(event(revision + 1))
	}
	assert.Equal(t, arrivals{Least: 5}, collect([]*subscriber{first, second}))
	first.receive(event(6))
	assert.Equal(t, arrivals{Least: 5}, collect([]*subscriber{first, second}), "the last of them decides")
	second.receive(event(9))
	assert.Equal(t, arrivals{Least: 6, Lost: 3}, collect([]*subscriber{first, second}))
	second.receive(event(9))
	second.receive(event(7))
	assert.Equal(t, arrivals{Least: 6, Lost: 3}, collect([]*subscriber{first, second}), "an event may come more than once")
	assert.Zero(t, collect(nil))
}

func TestSubscribers_EventRevision_Bad(t *testing.T) {
	for _, event := range []string{"", "{}", `{"revision":7}`, `{"revision":"7","`, `{"revision":-7,`, `{"previous":7,"revision":8}`} {
		assert.Zero(t, eventRevision([]byte(event)), event)
	}
}
