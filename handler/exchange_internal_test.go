// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/subjects"
)

// newSilentService returns a service that sends nothing, so waiting replies stay, and its
// log.
func newSilentService() (*Service, *bytes.Buffer) {
	logged := &bytes.Buffer{}
	return &Service{
		queue: newQueue(100, 100), replies: &replies{wake: make(chan struct{}, 1)}, logger: logging.Throttle(slog.New(slog.NewTextHandler(logged, nil))),
	}, logged
}

// requestOf is a list of a namespace.
func (service *Service) requestOf(namespace string) request {
	return request{
		service: service, endpoint: &endpoint{verb: &verb{name: subjects.VerbList}, statistics: newStatistics()},
		address: subjects.Address{Namespace: namespace}, subject: "store." + namespace + ".list",
	}
}

func TestExchange_Finish_Bad_NobodyTakesTheReplies(t *testing.T) {
	service, _ := newSilentService()
	read := &operation[struct{}, string]{weigh: func(text *string) int64 { return int64(len(*text)) }}
	finish := func(namespace string, result string, err error) *exchange[struct{}, string] {
		exchange := read.take()
		exchange.request = service.requestOf(namespace)
		exchange.progress.Store(handedOver)
		exchange.finish(result, err)
		return exchange
	}
	value := strings.Repeat("v", 40)
	assert.NoError(t, finish("deaf", value, nil).failure)
	assert.NoError(t, finish("deaf", value, nil).failure)
	refused := finish("deaf", "v", nil)
	assert.ErrorIs(t, refused.failure, subjects.ErrUnavailable)
	assert.EqualError(t, refused.failure, "store.List: too many replies wait to be sent; wait for replies and try again")
	assert.Empty(t, refused.result, "and is not kept")
	assert.NoError(t, finish("polite", "v", nil).failure)
	failed := errors.New("failed")
	assert.Same(t, failed, finish("deaf", "", failed).failure)
	assert.Equal(t, uint64(81), service.queue.status().ResultBytes)
	for _, reply := range service.replies.takeInto(nil) {
		waiting, ok := reply.(*exchange[struct{}, string])
		require.True(t, ok)
		waiting.leave()
	}
	assert.Zero(t, service.queue.inHand())
}

func TestPlace_TakePlace_Bad(t *testing.T) {
	service, _ := newSilentService()
	service.queue.limits = portion{inHandRequests: 1, inHandBytes: 1000, inHandWaiting: 1}
	for _, waits := range []bool{false, true} {
		first, second := service.requestOf("acme"), service.requestOf("acme")
		first.waits, second.waits = waits, waits
		require.NoError(t, first.takePlace())
		assert.ErrorIs(t, second.takePlace(), subjects.ErrUnavailable)
		second.leave()
		assert.Equal(t, first.held, service.queue.inHand(), "who was refused has nothing to give back")
		first.leave()
		assert.Zero(t, service.queue.inHand())
	}
}

func TestPlace_HoldResult_Good_AnAnswerIsMadeMoreThanOnce(t *testing.T) {
	service, _ := newSilentService()
	request := service.requestOf("acme")
	for _, bytes := range []int64{60, 30, 90} {
		require.True(t, request.holdResult(bytes))
		assert.Equal(t, portion{inHandResults: bytes}, service.queue.inHand())
	}
	request.leave()
	assert.Zero(t, service.queue.inHand())
}

func TestReplies_Count_Ugly(t *testing.T) {
	service, logged := newSilentService()
	request := service.requestOf("acme")
	const replies = 20_000
	for range replies {
		request.count(errors.New("connection closed"))
	}
	figures := request.endpoint.statistics.snapshot(service.queue.status(), nil)
	assert.Equal(t, uint64(replies), figures.Unsent)
	assert.Zero(t, figures.Answered)
	assert.LessOrEqual(t, strings.Count(logged.String(), "reply could not be sent"), 5, "not with every reply")
	logging.Flush(service.logger)
	assert.Contains(t, logged.String(), "left_out=19994")
}
