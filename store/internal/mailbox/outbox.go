// SPDX-License-Identifier: EUPL-1.2

package mailbox

// Sink takes over the calls of Submit methods when they are carried out, many at once. Use
// it with SubmitTo to send results on without a goroutine of the store in between.
type Sink interface {
	// Completed receives the calls that the store has carried out together, in order: writes
	// after their commit, reads with their answers. It sees to it that Done of each is called
	// once, in this order, by itself or by another goroutine. The goroutine that writes waits
	// for Completed. So it must not block, must not call the store, and must not keep the slice.
	Completed(calls []Completion)
}

// Completion is a call that is carried out, and whose caller is not told yet.
type Completion interface {
	// Done calls the done function that was passed to the Submit method.
	Done()
}

// Outlet takes the results of a store to a sink. Outlets are compared by their addresses, because
// a sink can be of any type.
type Outlet struct{ sink Sink }

// NewOutlet returns the outlet of a sink.
func NewOutlet(sink Sink) *Outlet { return &Outlet{sink: sink} }

// Answer is a question that is answered.
type Answer func()

// Done tells the caller.
func (tell Answer) Done() { tell() }

// Outbox gathers the calls that the committer has carried out, and hands them over together. It
// belongs to the owner of the committer.
type Outbox struct {
	outlet *Outlet
	calls  []Completion
}

// Add takes a call. Calls for another outlet are handed over before.
func (outbox *Outbox) Add(outlet *Outlet, call Completion) {
	if outbox.outlet != outlet {
		outbox.HandOver()
		outbox.outlet = outlet
	}
	outbox.calls = append(outbox.calls, call)
}

// HandOver passes the added calls to the sink of their outlet, and forgets them.
func (outbox *Outbox) HandOver() {
	if len(outbox.calls) == 0 {
		return
	}
	outbox.outlet.sink.Completed(outbox.calls)
	clear(outbox.calls)
	outbox.calls = outbox.calls[:0]
}

// Completions is the sink of a store without another one: its goroutine calls the done
// functions, in order.
type Completions struct{ waiting *Mailbox[Completion] }

// NewCompletions returns a sink that waits for calls.
func NewCompletions() Completions { return Completions{waiting: New[Completion]()} }

// Completed takes calls over.
func (completions Completions) Completed(calls []Completion) { completions.waiting.Put(calls...) }

// Close ends Run when all calls are done.
func (completions Completions) Close() { completions.waiting.Close() }

// Run calls the done functions.
func (completions Completions) Run() {
	for !completions.waiting.Finished() {
		<-completions.waiting.Ready
		for _, call := range completions.waiting.Take() {
			call.Done()
		}
	}
}
