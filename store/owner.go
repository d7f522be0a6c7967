// SPDX-License-Identifier: EUPL-1.2

package store

// The committer has one owner at a time: its own goroutine for a turn, or a caller that came
// while it was free and nothing waited for it. Such a caller does only its own work, which
// saves two switches of goroutines. All other work, and work that follows from the write, is
// left to the committer's goroutine. Of many callers, most find the committer taken, and share
// a batch.

// ownership is a lock that is given in the order of the requests: a channel that holds the
// owner's token. One goroutine may take the lock and another release it.
type ownership chan struct{}

func newOwnership() ownership { return make(ownership, 1) }

func (owner ownership) take() { owner <- struct{}{} }

func (owner ownership) release() { <-owner }

func (owner ownership) tryTake() bool {
	select {
	case owner <- struct{}{}:
		return true
	default:
		return false
	}
}

// carryOutHere carries out a write on the caller's goroutine, or returns false. If
// write.written is not nil then, the write waits with the committer, and that tells when it is
// carried out.
func (committer *committer) carryOutHere(own *write) (carriedOut bool) {
	if !committer.lendForWrite() {
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
// The caller gives the committer back.
func (committer *committer) lendForWrite() bool {
	return committer.lend(func() bool {
		return len(committer.underway) == 0 && len(committer.waitingWrites) == 0 && committer.writes.quiet() && committer.noReadWaits()
	})
}

// lendForRead is lendForWrite for a read. It needs only that no read waits, because reads come
// before writes.
func (committer *committer) lendForRead() bool { return committer.lend(committer.noReadWaits) }

func (committer *committer) noReadWaits() bool {
	return len(committer.waitingReads) == 0 && committer.reads.quiet()
}

func (committer *committer) lend(free func() bool) bool {
	if !committer.owner.tryTake() {
		return false
	}
	if free() {
		return true
	}
	committer.owner.release()
	return false
}

// giveBack ends the ownership of a caller that has written, and leaves the work that follows
// from the write to the committer's goroutine.
func (committer *committer) giveBack() {
	if committer.hasWork() {
		committer.writes.signal()
	}
	committer.owner.release()
}

// hasWork reports whether a turn of the committer would do something now.
func (committer *committer) hasWork() bool {
	return !committer.expiries.empty() || committer.hasChores()
}
