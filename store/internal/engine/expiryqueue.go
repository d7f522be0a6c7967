// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"slices"

	"dappco.re/go/storebus/store/internal/kv"
)

// expiryQueue has the realms with keys to expire, in the order of their turns. It also has the
// calls that wait until no key of a realm is due: questions about the number of keys, and
// writes that may not count due keys. It belongs to the owner of the committer.
//
// A write waits behind a waiting write that names the same group. So no write to a key
// overtakes another. All other writes go on.
type expiryQueue struct {
	realms    []kv.Realm
	questions map[kv.Realm][]read
	writes    []waitingWrite
	// named are the groups that the waiting writes name.
	named map[string]struct{}
}

// waitingWrite is a write that waits for its realm or, if behind is true, only for those before
// it.
type waitingWrite struct {
	*write
	realm  kv.Realm
	behind bool
}

func newExpiryQueue() *expiryQueue {
	return &expiryQueue{questions: map[kv.Realm][]read{}, named: map[string]struct{}{}}
}

func (queue *expiryQueue) empty() bool { return len(queue.realms) == 0 }

// join has keys of a realm expired.
func (queue *expiryQueue) join(of kv.Realm) {
	if _, joined := queue.questions[of]; !joined {
		queue.realms = append(queue.realms, of)
		queue.questions[of] = nil
	}
}

// ask has a question wait for its realm.
func (queue *expiryQueue) ask(of kv.Realm, question read) {
	queue.join(of)
	queue.questions[of] = append(queue.questions[of], question)
}

// postpone has a write wait for a realm.
func (queue *expiryQueue) postpone(write *write, of kv.Realm) {
	queue.join(of)
	queue.keep(waitingWrite{write: write, realm: of})
}

// hold has a write wait if it may not overtake one that waits, and reports whether it does.
func (queue *expiryQueue) hold(write *write) bool {
	holds := queue.names(write)
	if holds {
		queue.keep(waitingWrite{write: write, behind: true})
	}
	return holds
}

func (queue *expiryQueue) names(write *write) bool {
	if len(queue.writes) == 0 {
		return false
	}
	for _, group := range write.command.Groups() {
		if _, named := queue.named[group]; named {
			return true
		}
	}
	return false
}

func (queue *expiryQueue) keep(write waitingWrite) {
	queue.writes = append(queue.writes, write)
	for _, group := range write.command.Groups() {
		queue.named[group] = struct{}{}
	}
}

// served records in how many realms, from the first on, no key is due any more. It returns the
// calls that waited for these realms, in order. The next realm has had its share, and goes to
// the end. Of very many questions, some stay for another turn.
func (queue *expiryQueue) served(finished int) (questions []read, writes []*write) {
	done, rest := queue.realms[:finished], queue.realms[finished:]
	queue.realms = nil
	if len(rest) > 0 {
		queue.realms = append(slices.Clone(rest[1:]), rest[0])
	}
	for _, of := range done {
		waiting := queue.questions[of]
		share := min(len(waiting), readsPerTurn-len(questions))
		questions = append(questions, waiting[:share]...)
		if delete(queue.questions, of); share < len(waiting) {
			queue.join(of)
			queue.questions[of] = waiting[share:]
		}
	}
	if finished == 0 {
		return nil, nil
	}
	return questions, queue.release()
}

// release removes the writes that wait no longer, and returns them in order.
func (queue *expiryQueue) release() (released []*write) {
	waiting := queue.writes
	queue.writes, queue.named = nil, map[string]struct{}{}
	for _, write := range waiting {
		_, waits := queue.questions[write.realm]
		switch {
		case waits && !write.behind:
			queue.keep(write)
		case queue.hold(write.write):
		default:
			released = append(released, write.write)
		}
	}
	return released
}

func (queue *expiryQueue) hasWrites() bool { return len(queue.writes) > 0 }

// giveUpWrites removes the writes, and returns them in order.
func (queue *expiryQueue) giveUpWrites() (writes []*write) {
	for _, write := range queue.writes {
		writes = append(writes, write.write)
	}
	queue.writes, queue.named = nil, map[string]struct{}{}
	return writes
}
