// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

const (
	// longNamespace is the namespace of the large group. No case uses it otherwise.
	longNamespace = "long"
	// longBatch is the number of keys that one transaction writes, and longInFlight the
	// number of transactions in flight.
	longBatch    = 1000
	longInFlight = 4
	// firstLead is the first estimate, for each key, of the time until the group begins to
	// expire. leastLead is added for small groups.
	firstLead = 10 * time.Microsecond
	leastLead = 200 * time.Millisecond
)

// LongWorker does long work beside a trial. It writes a large group before the clock
// starts. The group is deleted, or expires, while the trial runs.
type LongWorker struct {
	alone
	Connections []*nats.Conn
	Space       subjects.Space
	Keys        int
	// Expire makes every key expire within the time of the round. If it is false, one
	// request deletes the group.
	Expire bool
	// AtOnce makes every key expire at one moment.
	AtOnce bool
	// Lead is the time between the start of the writing and the first expiry. If it is 0,
	// it is set from the number of keys. It is kept for the following rounds.
	Lead *time.Duration
	// Drain waits until nothing is left to do.
	Drain func(context.Context) error
	// deletion receives the reply to the request that deletes the group.
	deletion *nats.Subscription
}

// Begin writes the group. It returns after it has requested the deletion, or at the first
// expiry.
func (worker *LongWorker) Begin(ctx context.Context, loop *Loop) error {
	if worker.Expire {
		spread := loop.Duration
		if worker.AtOnce {
			spread = 0
		}
		return worker.beginExpiry(ctx, spread)
	}
	if err := errors.Join(worker.write(ctx, nil), worker.Drain(ctx)); err != nil {
		return err
	}
	return worker.requestDeletion()
}

// beginExpiry writes keys that expire one after the other within a time, and returns at the
// first expiry. If writing them takes too long, it begins again with more time.
func (worker *LongWorker) beginExpiry(ctx context.Context, spread time.Duration) error {
	if *worker.Lead == 0 {
		*worker.Lead = leastLead + firstLead*time.Duration(worker.Keys)
	}
	for {
		first := time.Now().Add(*worker.Lead)
		err := worker.write(ctx, func(key int) time.Duration {
			return max(time.Until(first)+spread*time.Duration(key)/time.Duration(worker.Keys), time.Millisecond)
		})
		if err != nil {
			return err
		}
		if left := time.Until(first); left > 0 {
			return pause(ctx, left)
		}
		*worker.Lead *= 2
	}
}

// write writes every key of the group.
func (worker *LongWorker) write(ctx context.Context, timeToLive func(key int) time.Duration) error {
	loop := Loop{
		Connections: worker.Connections, InFlight: longInFlight,
		Operation: longOperation(worker.Space, worker.Keys, timeToLive),
		Keys:      EveryKey((worker.Keys + longBatch - 1) / longBatch),
		Values:    NewValuePool(0),
	}
	outcome, err := loop.Run(ctx)
	if err == nil {
		err = outcome.Complete()
	}
	if err != nil {
		return fmt.Errorf("write a group of %d keys: %w", worker.Keys, err)
	}
	return nil
}

// requestDeletion requests the deletion. End reads the reply.
func (worker *LongWorker) requestDeletion() (err error) {
	connection := worker.Connections[0]
	inbox := connection.NewInbox()
	if worker.deletion, err = connection.SubscribeSync(inbox); err != nil {
		return err
	}
	return connection.PublishRequest(worker.Space.Request(longNamespace, subjects.VerbDeleteGroup), inbox, []byte(`{"group":"`+group+`"}`))
}

// End checks that the group was deleted as a whole.
func (worker *LongWorker) End(ctx context.Context) error {
	if worker.deletion == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, ReplyTimeout)
	defer cancel()
	reply, err := worker.deletion.NextMsgWithContext(ctx)
	var deleted subjects.DeleteGroupReply
	if err == nil {
		err = decodeReply(reply, &deleted)
	}
	if err != nil {
		return fmt.Errorf("delete a group of %d keys: %w", worker.Keys, err)
	}
	return errors.Join(checkLength(int(deleted.Deleted), worker.Keys), worker.deletion.Unsubscribe())
}

// Settle waits until no key of the group is left.
func (worker *LongWorker) Settle(ctx context.Context, _ *Outcome) error {
	var left subjects.CountReply
	return Poll(ctx, func(ctx context.Context) (bool, error) {
		reply, err := worker.Connections[0].RequestWithContext(ctx, worker.Space.Request(longNamespace, subjects.VerbCount), nil)
		if err == nil {
			err = decodeReply(reply, &left)
		}
		return left.Count == 0, err
	}, func() string { return fmt.Sprintf("%d of %d keys had not gone", left.Count, worker.Keys) })
}

// longOperation is a transaction that sets the next keys of the group.
func longOperation(space subjects.Space, keys int, timeToLive func(key int) time.Duration) Operation {
	subject := space.Request(longNamespace, subjects.VerbTransaction)
	return Operation{
		Request: func(input Input) (string, []byte) {
			body := input.Buffer
			body = append(body, `{"then":[`...)
			for key := input.Key * longBatch; key < min((input.Key+1)*longBatch, keys); key++ {
				body = appendKey(append(body, `{"op":"set","group":"`+group+`","key":"`...), key)
				body = append(body, `","value":"v"`...)
				if timeToLive != nil {
					body = strconv.AppendInt(append(body, `,"ttl":"`...), timeToLive(key).Milliseconds(), 10)
					body = append(body, `ms"`...)
				}
				body = append(body, `},`...)
			}
			return subject, append(body[:len(body)-1], `]}`...)
		},
		Accept: func(reply *nats.Msg) (uint64, error) {
			var transaction subjects.TransactionReply
			err := decodeReply(reply, &transaction)
			return transaction.Revision, err
		},
	}
}
