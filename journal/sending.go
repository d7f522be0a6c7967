// SPDX-License-Identifier: EUPL-1.2

package journal

// probeLine is a comment: every endpoint takes it, unless it takes nothing.
const probeLine = "# storebus\n"

// sending is a batch on its way, part by part.
type sending struct {
	delivery *Delivery
	batch    *batch
	outcome  *FlushOutcome
	// takes says that the endpoint accepts requests, so a refusal is the fault of a point.
	takes bool
	// rejected counts the entries that were given up, and rejection is the first of them.
	rejected  int
	rejection Rejection
}

// send delivers the points from first up to end and settles them, in order. If the endpoint
// refuses them, send tries each half, down to single points. Points that the endpoint receives
// twice replace themselves.
func (sending *sending) send(first, end int) error {
	lines := sending.batch.between(first, end)
	if len(lines) == 0 {
		return sending.settle(first, end, nil)
	}
	answer := sending.post(lines)
	switch answer.verdict {
	case accepted:
		sending.takes = true
		return sending.settle(first, end, nil)
	case refused, tooLarge:
	default:
		return &failure{answer}
	}
	if end-first > 1 {
		middle := first + (end-first)/2
		if err := sending.send(first, middle); err != nil {
			return err
		}
		return sending.send(middle, end)
	}
	if failure := sending.probe(); failure != nil {
		return failure
	}
	return sending.settle(first, end, &answer)
}

func (sending *sending) post(lines []byte) answer {
	return sending.delivery.endpoint.post(sending.delivery.ctx, lines)
}

// probe asks, before a point is rejected, whether the settings are at fault: some endpoints
// answer 400 to those too. It asks only if no part of the batch was accepted.
func (sending *sending) probe() error {
	if sending.takes {
		return nil
	}
	answer := sending.post([]byte(probeLine))
	if answer.verdict == refused || answer.verdict == tooLarge {
		answer.verdict = misdirected
	}
	if answer.verdict != accepted {
		return &failure{answer}
	}
	sending.takes = true
	return nil
}

// settle removes points from the queue. If refusal is not nil, there is one point, which is
// rejected. Otherwise a point without a line is rejected, and the others are delivered.
func (sending *sending) settle(first, end int, refusal *answer) error {
	var delivered []Entry
	var rejected []Rejection
	now := sending.delivery.config.Now()
	for index := first; index < end; index++ {
		point := &sending.batch.points[index]
		switch {
		case point.problem != nil:
			rejected = append(rejected, Rejection{Entry: point.Entry, At: now, Reason: point.problem.Error()})
		case refusal != nil:
			rejected = append(rejected, Rejection{Entry: point.Entry, At: now, Status: refusal.status, Reason: refusal.text()})
		default:
			delivered = append(delivered, point.Entry)
		}
	}
	if err := sending.delivery.config.Queue.Settle(delivered, rejected); err != nil {
		return err
	}
	sending.outcome.Delivered += len(delivered)
	sending.outcome.Rejected += len(rejected)
	if len(rejected) > 0 && sending.rejected == 0 {
		sending.rejection = rejected[0]
	}
	sending.rejected += len(rejected)
	return nil
}

// report logs the refused points in one line, because a client can make any number of bad
// points.
func (sending *sending) report() {
	if sending.rejected > 0 {
		sending.delivery.config.Logger.Warn("journal entries were refused and are kept aside",
			"entries", sending.rejected, "first", sending.rejection.ID, "namespace", sending.rejection.Namespace, "reason", sending.rejection.Reason)
	}
}
