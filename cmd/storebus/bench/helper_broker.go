// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/urfave/cli/v3"
)

const (
	brokerCommand   = "bench-broker"
	storageFlag     = "storage"
	alwaysFlag      = "sync-always"
	brokerReadyLine = "broker ready at "
)

// brokerHelper is the command of a broker's process.
func brokerHelper() *cli.Command {
	return helper(brokerCommand, []cli.Flag{
		&cli.StringFlag{Name: storageFlag, Usage: "the `FOLDER` of JetStream"},
		&cli.BoolFlag{Name: alwaysFlag, Usage: "fsync every write, instead of every two minutes"},
	}, runBroker)
}

// runBroker is a nats-server with JetStream as it comes, or with sync_interval always.
func runBroker(ctx context.Context, command *cli.Command) error {
	broker, err := server.NewServer(&server.Options{
		ServerName: brokerCommand,
		Host:       "127.0.0.1",
		Port:       server.RANDOM_PORT,
		JetStream:  true,
		StoreDir:   command.String(storageFlag),
		SyncAlways: command.Bool(alwaysFlag),
		NoSigs:     true,
		NoLog:      true,
	})
	if err != nil {
		return err
	}
	broker.Start()
	defer broker.WaitForShutdown()
	defer broker.Shutdown()
	if !broker.ReadyForConnections(startTimeout) {
		return errors.New("the broker does not listen")
	}
	fmt.Fprintln(command.Root().Writer, brokerReadyLine+broker.ClientURL())
	return untilInputEnds(ctx, command)
}
