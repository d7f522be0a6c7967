// SPDX-License-Identifier: EUPL-1.2

package store

// The committer has one owner at a time: its own goroutine for a turn, or a caller who came
// while it was free and nothing waited for it. Such a caller does what it came for itself,
// which spares two changes of goroutines, and nothing else: what others wait for, and what
// follows from a write, is left to the committer's goroutine. If there are many callers most
// find the committer taken, and share a batch.

// ownership is a lock that is given in the order in which it is asked for: a channel that holds the owner's
// token. Who takes it need not be who releases it.
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

// lendForWrite makes the caller the owner if nothing waits: whoever was there first goes first.
// The caller gives the committer back.
func (committer *committer) lendForWrite() bool {
	return committer.lend(func() bool {
		return len(committer.waitingWrites) == 0 && committer.writes.quiet() && committer.noReadWaits()
	})
}

// lendForRead is lendForWrite if no read waits, which come before writes.
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

// giveBack ends the ownership of somebody who has written, and leaves what follows from
// that to the committer's goroutine.
func (committer *committer) giveBack() {
	if committer.hasWork() {
		committer.writes.signal()
	}
	committer.owner.release()
}

// hasWork reports whether a turn of the committer would do something now.
func (committer *committer) hasWork() bool {
	view := committer.view
	return !committer.expiries.empty() || view.deletions.groups.Len() > 0 || len(view.journal.archives.removals) > 0 ||
		view.retries.clearing || committer.checkpoints.written >= checkpointBytes || committer.trimIsDue()
}
