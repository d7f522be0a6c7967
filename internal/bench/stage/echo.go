// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"fmt"
	"os"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/bench/load"
)

// patternHeader names the subject whose requests are answered with the rest of the message.
const patternHeader = "Bench-Pattern"

// plainEcho is the subject whose requests come back as they are.
func plainEcho(space string) string { return space + ".echo" }

// answersSubject is where the responder learns what to answer.
func answersSubject(space string) string { return space + ".answers" }

// serveEcho makes a connection a bare NATS responder. It sends requests back, or answers them with
// what a sidecar once answered, without looking at them: the same bytes in and out for the
// client and the broker, and no store.
func serveEcho(connection *nats.Conn, space string) error {
	for subject, handle := range map[string]nats.MsgHandler{
		plainEcho(space):      func(request *nats.Msg) { respond(request, &nats.Msg{Data: request.Data}) },
		answersSubject(space): func(request *nats.Msg) { respond(request, &nats.Msg{Data: learn(connection, request)}) },
	} {
		if _, err := load.Listen(connection, subject, handle); err != nil {
			return err
		}
	}
	return connection.Flush()
}

// learn begins to answer the requests of a pattern, and gives what went wrong.
func learn(connection *nats.Conn, example *nats.Msg) []byte {
	pattern := example.Header.Get(patternHeader)
	header := example.Header
	header.Del(patternHeader)
	_, err := load.Listen(connection, pattern, func(request *nats.Msg) {
		respond(request, &nats.Msg{Header: header, Data: example.Data})
	})
	if err == nil {
		err = connection.Flush()
	}
	if err != nil {
		return []byte(err.Error())
	}
	return nil
}

func respond(request, reply *nats.Msg) {
	if err := request.RespondMsg(reply); err != nil {
		fmt.Fprintln(os.Stderr, "respond:", err)
	}
}
