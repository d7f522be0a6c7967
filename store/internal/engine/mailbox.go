// SPDX-License-Identifier: EUPL-1.2

package engine

import "sync"

// mailbox hands items from many goroutines to one, in order. Putting never blocks. The mailbox
// is bounded because each caller waits for its answer or is counted elsewhere.
type mailbox[Item any] struct {
	// ready holds a token when there may be something to take, or after close.
	ready chan struct{}

	mutex  sync.Mutex
	items  []Item
	closed bool
}

func newMailbox[Item any]() *mailbox[Item] {
	return &mailbox[Item]{ready: make(chan struct{}, 1)}
}

// put adds items together; it returns false after close.
func (mailbox *mailbox[Item]) put(items ...Item) bool {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	if mailbox.closed {
		return false
	}
	mailbox.items = append(mailbox.items, items...)
	mailbox.signal()
	return true
}

// take removes all items.
func (mailbox *mailbox[Item]) take() []Item {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	items := mailbox.items
	mailbox.items = nil
	return items
}

// quiet reports whether nothing is left, and something can still come.
func (mailbox *mailbox[Item]) quiet() bool {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	return !mailbox.closed && len(mailbox.items) == 0
}

// finished reports whether nothing is left and nothing can come.
func (mailbox *mailbox[Item]) finished() bool {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	return mailbox.closed && len(mailbox.items) == 0
}

// close refuses further items; those inside can still be taken.
func (mailbox *mailbox[Item]) close() {
	mailbox.mutex.Lock()
	defer mailbox.mutex.Unlock()
	mailbox.closed = true
	mailbox.signal()
}

// signal wakes the goroutine that serves the mailbox.
func (mailbox *mailbox[Item]) signal() {
	select {
	case mailbox.ready <- struct{}{}:
	default:
	}
}
