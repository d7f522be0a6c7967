// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v3"
)

const (
	subscribersCommand = "bench-subscribers"
	countFlag          = "count"
	subjectFlag        = "subject"
	reportFlag         = "report"
)

// subscribersHelper is the command of the subscribers' process.
func subscribersHelper() *cli.Command {
	return helper(subscribersCommand, []cli.Flag{
		&cli.IntFlag{Name: countFlag, Usage: "the `NUMBER` of subscribers, each with a connection of its own"},
		&cli.StringFlag{Name: subjectFlag, Usage: "the `SUBJECT` of the events"},
		&cli.StringFlag{Name: reportFlag, Usage: "the `SUBJECT` to ask what has arrived"},
	}, runSubscribers)
}

// arrivals is what the subscribers have received, in the words of their report.
type arrivals struct {
	// Least is the revision up to which the last of them has every event.
	Least uint64 `json:"least"`
	// Lost counts the revisions that were passed over.
	Lost uint64 `json:"lost"`
}

// subscriber follows the events of a namespace from its first one: revisions are
// dense, so it sees by itself what did not arrive.
type subscriber struct {
	last, lost atomic.Uint64
}

func runSubscribers(ctx context.Context, command *cli.Command) error {
	subscribers := make([]*subscriber, command.Int(countFlag))
	for index := range subscribers {
		subscribers[index] = &subscriber{}
		connection, err := subscribers[index].connect(command.String(subjectFlag))
		if err != nil {
			return err
		}
		defer connection.Close() //nolint:gocritic // they all last as long as the process
	}
	connection, err := connectHelper(subscribersCommand)
	if err != nil {
		return err
	}
	defer connection.Close()
	err = subscribe(connection, command.String(reportFlag), func(request *nats.Msg) {
		body, _ := json.Marshal(collect(subscribers)) // numbers alone cannot fail
		respond(request, &nats.Msg{Data: body})
	})
	if err != nil {
		return err
	}
	if err := connection.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(command.Root().Writer, subscribersCommand+readyWord)
	return untilInputEnds(ctx, command)
}

func (subscriber *subscriber) connect(subject string) (*nats.Conn, error) {
	connection, err := connectHelper(subscribersCommand)
	if err != nil {
		return nil, err
	}
	if err := subscribe(connection, subject, subscriber.receive); err != nil {
		return nil, err
	}
	return connection, connection.Flush()
}

func (subscriber *subscriber) receive(event *nats.Msg) {
	revision, last := eventRevision(event.Data), subscriber.last.Load()
	if revision <= last {
		return // an event may come more than once
	}
	subscriber.lost.Add(revision - last - 1)
	subscriber.last.Store(revision)
}

// eventRevision reads the first field of an event, which is its revision, and gives 0
// for what is no event.
func eventRevision(event []byte) uint64 {
	digits, begins := bytes.CutPrefix(event, []byte(`{"revision":`))
	end := bytes.IndexByte(digits, ',')
	if !begins || end < 0 {
		return 0
	}
	revision, err := strconv.ParseUint(string(digits[:end]), 10, 64)
	if err != nil {
		return 0
	}
	return revision
}

func collect(subscribers []*subscriber) arrivals {
	var total arrivals
	for index, subscriber := range subscribers {
		last := subscriber.last.Load()
		if index == 0 || last < total.Least {
			total.Least = last
		}
		total.Lost += subscriber.lost.Load()
	}
	return total
}
