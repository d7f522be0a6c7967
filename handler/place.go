// SPDX-License-Identifier: EUPL-1.2

package handler

// The reasons of a 503.
const (
	tooManyRequests = "too many requests are in hand"
	tooManyWaiting  = "too many requests wait for a change"
	tooManyReplies  = "too many replies wait to be sent"
)

// takePlace counts the request in the queue until it leaves. Its error is a 503.
func (request *request) takePlace() error {
	if request.waits {
		if !request.hold(portion{inHandWaiting: 1}) {
			return request.overload(tooManyWaiting)
		}
		return nil
	}
	if !request.hold(portion{inHandRequests: 1, inHandBytes: request.size()}) {
		return request.overload(tooManyRequests)
	}
	return nil
}

// holdResult counts the bytes of the result. It counts them once, even if the result is
// made several times. It reports false if there is no room.
func (request *request) holdResult(bytes int64) bool {
	return request.hold(portion{inHandResults: bytes - request.held[inHandResults]})
}

// hold counts more for the request in the queue. It reports false if the namespace has no
// room.
func (request *request) hold(more portion) bool {
	if more == (portion{}) {
		return true
	}
	if !request.service.queue.take(request.address.Namespace, more) {
		return false
	}
	request.held.add(more)
	return true
}

// leave returns all that the request holds.
func (request *request) leave() {
	if request.held != (portion{}) {
		request.service.queue.give(request.address.Namespace, request.held)
	}
}
