// SPDX-License-Identifier: EUPL-1.2

package follow

import (
	"context"
	"fmt"
	"sync"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
)

// commitsPerTurn is the largest number of commits that Next returns.
const commitsPerTurn = 256

// Consumer reads the log in order. It remembers its watermark across restarts: the last commit
// that it has acknowledged. The log is not trimmed beyond the watermark. Only one goroutine may
// call Next and Rewind.
type Consumer struct {
	followers *Followers
	name      string
	cursor    changelog.Position
	// gone is closed when the consumer is unregistered.
	gone chan struct{}

	mutex        sync.Mutex
	acknowledged changelog.Position
}

// Next waits for new commits and returns some of them, in order. It returns an error if ctx
// ends, after Close, and after UnregisterConsumer.
func (consumer *Consumer) Next(ctx context.Context) ([]changelog.Commit, error) {
	if consumer == nil || consumer.followers == nil {
		return nil, fmt.Errorf("store.Consumer.Next: %w", failure.ErrNeverOpened)
	}
	commits, err := consumer.followers.commitsAfter(ctx, consumer.gone, consumer.cursor.CommitID)
	if err != nil {
		return nil, fmt.Errorf("store.Consumer.Next: consumer %q: %w", consumer.name, err)
	}
	consumer.cursor = changelog.PositionOf(&commits[len(commits)-1])
	return commits, nil
}

// Acknowledge moves the watermark behind all commits that Next has returned. The watermark is
// saved with a later commit, at most every 100 ms, or after a second without a commit. So
// commits acknowledged just before a crash come again.
func (consumer *Consumer) Acknowledge() {
	if consumer == nil {
		return
	}
	consumer.mutex.Lock()
	consumer.acknowledged = consumer.cursor
	consumer.mutex.Unlock()
}

// Rewind makes Next begin again after the watermark.
func (consumer *Consumer) Rewind() {
	if consumer != nil {
		consumer.cursor = Watermark(consumer)
	}
}

// NewConsumer returns a consumer that begins at a position.
func NewConsumer(followers *Followers, name string, at changelog.Position) *Consumer {
	return &Consumer{followers: followers, name: name, cursor: at, acknowledged: at, gone: make(chan struct{})}
}

// Watermark returns how far a consumer has acknowledged the log.
func Watermark(consumer *Consumer) changelog.Position {
	consumer.mutex.Lock()
	defer consumer.mutex.Unlock()
	return consumer.acknowledged
}

// EndConsumer makes Next of a consumer return ErrNotFound. It is called once.
func EndConsumer(consumer *Consumer) { close(consumer.gone) }

// commitsAfter waits for commits behind an id and returns some of them. If gone is closed, it
// returns ErrNotFound.
func (followers *Followers) commitsAfter(ctx context.Context, gone <-chan struct{}, id uint64) ([]changelog.Commit, error) {
	if err := failure.CheckContext(ctx); err != nil {
		return nil, err
	}
	for {
		select {
		case <-followers.stopped:
			return nil, failure.ErrClosed
		case <-gone:
			// The log may have been trimmed, so its first commit could follow a gap.
			return nil, failure.ErrNotFound
		default:
		}
		commits, known, grown := followers.tail.commitsAfter(id, commitsPerTurn)
		if !known {
			var err error
			if commits, err = followers.source.CommitsAfter(id); err != nil {
				return nil, err
			}
		}
		if len(commits) > 0 {
			return commits, nil
		}
		if err := waitGrown(ctx, gone, followers.stopped, grown); err != nil {
			return nil, err
		}
	}
}

// waitGrown waits for a commit or for gone, or for the end of ctx or stop.
func waitGrown(ctx context.Context, gone, stop, grown <-chan struct{}) error {
	select {
	case <-grown:
		return nil
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-stop:
		return failure.ErrClosed
	}
}
