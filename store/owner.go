// SPDX-License-Identifier: EUPL-1.2

package store

// The committer has one owner at a time: its own goroutine for a turn, or a caller that came
// while it was free and nothing waited for it. Such a caller does only its own work, which
// saves two switches of goroutines. All other work, and work that follows from the write, is
// left to the committer's goroutine. Of many callers, most find the committer taken, and share
// a batch.

// ownership has the committer while nobody uses it. It is given in the order of the requests: a
// channel, so that one goroutine may take the committer and another give it back.
type ownership chan *committer

func newOwnership() ownership { return make(ownership, 1) }

func (owner ownership) take() *committer { return <-owner }

func (owner ownership) release(committer *committer) { owner <- committer }

// tryTake returns nil if somebody has the committer.
func (owner ownership) tryTake() *committer {
	select {
	case committer := <-owner:
		return committer
	default:
		return nil
	}
}

// carryOutHere carries out a write on the caller's goroutine, or returns false. If
// write.written is not nil then, the write waits with the committer, and that tells when it is
// carried out.
func (engine *engine) carryOutHere(own *write) (carriedOut bool) {
	committer := engine.lendForWrite()
	if committer == nil {
		return false
	}
	defer committer.giveBack()
	if own.err = committer.refusal(); own.err != nil {
		return true
	}
	committer.commitBatch([]*write{own})
	if !own.completed {
		own.written = make(chan struct{})
	}
	return own.completed
}

// lendForWrite makes the caller the owner if nothing waits, so that earlier callers go first.
// Otherwise it returns nil. The caller gives the committer back.
func (engine *engine) lendForWrite() *committer { return engine.lend((*committer).isFree) }

// lendForRead is lendForWrite for a read. It needs only that no read waits, because reads come
// before writes.
func (engine *engine) lendForRead() *committer { return engine.lend((*committer).noReadWaits) }

func (engine *engine) lend(free func(committer *committer) bool) *committer {
	committer := engine.owner.tryTake()
	if committer != nil && !free(committer) {
		engine.owner.release(committer)
		return nil
	}
	return committer
}

func (committer *committer) isFree() bool {
	return len(committer.underway) == 0 && len(committer.waitingWrites) == 0 && committer.writes.quiet() && committer.noReadWaits()
}

func (committer *committer) noReadWaits() bool {
	return len(committer.waitingReads) == 0 && committer.reads.quiet()
}

// giveBack ends the ownership of a caller that has written, and leaves the work that follows
// from the write to the committer's goroutine.
func (committer *committer) giveBack() {
	if committer.hasWork() {
		committer.writes.signal()
	}
	committer.owner.release(committer)
}

// hasWork reports whether a turn of the committer would do something now.
func (committer *committer) hasWork() bool {
	return !committer.expiries.empty() || committer.hasChores()
}
