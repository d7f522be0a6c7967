// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"fmt"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v3"
)

const (
	echoCommand = "bench-echo"
	spaceFlag   = "space"
	// patternHeader names the subject whose requests are answered with the rest of
	// the message.
	patternHeader = "Bench-Pattern"
)

// echoHelper is the command of the responder's process.
func echoHelper() *cli.Command {
	return helper(echoCommand, []cli.Flag{
		&cli.StringFlag{Name: spaceFlag, Usage: "what its subjects begin with, a `PREFIX`"},
	}, runEcho)
}

// plainEcho is the subject whose requests come back as they are.
func plainEcho(space string) string { return space + ".echo" }

// answersSubject is where the responder learns what to answer.
func answersSubject(space string) string { return space + ".answers" }

// runEcho is a bare NATS responder. It sends requests back, or answers them with what
// a sidecar once answered, without looking at them: the same bytes in and out for the
// client and the broker, and no store.
func runEcho(ctx context.Context, command *cli.Command) error {
	connection, err := connectHelper(echoCommand)
	if err != nil {
		return err
	}
	defer connection.Close()
	space := command.String(spaceFlag)
	for subject, handle := range map[string]nats.MsgHandler{
		plainEcho(space):      func(request *nats.Msg) { respond(request, &nats.Msg{Data: request.Data}) },
		answersSubject(space): func(request *nats.Msg) { respond(request, &nats.Msg{Data: learn(connection, request)}) },
	} {
		if err := subscribe(connection, subject, handle); err != nil {
			return err
		}
	}
	if err := connection.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(command.Root().Writer, echoCommand+readyWord)
	return untilInputEnds(ctx, command)
}

// learn begins to answer the requests of a pattern, and gives what went wrong.
func learn(connection *nats.Conn, example *nats.Msg) []byte {
	pattern := example.Header.Get(patternHeader)
	header := example.Header
	header.Del(patternHeader)
	err := subscribe(connection, pattern, func(request *nats.Msg) {
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
