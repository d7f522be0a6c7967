// SPDX-License-Identifier: EUPL-1.2

package follow

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// endings has the times at which readers stop waiting, and the contexts that end their wait. One
// timer and one callback for each context are enough for all readers.
type endings struct {
	// changed is called if the next ending may be sooner than before.
	changed func()

	mutex     sync.Mutex
	deadlines deadlines
	// contexts are kept by their Done channels. So contexts that end together are one.
	contexts map[<-chan struct{}]*endingContext
	// ended are the readers whose contexts have ended.
	ended []*changesReader
}

// endingContext is a context with the readers that end with it.
type endingContext struct {
	readers map[*changesReader]struct{}
	stop    func() bool
}

func newEndings(changed func()) *endings {
	return &endings{changed: changed, contexts: map[<-chan struct{}]*endingContext{}}
}

// add ends the wait of a reader after its time from now, or with its context.
func (endings *endings) add(reader *changesReader) {
	endings.mutex.Lock()
	defer endings.mutex.Unlock()
	reader.ends = time.Now().Add(reader.query.Wait)
	heap.Push(&endings.deadlines, reader)
	if endings.deadlines[0] == reader {
		endings.changed()
	}
	done := reader.ctx.Done()
	if done == nil {
		return
	}
	shared := endings.contexts[done]
	if shared == nil {
		shared = &endingContext{readers: map[*changesReader]struct{}{}}
		endings.contexts[done] = shared
		shared.stop = context.AfterFunc(reader.ctx, func() { endings.contextEnded(done, shared) })
	}
	shared.readers[reader] = struct{}{}
	reader.shared = shared
}

// remove forgets a reader, which may never have been added.
func (endings *endings) remove(reader *changesReader) {
	endings.mutex.Lock()
	defer endings.mutex.Unlock()
	endings.removeLocked(reader)
}

func (endings *endings) removeLocked(reader *changesReader) {
	if reader.ends.IsZero() {
		return
	}
	heap.Remove(&endings.deadlines, reader.endPlace)
	reader.ends = time.Time{}
	shared := reader.shared
	if shared == nil {
		return
	}
	reader.shared = nil
	delete(shared.readers, reader)
	if done := reader.ctx.Done(); len(shared.readers) == 0 && endings.contexts[done] == shared {
		shared.stop()
		delete(endings.contexts, done)
	}
}

// contextEnded ends the readers of a context. A reader that is added later gets a new record.
func (endings *endings) contextEnded(done <-chan struct{}, shared *endingContext) {
	endings.mutex.Lock()
	defer endings.mutex.Unlock()
	for reader := range shared.readers {
		endings.ended = append(endings.ended, reader)
	}
	if endings.contexts[done] == shared {
		delete(endings.contexts, done)
	}
	endings.changed()
}

// take removes and returns at most limit readers whose wait ends now.
func (endings *endings) take(limit int) (ended []*changesReader) {
	endings.mutex.Lock()
	defer endings.mutex.Unlock()
	count := min(limit, len(endings.ended))
	ended = append(ended, endings.ended[:count]...)
	if endings.ended = endings.ended[count:]; len(endings.ended) == 0 {
		endings.ended = nil
	}
	now := time.Now()
	for _, reader := range ended {
		endings.removeLocked(reader)
	}
	for len(ended) < limit && len(endings.deadlines) > 0 && !endings.deadlines[0].ends.After(now) {
		next := endings.deadlines[0]
		endings.removeLocked(next)
		ended = append(ended, next)
	}
	return ended
}

// next returns the time until the next wait ends. some is false if no reader waits.
func (endings *endings) next() (left time.Duration, some bool) {
	endings.mutex.Lock()
	defer endings.mutex.Unlock()
	switch {
	case len(endings.ended) > 0:
		return 0, true
	case len(endings.deadlines) == 0:
		return 0, false
	}
	return time.Until(endings.deadlines[0].ends), true
}

// deadlines is a heap of readers, with the earliest end first.
type deadlines []*changesReader

func (deadlines deadlines) Len() int { return len(deadlines) }

func (deadlines deadlines) Less(left, right int) bool {
	return deadlines[left].ends.Before(deadlines[right].ends)
}

func (deadlines deadlines) Swap(left, right int) {
	deadlines[left], deadlines[right] = deadlines[right], deadlines[left]
	deadlines[left].endPlace, deadlines[right].endPlace = left, right
}

// Push is heap.Interface's.
func (deadlines *deadlines) Push(reader any) {
	added, _ := reader.(*changesReader)
	added.endPlace = len(*deadlines)
	*deadlines = append(*deadlines, added)
}

// Pop is heap.Interface's.
func (deadlines *deadlines) Pop() any {
	last := len(*deadlines) - 1
	removed := (*deadlines)[last]
	(*deadlines)[last] = nil
	*deadlines = (*deadlines)[:last]
	return removed
}
