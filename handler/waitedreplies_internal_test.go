// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// namedReply notes its name when it is sent.
type namedReply struct {
	name string
	sent chan<- string
}

func (reply namedReply) send() { reply.sent <- reply.name }

func TestWaitedReplies_Run_Good(t *testing.T) {
	sent, flushes := make(chan string, 1000), make(chan struct{})
	replies := newWaitedReplies(func() { <-flushes })
	for index := range 2 * waitedPerTurn {
		replies.push("acme", namedReply{fmt.Sprint("acme ", index), sent})
	}
	replies.push("other", namedReply{"other", sent})
	go replies.run()
	flushes <- struct{}{}
	assert.Equal(t, []string{"acme 0", "other", "acme 1"}, []string{<-sent, <-sent, <-sent}, "namespaces come in turns")
	flushes <- struct{}{}
	assert.GreaterOrEqual(t, len(sent), 2*waitedPerTurn-3)
	replies.push("late", namedReply{"late", sent})
	replies.close()
	require.Len(t, sent, 2*waitedPerTurn-1, "nothing is left when it is closed")
}

func TestWaitedReplies_Run_Ugly(t *testing.T) {
	t.Run("OthersGoOnWhileTheBrokerTakesNoMore", func(t *testing.T) {
		sent, held := make(chan string, 1000), make(chan struct{})
		flushing := make(chan struct{})
		waited := newWaitedReplies(func() {
			flushing <- struct{}{}
			<-held
		})
		for index := range 2 * waitedPerTurn {
			waited.push("acme", namedReply{fmt.Sprint("acme ", index), sent})
		}
		go waited.run()
		<-flushing
		assert.Len(t, sent, waitedPerTurn, "the next wait for these")
		others, other := startReplies(), make(chan string, 1)
		others.push(&waitingReply{sender: namedReply{"set", other}})
		assert.Equal(t, "set", <-other)
		others.close()
		close(held)
		waited.close()
		assert.Len(t, sent, 2*waitedPerTurn)
	})
	t.Run("ClosedWithMuchToSend", func(t *testing.T) {
		sent := make(chan string, 1000)
		replies := newWaitedReplies(func() { assert.Fail(t, "nobody waits for the broker then") })
		for index := range 5 * waitedPerTurn {
			replies.push("acme", namedReply{fmt.Sprint("acme ", index), sent})
		}
		replies.closed = true
		go replies.run()
		replies.close()
		assert.Len(t, sent, 5*waitedPerTurn)
	})
}
