// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// proxy stands between a connection and a broker, and can be cut.
type proxy struct {
	listener net.Listener
	target   string
	running  sync.WaitGroup

	mutex       sync.Mutex
	away        bool
	connections []net.Conn
}

func startProxy(t testing.TB, broker *server.Server) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	proxy := &proxy{listener: listener, target: broker.Addr().String()}
	proxy.running.Go(proxy.accept)
	t.Cleanup(func() {
		listener.Close()
		proxy.cut()
		proxy.running.Wait()
	})
	return proxy
}

func (proxy *proxy) url() string { return "nats://" + proxy.listener.Addr().String() }

func (proxy *proxy) accept() {
	for {
		near, err := proxy.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", proxy.target)
		if err != nil || !proxy.keep(near, far) {
			near.Close()
			continue
		}
		proxy.running.Go(func() { pass(near, far) })
		proxy.running.Go(func() { pass(far, near) })
	}
}

// keep remembers a pair of connections; it reports false while the broker is away.
func (proxy *proxy) keep(near, far net.Conn) bool {
	proxy.mutex.Lock()
	defer proxy.mutex.Unlock()
	if proxy.away {
		far.Close()
		return false
	}
	proxy.connections = append(proxy.connections, near, far)
	return true
}

func pass(from, to net.Conn) {
	_, _ = io.Copy(to, from)
	from.Close()
	to.Close()
}

// cut ends every connection and lets none through.
func (proxy *proxy) cut() {
	proxy.mutex.Lock()
	defer proxy.mutex.Unlock()
	proxy.away = true
	for _, connection := range proxy.connections {
		connection.Close()
	}
	proxy.connections = nil
}

// mend lets connections through again.
func (proxy *proxy) mend() {
	proxy.mutex.Lock()
	defer proxy.mutex.Unlock()
	proxy.away = false
}
