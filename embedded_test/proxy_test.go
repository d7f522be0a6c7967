// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"bytes"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// proxy stands between a sidecar and its broker, and can cut the connections. Other clients
// stay connected and see how the sidecar copes.
type proxy struct {
	listener net.Listener
	target   string
	group    sync.WaitGroup

	mutex    sync.Mutex
	lines    []*line
	vanished chan struct{} // not nil while the sidecar's data vanishes

	// refuses tells that new connections are closed at once.
	refuses atomic.Bool
	// delivered counts the bytes for the sidecar.
	delivered atomic.Int64
}

// line is one connection through a proxy.
type line struct {
	inner, outer net.Conn
	// held tells that data from the sidecar stays where it is, until ended is closed. blocked tells
	// that there is such data.
	held, blocked atomic.Bool
	ended         chan struct{}
	once          sync.Once
}

func (line *line) cut() {
	line.once.Do(func() { close(line.ended) })
	line.inner.Close()
	line.outer.Close()
}

// startProxy listens on a free port and forwards connections to target.
func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	started := &proxy{listener: listener, target: target}
	started.group.Go(started.accept)
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		started.cut(func(int) bool { return true })
		started.group.Wait()
	})
	return started
}

// URL is the broker's address for the sidecar.
func (proxy *proxy) URL() string { return "nats://" + proxy.listener.Addr().String() }

func (proxy *proxy) accept() {
	for {
		inner, err := proxy.listener.Accept()
		if err != nil {
			return
		}
		if proxy.refuses.Load() {
			inner.Close()
			continue
		}
		outer, err := net.Dial("tcp", proxy.target)
		if err != nil {
			inner.Close()
			continue
		}
		accepted := &line{inner: inner, outer: outer, ended: make(chan struct{})}
		proxy.mutex.Lock()
		proxy.lines = append(proxy.lines, accepted)
		proxy.mutex.Unlock()
		proxy.group.Go(func() { proxy.pass(accepted, &swallower{proxy: proxy, line: accepted, writer: outer}, inner) })
		proxy.group.Go(func() { proxy.pass(accepted, &counter{writer: inner, bytes: &proxy.delivered}, outer) })
	}
}

// swallow discards all data from the sidecar until the next cut, as if it were lost in the
// buffers of a breaking connection. The channel is closed after an event was discarded.
func (proxy *proxy) swallow() <-chan struct{} {
	proxy.mutex.Lock()
	defer proxy.mutex.Unlock()
	proxy.vanished = make(chan struct{})
	return proxy.vanished
}

// swallowed reports whether data is discarded.
func (proxy *proxy) swallowed(data []byte) bool {
	proxy.mutex.Lock()
	defer proxy.mutex.Unlock()
	if proxy.vanished == nil {
		return false
	}
	if bytes.Contains(data, []byte("store.events.")) {
		select {
		case <-proxy.vanished:
		default:
			close(proxy.vanished)
		}
	}
	return true
}

// pass copies until either side closes, and then closes both.
func (proxy *proxy) pass(passed *line, to io.Writer, from io.Reader) {
	// The test breaks the line on purpose, so the error does not matter.
	_, _ = io.Copy(to, from)
	passed.cut()
	proxy.mutex.Lock()
	defer proxy.mutex.Unlock()
	proxy.lines = slices.DeleteFunc(proxy.lines, func(line *line) bool { return line == passed })
}

// cut breaks the chosen lines. index counts the open lines from the oldest.
func (proxy *proxy) cut(chosen func(index int) bool) {
	proxy.mutex.Lock()
	defer proxy.mutex.Unlock()
	for index, line := range proxy.lines {
		if chosen(index) {
			line.cut()
		}
	}
	proxy.vanished = nil
}

// hold has the chosen lines take no more data from the sidecar, as a broker does that hangs. index
// counts the open lines from the oldest.
func (proxy *proxy) hold(chosen func(index int) bool) {
	proxy.mutex.Lock()
	defer proxy.mutex.Unlock()
	for index, line := range proxy.lines {
		if chosen(index) {
			line.held.Store(true)
		}
	}
}

// holdsBack reports whether there is data that a held line has not taken.
func (proxy *proxy) holdsBack() bool {
	proxy.mutex.Lock()
	defer proxy.mutex.Unlock()
	return slices.ContainsFunc(proxy.lines, func(line *line) bool { return line.blocked.Load() })
}

// counter counts what it writes.
type counter struct {
	writer io.Writer
	bytes  *atomic.Int64
}

func (counter *counter) Write(data []byte) (int, error) {
	written, err := counter.writer.Write(data)
	counter.bytes.Add(int64(written))
	return written, err
}

// swallower discards its data while its proxy swallows.
type swallower struct {
	proxy  *proxy
	line   *line
	writer io.Writer
}

func (swallower *swallower) Write(data []byte) (int, error) {
	if swallower.line.held.Load() {
		swallower.line.blocked.Store(true)
		<-swallower.line.ended
		return 0, net.ErrClosed
	}
	if swallower.proxy.swallowed(data) {
		return len(data), nil
	}
	return swallower.writer.Write(data)
}
