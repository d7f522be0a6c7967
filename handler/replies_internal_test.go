// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/store"
)

// completion is a call of the store, whose done function it is.
type completion func()

func (done completion) Done() { done() }

// pushes are completions that push replies with numbers for names.
func pushes(replies *replies, sent chan<- string, count int) (calls []store.Completion, names []string) {
	for index := range count {
		name := fmt.Sprint(index)
		names = append(names, name)
		calls = append(calls, completion(func() { replies.push(&waitingReply{sender: namedReply{name, sent}}) }))
	}
	return calls, names
}

// sentNames are the replies that were sent.
func sentNames(sent chan string) (names []string) {
	close(sent)
	for name := range sent {
		names = append(names, name)
	}
	return names
}

func newIdleReplies() *replies {
	return &replies{wake: make(chan struct{}, 1), done: make(chan struct{})}
}

func TestReplies_Completed_Good(t *testing.T) {
	replies, sent := newIdleReplies(), make(chan string, 2000)
	calls, want := pushes(replies, sent, 1000)
	calls = append(calls, completion(func() { assert.Empty(t, replies.wake, "the batch is not pushed yet") }))
	replies.Completed(calls)
	assert.Len(t, replies.wake, 1, "the goroutine is woken once")
	go replies.run()
	replies.close()
	assert.Equal(t, want, sentNames(sent), "each once, in order")
}

func TestReplies_Completed_Ugly(t *testing.T) {
	t.Run("ClosedWhileABatchIsPushed", func(t *testing.T) {
		replies, sent := startReplies(), make(chan string, 2000)
		calls, want := pushes(replies, sent, 1000)
		pushing, goOn := make(chan struct{}), make(chan struct{})
		half := completion(func() {
			close(pushing)
			<-goOn
		})
		go replies.Completed(append(append(calls[:500:500], half), calls[500:]...))
		<-pushing
		closed := make(chan struct{})
		go func() {
			replies.close()
			close(closed)
		}()
		assert.Equal(t, "0", <-sent, "it sends what there is")
		assert.Empty(t, closed)
		close(goOn)
		<-closed
		assert.Equal(t, want[1:], sentNames(sent))
	})
	t.Run("OthersPushMeanwhile", func(t *testing.T) {
		replies, sent := startReplies(), make(chan string, 2000)
		calls, want := pushes(replies, sent, 1000)
		pushed := make(chan struct{})
		go func() {
			for range 100 {
				replies.push(&waitingReply{sender: namedReply{"other", sent}})
			}
			close(pushed)
		}()
		replies.Completed(calls)
		<-pushed
		replies.close()
		var names []string
		others := 0
		for _, name := range sentNames(sent) {
			if name == "other" {
				others++
			} else {
				names = append(names, name)
			}
		}
		assert.Equal(t, want, names)
		assert.Equal(t, 100, others)
	})
}
