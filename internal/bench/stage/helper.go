// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/bench/load"
)

// The commands of the parts other than sidecars.
const (
	brokerCommand      = "bench-broker"
	echoCommand        = "bench-echo"
	subscribersCommand = "bench-subscribers"
)

// helper is this process as one of these parts.
type helper struct {
	name string
	// atEnd are functions that end the part. The last one runs first.
	atEnd []func()
}

// role is the number of arguments of a part, and its start function. start returns the line
// of a ready part.
type role struct {
	arguments int
	start     func(helper *helper, arguments []string) (ready string, err error)
}

// roles returns the parts by their commands.
func roles() map[string]role {
	return map[string]role{
		brokerCommand:      {2, (*helper).startBroker},      // the folder of JetStream, and whether it fsyncs every write
		echoCommand:        {1, (*helper).startEcho},        // the prefix of its subjects
		subscribersCommand: {3, (*helper).startSubscribers}, // the number, the subject of the events and of the report
	}
}

// Helpers returns the names of the commands that bench starts this program with. Each must be a
// command of the program, and call RunHelper.
func Helpers() []string { return []string{brokerCommand, echoCommand, subscribersCommand} }

// RunHelper makes this process a part of a measurement until its input ends or ctx is done.
// The name is one of Helpers. It prints a line on output when the part is ready, and
// returns an error if the name or the number of arguments is wrong.
//
//	stage.RunHelper(ctx, "bench-echo", []string{"floor"}, os.Stdin, os.Stdout)
func RunHelper(ctx context.Context, name string, arguments []string, input io.Reader, output io.Writer) error {
	role, known := roles()[name]
	if !known || len(arguments) != role.arguments {
		return fmt.Errorf("%s takes %d arguments, and was given %q: storebus bench starts it", name, role.arguments, arguments)
	}
	helper := &helper{name: name}
	defer helper.end()
	ready, err := role.start(helper, arguments)
	if err != nil {
		return err
	}
	fmt.Fprintln(output, ready)
	return untilInputEnds(ctx, input)
}

func (helper *helper) end() {
	for index := len(helper.atEnd) - 1; index >= 0; index-- {
		helper.atEnd[index]()
	}
}

// connect connects to the broker of this process.
func (helper *helper) connect() (*nats.Conn, error) {
	connection, err := nats.Connect(os.Getenv(brokerVariable), nats.Name(helper.name), nats.NoReconnect())
	if err != nil {
		return nil, err
	}
	helper.atEnd = append(helper.atEnd, connection.Close)
	return connection, nil
}

// startBroker starts a nats-server with JetStream. sync_interval is the default or always.
func (helper *helper) startBroker(arguments []string) (ready string, err error) {
	syncAlways, err := strconv.ParseBool(arguments[1])
	if err != nil {
		return "", err
	}
	broker, err := server.NewServer(&server.Options{
		ServerName: helper.name,
		Host:       "127.0.0.1",
		Port:       server.RANDOM_PORT,
		JetStream:  true,
		StoreDir:   arguments[0],
		SyncAlways: syncAlways,
		NoSigs:     true,
		NoLog:      true,
	})
	if err != nil {
		return "", err
	}
	broker.Start()
	helper.atEnd = append(helper.atEnd, broker.WaitForShutdown, broker.Shutdown)
	if !broker.ReadyForConnections(startTimeout) {
		return "", errors.New("the broker does not listen")
	}
	return "broker" + readyWord + " at " + broker.ClientURL(), nil
}

func (helper *helper) startEcho(arguments []string) (ready string, err error) {
	connection, err := helper.connect()
	if err != nil {
		return "", err
	}
	return helper.name + readyWord, serveEcho(connection, arguments[0])
}

func (helper *helper) startSubscribers(arguments []string) (ready string, err error) {
	count, err := strconv.Atoi(arguments[0])
	if err != nil {
		return "", err
	}
	return helper.name + readyWord, load.ServeSubscribers(count, arguments[1], arguments[2], helper.connect)
}

// untilInputEnds waits until the parent process closes its standard input, or has ended.
func untilInputEnds(ctx context.Context, input io.Reader) error {
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, input)
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}
