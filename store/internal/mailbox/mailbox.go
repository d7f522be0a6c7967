// SPDX-License-Identifier: EUPL-1.2

// Package mailbox hands items from one goroutine to another: calls to the committer, and calls that it
// has carried out to those that tell the callers.
package mailbox

import "sync"

// Mailbox hands items from many goroutines to one, in order. Putting never blocks. The mailbox
// is bounded because each caller waits for its answer or is counted elsewhere.
type Mailbox[Item any] struct {
	// Ready holds a token when there may be something to take, or after Close.
	Ready chan struct{}

	mutex  sync.Mutex
	items  []Item
	closed bool
}

// New returns an empty mailbox.
func New[Item any]() *Mailbox[Item] {
	return &Mailbox[Item]{Ready: make(chan struct{}, 1)}
}

// Put adds items together; it returns false after Close.
func (mailbox *Mailbox[Item]) Put(items ...Item) bool {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	if mailbox.closed {
		return false
	}
	mailbox.items = append(mailbox.items, items...)
	mailbox.Signal()
	return true
}

// Take removes all items.
func (mailbox *Mailbox[Item]) Take() []Item {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	items := mailbox.items
	mailbox.items = nil
	return items
}

// Quiet reports whether nothing is left, and something can still come.
func (mailbox *Mailbox[Item]) Quiet() bool {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	return !mailbox.closed && len(mailbox.items) == 0
}

// Finished reports whether nothing is left and nothing can come.
func (mailbox *Mailbox[Item]) Finished() bool {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	return mailbox.closed && len(mailbox.items) == 0
}

// Len is how many items are left.
func (mailbox *Mailbox[Item]) Len() int {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	return len(mailbox.items)
}

// Closed reports whether further items are refused.
func (mailbox *Mailbox[Item]) Closed() bool {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	return mailbox.closed
}

// Close refuses further items; those inside can still be taken.
func (mailbox *Mailbox[Item]) Close() {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	mailbox.closed = true
	mailbox.Signal()
}

// Signal wakes the goroutine that serves the mailbox.
func (mailbox *Mailbox[Item]) Signal() {
	select {
	case mailbox.Ready <- struct{}{}:
	default:
	}
}
