// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

const (
	// brokerVariable turns this test binary into a broker that listens at the variable's
	// value.
	brokerVariable = "STOREBUS_TEST_BROKER_ADDRESS"
	// payloadVariable is the broker's max_payload, if it is set.
	payloadVariable = "STOREBUS_TEST_BROKER_PAYLOAD"
	brokerReady     = "broker ready "
)

// broker is a nats-server without JetStream in a process of its own, so a test can kill it.
type broker struct {
	*process
	address string
}

// URL is the address for clients. It stays the same across restarts.
func (broker *broker) URL() string { return "nats://" + broker.address }

// startBroker starts a broker at address, and waits until it accepts connections. Port 0
// means any free port.
func startBroker(t *testing.T, address string) *broker {
	t.Helper()
	return startBrokerWith(t, address, server.MAX_PAYLOAD_SIZE)
}

// startBrokerWith is startBroker with a max_payload.
func startBrokerWith(t *testing.T, address string, maxPayload int) *broker {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	started := startProcess(t, executable, []string{brokerVariable + "=" + address, payloadVariable + "=" + strconv.Itoa(maxPayload)})
	line := started.line(t, brokerReady)
	return &broker{process: started, address: strings.TrimPrefix(line, brokerReady)}
}

// runBroker is the main function of the broker's process. It returns if standard input
// ends, which means that the parent process is gone.
func runBroker(address string) error {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return err
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	maxPayload, err := strconv.ParseInt(os.Getenv(payloadVariable), 10, 32)
	if err != nil {
		return err
	}
	natsServer, err := server.NewServer(&server.Options{Host: host, Port: port, NoSigs: true, NoLog: true, MaxPayload: int32(maxPayload)})
	if err != nil {
		return err
	}
	natsServer.Start()
	if !natsServer.ReadyForConnections(patience) {
		return errors.New("the broker does not take connections at " + address)
	}
	fmt.Println(brokerReady + natsServer.Addr().String()) //nolint:forbidigo // the parent reads this line
	_, err = io.Copy(io.Discard, os.Stdin)
	natsServer.Shutdown()
	natsServer.WaitForShutdown()
	return err
}
