// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/nats-io/nats.go"
)

// The names of the brokers' processes and folders.
const (
	outsideBroker = "broker"
	alwaysBroker  = "broker-always"
)

// broker is a nats-server, and the connections to it.
type broker struct {
	url     string
	process *process // nil if the broker was running already, or is part of a sidecar
	// load carries the requests of the cases. Every broker has the same number of these
	// connections.
	load []*nats.Conn
	// beside carries the requests of companions, and control everything that is not
	// measured.
	beside, control *nats.Conn
}

func (stage *Stage) startOutside(ctx context.Context) (err error) {
	if stage.config.NATSURL != "" {
		stage.outside, err = stage.connect(stage.config.NATSURL, nil)
		return err
	}
	stage.outside, err = stage.startBroker(ctx, outsideBroker, false)
	return err
}

func (stage *Stage) startBroker(ctx context.Context, name string, syncAlways bool) (*broker, error) {
	process, err := stage.launcher.launch(ctx, name, "", brokerCommand, "--",
		filepath.Join(stage.directory, name), strconv.FormatBool(syncAlways))
	if err != nil {
		return nil, err
	}
	return stage.connect(process.url(), process)
}

// connect opens the connections to a broker.
func (stage *Stage) connect(url string, process *process) (*broker, error) {
	broker := &broker{url: url, process: process}
	stage.brokers = append(stage.brokers, broker)
	connections := make([]*nats.Conn, stage.config.Connections+2)
	for index := range connections {
		connection, err := nats.Connect(url, nats.Name("storebus bench"), nats.NoReconnect(),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // an error shows in the replies
		if err != nil {
			return nil, fmt.Errorf("connect to the broker: %w", err)
		}
		connections[index] = connection
		broker.load = connections[:index+1]
	}
	broker.control, broker.beside, broker.load = connections[0], connections[1], connections[2:]
	return broker, nil
}

func (broker *broker) disconnect() {
	for _, connection := range append([]*nats.Conn{broker.control, broker.beside}, broker.load...) {
		if connection != nil {
			connection.Close()
		}
	}
}
