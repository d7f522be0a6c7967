// SPDX-License-Identifier: EUPL-1.2

package handler

// Why there may be no more, in the words of a 503.
const (
	tooManyRequests = "too many requests are in hand"
	tooManyWaiting  = "too many requests wait for a change"
	tooManyReplies  = "too many replies wait to be sent"
)

// takePlace has the queue count the request, until it leaves. Its error is a 503.
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

// holdResult counts the bytes of the result, once, however often it is made. It
// reports false where there are too many.
func (request *request) holdResult(bytes int64) bool {
	return request.hold(portion{inHandResults: bytes - request.held[inHandResults]})
}

// hold has the queue count more for the request. It reports false where the namespace
// may not have it.
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

// leave gives back everything that is held.
func (request *request) leave() {
	if request.held != (portion{}) {
		request.service.queue.give(request.address.Namespace, request.held)
	}
}
