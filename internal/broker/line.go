// SPDX-License-Identifier: EUPL-1.2

package broker

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
)

// errCut is the error of an attempt to connect over a line that is cut.
var errCut = errors.New("the line to the broker is cut")

// Line is the way of one connection to its broker. A broker that takes nothing can hold a write of
// the client for as long as the client's write timeout, and everybody who uses the connection
// meanwhile. A cut ends that. The zero value is ready.
type Line struct {
	// Dials counts the attempts to connect, each before the connection is there.
	Dials atomic.Uint64

	dialer nats.CustomDialer

	mutex  sync.Mutex
	socket net.Conn
	cut    bool
}

// Option has a connection go over the line. It comes after options that choose a dialer.
//
//	connection, err := nats.Connect(url, line.Option)
func (line *Line) Option(options *nats.Options) error {
	if line.dialer = options.CustomDialer; line.dialer == nil {
		line.dialer = &net.Dialer{Timeout: options.Timeout}
	}
	options.CustomDialer = line
	return nil
}

// Dial is nats.CustomDialer's.
func (line *Line) Dial(network, address string) (net.Conn, error) {
	line.Dials.Add(1)
	socket, err := line.dialer.Dial(network, address)
	if err != nil {
		return nil, err
	}
	line.mutex.Lock()
	defer line.mutex.Unlock()
	if line.cut {
		return nil, errors.Join(errCut, socket.Close())
	}
	line.socket = socket
	return socket, nil
}

// Cut ends the connection at once and for good. Calls that wait for the broker return with an
// error. It may be called more than once.
func (line *Line) Cut() {
	line.mutex.Lock()
	defer line.mutex.Unlock()
	line.cut = true
	if line.socket != nil {
		_ = line.socket.Close() // the connection reports that it has ended
	}
}
