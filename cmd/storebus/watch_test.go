// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// patience bounds the waits of a test. It is far more than they take.
const patience = 20 * time.Second

// watcher is a running watch: its lines, and the error at its end.
type watcher struct {
	lines chan string
	ended chan error
	stop  context.CancelFunc
}

func startWatch(t *testing.T, arguments ...string) *watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	watcher := &watcher{lines: make(chan string, 1000), ended: make(chan error, 1), stop: cancel}
	reader, writer := io.Pipe()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		watcher.ended <- runShell(ctx, nil, writer, io.Discard, append([]string{"watch"}, arguments...)...)
		_ = writer.Close()
	}()
	go func() {
		for scanner := bufio.NewScanner(reader); scanner.Scan(); {
			watcher.lines <- scanner.Text()
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-finished
	})
	return watcher
}

func (watcher *watcher) line(t *testing.T) string {
	t.Helper()
	select {
	case line := <-watcher.lines:
		return line
	case err := <-watcher.ended:
		require.FailNow(t, "the watch has ended", "%v", err)
	case <-time.After(patience):
		require.FailNow(t, "no line comes")
	}
	return ""
}

func (watcher *watcher) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-watcher.ended:
		return err
	case <-time.After(patience):
		require.FailNow(t, "the watch does not end")
	}
	return nil
}

func TestWatch_Watch_Good(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	shell.mustRun(t, "set", "acme", "other", "a\tb", "two\nlines")
	shell.mustRun(t, "delete", "acme", "config", "theme")

	t.Run("PrintsALineForEachChange", func(t *testing.T) {
		watcher := startWatch(t, "acme", "--after", "0")
		assert.Equal(t, "1\tset\tconfig\ttheme\tdark", watcher.line(t))
		assert.Equal(t, "2\tset\tother\t\"a\\tb\"\t\"two\\nlines\"", watcher.line(t))
		assert.Equal(t, "3\tdelete\tconfig\ttheme\t", watcher.line(t))
		revision := shell.mustRun(t, "set", "acme", "config", "theme", "light")
		assert.Equal(t, revision[:len(revision)-1]+"\tset\tconfig\ttheme\tlight", watcher.line(t))
		watcher.stop()
		assert.NoError(t, watcher.end(t))
	})
	t.Run("LeavesOtherGroupsOut", func(t *testing.T) {
		watcher := startWatch(t, "acme", "config", "--after", "1", "--store", shell.sidecar.StoreID())
		assert.Equal(t, "3\tdelete\tconfig\ttheme\t", watcher.line(t))
	})
	t.Run("PrintsTheEventAsItCame", func(t *testing.T) {
		watcher := startWatch(t, "acme", "--after", "0", "--json")
		assert.Regexp(t, `^\{"revision":1,"previous":0,"type":"set",.*"value":"dark",.*\}$`, watcher.line(t))
	})
}

func TestWatch_Watch_Bad(t *testing.T) {
	shell := newShell(t)
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	for name, test := range map[string]struct {
		arguments []string
		failure   error
	}{
		"ReservedNamespace":    {[]string{"events"}, subjects.ErrBadRequest},
		"EmptyGroup":           {[]string{"acme", ""}, subjects.ErrBadRequest},
		"RevisionOfTheFuture":  {[]string{"acme", "--after", "9"}, subjects.ErrCompacted},
		"AnotherStore":         {[]string{"acme", "--after", "0", "--store", "another"}, subjects.ErrCompacted},
		"NoSidecarToBeginWith": {[]string{"acme", "--prefix", "elsewhere"}, nats.ErrNoResponders},
	} {
		t.Run(name, func(t *testing.T) {
			assert.ErrorIs(t, startWatch(t, test.arguments...).end(t), test.failure)
		})
	}
}

func TestWatch_Outage_Ugly(t *testing.T) {
	isolate(t)
	start := func(port int) *server.Server {
		broker, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true})
		require.NoError(t, err)
		broker.Start()
		require.True(t, broker.ReadyForConnections(patience))
		return broker
	}
	broker := start(server.RANDOM_PORT)
	address := broker.ClientURL()
	t.Setenv("STOREBUS_NATS", address)
	config := storebus.Config{DatabasePath: filepath.Join(t.TempDir(), "storebus.db"), NATS: storebus.NATSConfig{URL: address}}
	sidecar := startSidecar(t, config)

	connection, err := nats.Connect(address, nats.MaxReconnects(-1), nats.ReconnectWait(time.Millisecond))
	require.NoError(t, err)
	t.Cleanup(connection.Close)
	store, err := client.New(connection, client.Config{Timeout: time.Second})
	require.NoError(t, err)
	watcher := startWatch(t, "acme", "--after", "0")
	printed := uint64(0)
	// If the reply to a set was lost, the set may have happened all the same: every
	// revision has its line.
	setAndExpect := func() {
		written := uint64(0)
		require.Eventually(t, func() bool {
			reply, err := store.Set(t.Context(), "acme", "config", "theme", nil, client.SetOptions{})
			written = reply.Revision
			return err == nil
		}, patience, time.Millisecond)
		for printed < written {
			printed++
			assert.Equal(t, strconv.FormatUint(printed, 10)+"\tset\tconfig\ttheme\t", watcher.line(t))
		}
	}
	setAndExpect()

	require.NoError(t, sidecar.Close())
	startSidecar(t, config)
	setAndExpect()

	broker.Shutdown()
	broker.WaitForShutdown()
	broker = start(int(netPort(t, address)))
	t.Cleanup(func() {
		broker.Shutdown()
		broker.WaitForShutdown()
	})
	setAndExpect()
	watcher.stop()
	require.NoError(t, watcher.end(t))
}

func TestWatch_Outage_Good(t *testing.T) {
	var output bytes.Buffer
	away := true
	outage := &outage{output: &output, away: func() bool { return away }}
	silent := fmt.Errorf("client.Watch: no reply on x: %w", context.DeadlineExceeded)
	outage.tell(silent)
	outage.tell(silent)
	away = false
	outage.tell(fmt.Errorf("client.Watch: no storebus answers: %w", nats.ErrNoResponders))
	outage.tell(silent)
	outage.end()
	outage.tell(silent)
	assert.Equal(t, "storebus: the broker is away; waiting\nstorebus: the sidecar is away; waiting\n"+
		"storebus: no reply on x; waiting\nstorebus: connected again\nstorebus: no reply on x; waiting\n", output.String())
}

func TestWatch_Store_Ugly(t *testing.T) {
	shell := newShell(t)
	began := shell.sidecar.StoreID()
	watcher := startWatch(t, "acme", "--after", "0")
	shell.mustRun(t, "set", "acme", "config", "theme", "dark")
	watcher.line(t)
	address := shell.sidecar.NATSURL()
	require.NoError(t, shell.sidecar.Close())
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	other := startSidecar(t, storebus.Config{Listen: parsed.Host, DatabasePath: filepath.Join(t.TempDir(), "other.db")})
	err = watcher.end(t)
	require.ErrorIs(t, err, subjects.ErrCompacted)
	assert.Equal(t, "another store, "+other.StoreID()+", answers in the place of "+began+", which this watch began with", err.Error())
}

// netPort returns the port of a URL, for a broker that restarts on the same port.
func netPort(t *testing.T, address string) uint64 {
	t.Helper()
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	port, err := strconv.ParseUint(parsed.Port(), 10, 16)
	require.NoError(t, err)
	return port
}
