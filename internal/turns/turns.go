// SPDX-License-Identifier: EUPL-1.2

// Package turns has a queue for several parties. The parties take turns, whatever the
// number of their items, so no party delays the others.
package turns

// Queue holds the items of several parties. The items of a party keep their order. The zero
// value is empty and ready. Only one goroutine at a time may use it.
//
//	var queue turns.Queue[string]
//	queue.Put("acme", "first")
//	item, more := queue.Take()
type Queue[Item any] struct {
	lines map[string]*line[Item]
	// order has the parties with items. The first party comes next.
	order  []*line[Item]
	length int
}

// line is the items of one party.
type line[Item any] struct {
	party string
	items []Item
}

// Put adds an item behind the other items of its party.
func (queue *Queue[Item]) Put(party string, item Item) {
	own := queue.lines[party]
	if own == nil {
		own = &line[Item]{party: party}
		if queue.lines == nil {
			queue.lines = map[string]*line[Item]{}
		}
		queue.lines[party] = own
		queue.order = append(queue.order, own)
	}
	own.items = append(own.items, item)
	queue.length++
}

// Take removes and returns the next item of the party whose turn it is. That party then comes
// last. It reports false if there is no item.
func (queue *Queue[Item]) Take() (item Item, taken bool) {
	if queue.length == 0 {
		return item, false
	}
	queue.length--
	next := queue.order[0]
	queue.order = queue.order[1:]
	item, taken = next.pop(), true
	if len(next.items) == 0 {
		delete(queue.lines, next.party)
	} else {
		queue.order = append(queue.order, next)
	}
	return item, taken
}

// pop removes the first item and keeps no reference to it.
func (line *line[Item]) pop() (item Item) {
	var none Item
	item, line.items[0] = line.items[0], none
	line.items = line.items[1:]
	return item
}

// Len returns the number of items.
func (queue *Queue[Item]) Len() int { return queue.length }
