// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"fmt"
	"os"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/bench/load"
)

// patternHeader names the subject of the requests that the rest of the message answers.
const patternHeader = "Bench-Pattern"

// plainEcho is the subject whose requests come back unchanged.
func plainEcho(space string) string { return space + ".echo" }

// answersSubject is the subject on which the responder learns its answers.
func answersSubject(space string) string { return space + ".answers" }

// serveEcho makes a connection a bare NATS responder. It sends requests back, or sends a
// recorded answer of the sidecar, without reading them. Client and broker carry the same
// bytes as with a sidecar, and there is no store.
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

// learn starts to answer the requests of a pattern. It returns the text of the error, if
// there is one.
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
