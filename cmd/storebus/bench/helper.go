// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"io"
	"os"

	"github.com/nats-io/nats.go"
	"github.com/urfave/cli/v3"
)

// helper makes a command that bench starts and nobody else.
func helper(name string, flags []cli.Flag, run cli.ActionFunc) *cli.Command {
	return &cli.Command{
		Name:            name,
		Usage:           "a part of storebus bench, which starts it",
		Hidden:          true,
		HideHelpCommand: true,
		Flags:           flags,
		Action:          run,
	}
}

// untilInputEnds waits until the process that started this one closes its standard
// input, or is gone.
func untilInputEnds(ctx context.Context, command *cli.Command) error {
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, command.Root().Reader)
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}

// subscribe lets as much wait as there is: the client bounds it.
func subscribe(connection *nats.Conn, subject string, handle nats.MsgHandler) error {
	subscription, err := connection.Subscribe(subject, handle)
	if err != nil {
		return err
	}
	return subscription.SetPendingLimits(-1, -1)
}

// connectHelper connects a helper to the broker that it was given.
func connectHelper(name string) (*nats.Conn, error) {
	return nats.Connect(os.Getenv(brokerVariable), nats.Name(name), nats.NoReconnect())
}
