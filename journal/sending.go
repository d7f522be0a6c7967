// SPDX-License-Identifier: EUPL-1.2

package journal

import "slices"

// probeLine is a comment: every endpoint takes it, unless it takes nothing.
const probeLine = "# storebus\n"

// sending is a batch on its way, part by part. The points of a namespace stand together.
type sending struct {
	delivery *Delivery
	batch    *batch
	outcome  *FlushOutcome
	// groups are the places at which namespaces begin.
	groups []int
	// apart counts the namespaces that got a lane.
	apart int
	// whole tells that the batch is not divided: if the settings are at fault, a lane finds it out
	// first.
	whole bool
}

func newSending(delivery *Delivery, outcome *FlushOutcome, entries []Entry) *sending {
	places := map[string]int{}
	for index := range entries {
		if _, known := places[entries[index].Namespace]; !known {
			places[entries[index].Namespace] = len(places)
		}
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return places[a.Namespace] - places[b.Namespace] })
	sending := &sending{delivery: delivery, outcome: outcome, batch: encode(entries)}
	for index := range entries {
		if index == 0 || entries[index].Namespace != entries[index-1].Namespace {
			sending.groups = append(sending.groups, index)
		}
	}
	return sending
}

// namespace is the namespace of a group.
func (sending *sending) namespace(group int) string {
	return sending.batch.points[sending.groups[group]].Namespace
}

// begin is the first point of a group, or the number of points for the group behind the last.
func (sending *sending) begin(group int) int {
	if group == len(sending.groups) {
		return len(sending.batch.points)
	}
	return sending.groups[group]
}

// cut leaves out all groups from one on.
func (sending *sending) cut(group int) {
	sending.batch.points, sending.groups = sending.batch.points[:sending.begin(group)], sending.groups[:group]
}

// send delivers the points of the groups from first up to end and settles them. If the endpoint
// refuses them, send tries each half, down to single groups. A group that is refused gets a lane,
// where its points are divided. Points that the endpoint receives twice replace themselves.
func (sending *sending) send(first, end int) error {
	delivery := sending.delivery
	// If the settings are at fault, this is found out in a lane.
	if delivery.proof == 0 && sending.apart > 1 {
		return nil
	}
	from, to := sending.begin(first), sending.begin(end)
	if len(sending.batch.between(from, to)) == 0 {
		return sending.settle(from, to, nil)
	}
	answer := sending.post(sending.batch.between(from, to))
	switch answer.verdict {
	case accepted:
		delivery.accepted()
		return sending.settle(from, to, nil)
	case refused, tooLarge:
	default:
		return &failure{answer}
	}
	if sending.whole && delivery.proof == 0 {
		return nil
	}
	if end-first > 1 {
		middle := first + (end-first)/2
		if err := sending.send(first, middle); err != nil {
			return err
		}
		return sending.send(middle, end)
	}
	if to-from == 1 {
		if failure := sending.probe(); failure != nil {
			return failure
		}
		sending.part(first).rejected()
		return sending.settle(from, to, &answer)
	}
	sending.part(first).refused(to-from, answer.verdict)
	return nil
}

// part gives the namespace of a group a lane.
func (sending *sending) part(group int) *lane {
	sending.apart++
	return sending.delivery.lanes.part(sending.namespace(group))
}

// sendLane sends the points of a lane in one request.
func (sending *sending) sendLane(lane *lane) error {
	points := len(sending.batch.points)
	if points == 1 {
		rejected := sending.outcome.Rejected
		err := sending.sendPoint(0)
		switch {
		case err != nil:
		case sending.outcome.Rejected > rejected:
			lane.rejected()
		default:
			lane.took(1)
		}
		return err
	}
	lines := sending.batch.between(0, points)
	if len(lines) == 0 {
		lane.took(points)
		return sending.settle(0, points, nil)
	}
	answer := sending.post(lines)
	switch answer.verdict {
	case accepted:
		sending.delivery.accepted()
		lane.took(points)
		return sending.settle(0, points, nil)
	case refused, tooLarge:
		lane.refused(points, answer.verdict)
		return nil
	default:
		return &failure{answer}
	}
}

// sendPoint delivers one point and settles it. A point that the endpoint refuses is given up.
func (sending *sending) sendPoint(index int) error {
	line := sending.batch.between(index, index+1)
	if len(line) == 0 {
		return sending.settle(index, index+1, nil)
	}
	answer := sending.post(line)
	switch answer.verdict {
	case accepted:
		sending.delivery.accepted()
		return sending.settle(index, index+1, nil)
	case refused, tooLarge:
		if failure := sending.probe(); failure != nil {
			return failure
		}
		return sending.settle(index, index+1, &answer)
	default:
		return &failure{answer}
	}
}

func (sending *sending) post(lines []byte) answer {
	return sending.delivery.endpoint.post(sending.delivery.ctx, lines)
}

// probe asks, before a point is rejected, whether the settings are at fault: some endpoints
// answer 400 to those too. It asks only if the endpoint has accepted nothing for long.
func (sending *sending) probe() error {
	if sending.delivery.proof > 0 {
		return nil
	}
	answer := sending.post([]byte(probeLine))
	if answer.verdict == refused || answer.verdict == tooLarge {
		answer.verdict = misdirected
	}
	if answer.verdict != accepted {
		return &failure{answer}
	}
	sending.delivery.proof = sending.delivery.config.BatchPoints
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
	if len(rejected) > 0 {
		sending.delivery.giveUp(rejected)
	}
	return nil
}
