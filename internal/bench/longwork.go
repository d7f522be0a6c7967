// SPDX-License-Identifier: EUPL-1.2

package bench

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
	// longNamespace is that of the group, which nobody else has to do with.
	longNamespace = "long"
	// longBatch is how many keys one transaction writes, and longInFlight how many of
	// these are in flight.
	longBatch    = 1000
	longInFlight = 4
	// firstLead is the time a key that the group is given at first until it begins to
	// expire, and leastLead what there is for few keys.
	firstLead = 10 * time.Microsecond
	leastLead = 200 * time.Millisecond
)

// longWorker carries out long work beside a trial: the group is written before the
// clock starts, and goes from then on.
type longWorker struct {
	alone
	connections []*nats.Conn
	space       subjects.Space
	keys        int
	// expire has every key expire within the time of the round. Otherwise one request deletes
	// the group.
	expire bool
	// lead is how long before it begins to expire the group is written. 0 is replaced by what
	// suits the number of keys. It is kept for the rounds that follow.
	lead *time.Duration
	// drain waits until nothing is left to do.
	drain func(context.Context) error
	// deletion is where the reply to the request for it arrives.
	deletion *nats.Subscription
}

func (worker *longWorker) begin(ctx context.Context, loop *loop) error {
	if worker.expire {
		return worker.beginExpiry(ctx, loop.duration)
	}
	if err := errors.Join(worker.write(ctx, nil), worker.drain(ctx)); err != nil {
		return err
	}
	return worker.requestDeletion()
}

// beginExpiry writes keys that expire one after the other within a time, and returns
// when the first of them does. Where writing them takes too long it begins again, with
// more time.
func (worker *longWorker) beginExpiry(ctx context.Context, spread time.Duration) error {
	if *worker.lead == 0 {
		*worker.lead = leastLead + firstLead*time.Duration(worker.keys)
	}
	for {
		first := time.Now().Add(*worker.lead)
		err := worker.write(ctx, func(key int) time.Duration {
			return max(time.Until(first)+spread*time.Duration(key)/time.Duration(worker.keys), time.Millisecond)
		})
		if err != nil {
			return err
		}
		if left := time.Until(first); left > 0 {
			return pause(ctx, left)
		}
		*worker.lead *= 2
	}
}

// write writes every key of the group.
func (worker *longWorker) write(ctx context.Context, timeToLive func(key int) time.Duration) error {
	loop := loop{
		connections: worker.connections, inFlight: longInFlight,
		operation: longOperation(worker.space, worker.keys, timeToLive),
		keys:      everyKey((worker.keys + longBatch - 1) / longBatch),
		values:    newValuePool(0),
	}
	outcome, err := loop.run(ctx)
	if err == nil {
		err = outcome.complete()
	}
	if err != nil {
		return fmt.Errorf("write a group of %d keys: %w", worker.keys, err)
	}
	return nil
}

// requestDeletion asks for the deletion, and leaves it to end to look at the reply.
func (worker *longWorker) requestDeletion() (err error) {
	connection := worker.connections[0]
	inbox := connection.NewInbox()
	if worker.deletion, err = connection.SubscribeSync(inbox); err != nil {
		return err
	}
	return connection.PublishRequest(worker.space.Request(longNamespace, subjects.VerbDeleteGroup), inbox, []byte(`{"group":"`+group+`"}`))
}

// end makes sure that the group was deleted as a whole.
func (worker *longWorker) end(ctx context.Context) error {
	if worker.deletion == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, replyTimeout)
	defer cancel()
	reply, err := worker.deletion.NextMsgWithContext(ctx)
	var deleted subjects.DeleteGroupReply
	if err == nil {
		err = decodeReply(reply, &deleted)
	}
	if err != nil {
		return fmt.Errorf("delete a group of %d keys: %w", worker.keys, err)
	}
	return errors.Join(checkLength(int(deleted.Deleted), worker.keys), worker.deletion.Unsubscribe())
}

// settle waits until no key of the group is left.
func (worker *longWorker) settle(ctx context.Context, _ *outcome) error {
	var left subjects.CountReply
	return poll(ctx, func(ctx context.Context) (bool, error) {
		reply, err := worker.connections[0].RequestWithContext(ctx, worker.space.Request(longNamespace, subjects.VerbCount), nil)
		if err == nil {
			err = decodeReply(reply, &left)
		}
		return left.Count == 0, err
	}, func() string { return fmt.Sprintf("%d of %d keys had not gone", left.Count, worker.keys) })
}

// longOperation is a transaction that sets the next keys of the group.
func longOperation(space subjects.Space, keys int, timeToLive func(key int) time.Duration) operation {
	subject := space.Request(longNamespace, subjects.VerbTransaction)
	return operation{
		request: func(input input) (string, []byte) {
			body := input.buffer
			body = append(body, `{"then":[`...)
			for key := input.key * longBatch; key < min((input.key+1)*longBatch, keys); key++ {
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
		accept: func(reply *nats.Msg) (uint64, error) {
			var transaction subjects.TransactionReply
			err := decodeReply(reply, &transaction)
			return transaction.Revision, err
		},
	}
}
