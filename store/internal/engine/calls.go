// SPDX-License-Identifier: EUPL-1.2

package engine

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/mailbox"
)

// The committer has one owner at a time: its own goroutine for a turn, or a caller that came
// while it was free and nothing waited for it. Such a caller does only its own work, which
// saves two switches of goroutines. All other work, and work that follows from the write, is
// left to the committer's goroutine. Of many callers, most find the committer taken, and share
// a batch.

// write is a command on its way through the committer.
type write struct {
	command commands.Command
	origin  batch.Origin
	// done is called by way of an outlet; written is closed by the committer, for a caller that
	// waits. All are nil for a write of the committer's owner.
	done    func(commands.Outcome, error)
	outlet  *mailbox.Outlet
	written chan struct{}
	// then is called by the committer's owner, for a write of its own.
	then func(err error)

	// completed is set when the rest is.
	completed bool
	outcome   commands.Outcome
	err       error
	events    []changelog.Event
}

// Done calls the done function of a write.
func (write *write) Done() { write.done(write.outcome, write.err) }

func failAll(writes []*write, err error) {
	for _, write := range writes {
		write.outcome, write.events, write.err = commands.Outcome{}, nil, err
	}
}

// read is a question to the committer. It tells its caller, or leaves that to the outbox.
type read func(committer *Committer)

// Ask puts a question to the committer, and returns ErrClosed if it takes none any more. The
// question is asked between two batches, and must not keep the committer.
func (engine *Engine) Ask(question func(committer *Committer)) error {
	if !engine.reads.Put(question) {
		return failure.ErrClosed
	}
	return nil
}

// Submit hands a command to the committer, and returns ErrClosed if it takes none any more. The
// outlet has done told of the outcome.
func (engine *Engine) Submit(command commands.Command, outlet *mailbox.Outlet, done func(commands.Outcome, error)) error {
	return engine.put(&write{command: command, outlet: outlet, done: done})
}

func (engine *Engine) put(write *write) error {
	if !engine.writes.Put(write) {
		return failure.ErrClosed
	}
	return nil
}

// CarryOut carries out a command for a caller that waits. It also returns the changes of the
// command. It returns ErrClosed after Close.
func (engine *Engine) CarryOut(command commands.Command, origin batch.Origin) (commands.Outcome, []changelog.Event, error) {
	defer engine.callers.Add(-1)
	own := &write{command: command, origin: origin}
	// Callers that come together share a commit and its cost on disk.
	together := engine.callers.Add(1) > 1 && !engine.config.InMemory
	if together || !engine.carryOutHere(own) {
		engine.await(own)
	}
	return own.outcome, own.events, own.err
}

// await waits for the committer to carry out a write. The write may wait there already.
func (engine *Engine) await(own *write) {
	if own.written == nil {
		own.written = make(chan struct{})
		if err := engine.put(own); err != nil {
			own.err = err // a write that is put belongs to the committer
			return
		}
	}
	<-own.written
}

// carryOutHere carries out a write on the caller's goroutine, or returns false. If
// write.written is not nil then, the write waits with the committer, and that tells when it is
// carried out.
func (engine *Engine) carryOutHere(own *write) (carriedOut bool) {
	committer := engine.lendForWrite()
	if committer == nil {
		return false
	}
	defer engine.giveBack(committer)
	if own.err = committer.refusal(); own.err != nil {
		return true
	}
	committer.commitBatch([]*write{own})
	committer.expiries.wroteAt = committer.batchAt.Elapsed
	if !own.completed {
		own.written = make(chan struct{})
	}
	return own.completed
}

// ownership has the committer while nobody uses it. It is given in the order of the requests: a
// channel, so that one goroutine may take the committer and another give it back.
type ownership chan *Committer

func newOwnership() ownership { return make(ownership, 1) }

func (owner ownership) take() *Committer { return <-owner }

func (owner ownership) release(committer *Committer) { owner <- committer }

// tryTake returns nil if somebody has the committer.
func (owner ownership) tryTake() *Committer {
	select {
	case committer := <-owner:
		return committer
	default:
		return nil
	}
}

// lendForWrite makes the caller the owner if nothing waits, so that earlier callers go first.
// Otherwise it returns nil. The caller gives the committer back.
func (engine *Engine) lendForWrite() *Committer { return engine.lend((*Committer).isFree) }

// LendForRead makes the caller the owner if no read waits, because reads come before writes.
// Otherwise it returns nil. The caller changes nothing, and calls Return.
func (engine *Engine) LendForRead() *Committer { return engine.lend((*Committer).noReadWaits) }

func (engine *Engine) lend(free func(committer *Committer) bool) *Committer {
	committer := engine.owner.tryTake()
	if committer != nil && !free(committer) {
		engine.owner.release(committer)
		return nil
	}
	return committer
}

// Return ends the ownership of a caller that has read.
func (engine *Engine) Return(committer *Committer) { engine.owner.release(committer) }

// giveBack ends the ownership of a caller that has written, and leaves the work that follows
// from the write to the committer's goroutine.
func (engine *Engine) giveBack(committer *Committer) {
	if committer.hasWork() {
		engine.writes.Signal()
	}
	engine.owner.release(committer)
}
