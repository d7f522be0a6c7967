// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// arrivals is the JSON report of the subscribers about the events they have received.
type arrivals struct {
	// Least is the revision up to which the slowest subscriber has received every event.
	Least uint64 `json:"least"`
	// Lost counts the missed revisions.
	Lost uint64 `json:"lost"`
}

// subscriber follows the events of a namespace from the first one. Revisions are dense, so
// it sees by itself which event is missing.
type subscriber struct {
	last, lost atomic.Uint64
}

// ServeSubscribers starts count subscribers to the subject events, each with a connection
// of its own. It answers requests on the subject report with their arrivals. They last as
// long as their connections.
func ServeSubscribers(count int, events, report string, connect func() (*nats.Conn, error)) error {
	subscribers := make([]*subscriber, count)
	for index := range subscribers {
		subscribers[index] = &subscriber{}
		if err := serve(connect, events, subscribers[index].receive); err != nil {
			return err
		}
	}
	return serve(connect, report, func(request *nats.Msg) {
		body, _ := json.Marshal(collect(subscribers)) // a struct of numbers always encodes
		if err := request.Respond(body); err != nil {
			fmt.Fprintln(os.Stderr, "respond:", err)
		}
	})
}

// serve handles a subject on a connection of its own.
func serve(connect func() (*nats.Conn, error), subject string, handle nats.MsgHandler) error {
	connection, err := connect()
	if err != nil {
		return err
	}
	if _, err := Listen(connection, subject, handle); err != nil {
		return err
	}
	return connection.Flush()
}

func (subscriber *subscriber) receive(event *nats.Msg) {
	revision, last := eventRevision(event.Data), subscriber.last.Load()
	if revision <= last {
		return // an event may come more than once
	}
	subscriber.lost.Add(revision - last - 1)
	subscriber.last.Store(revision)
}

// eventRevision reads the first field of an event, which is its revision. It returns 0 if
// the message is no event.
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
