// SPDX-License-Identifier: EUPL-1.2

//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// manager is a service manager that receives the states of a program.
type manager struct{ socket *net.UnixConn }

func newManager(t *testing.T, address string) *manager {
	t.Helper()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { socket.Close() })
	return &manager{socket: socket}
}

// nextState returns the next state.
func (manager *manager) nextState(t *testing.T) string {
	t.Helper()
	require.NoError(t, manager.socket.SetReadDeadline(time.Now().Add(servePatience)))
	state := make([]byte, 4096)
	count, err := manager.socket.Read(state)
	require.NoError(t, err)
	return string(state[:count])
}

func TestServeNotify_Notify_Good(t *testing.T) {
	folder, err := os.MkdirTemp("", "notify") // the name of a socket has at most 107 bytes
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	for _, address := range []string{filepath.Join(folder, "socket"), fmt.Sprintf("@storebus-test-%d", os.Getpid())} {
		manager := newManager(t, address)
		program := startProgram(t, []string{"NOTIFY_SOCKET=" + address}, "serve", "--listen", "127.0.0.1:0", "--database", ":memory:")
		assert.Equal(t, "STATUS=opening the database, connecting to the broker", manager.nextState(t))
		url := program.ready(t)
		assert.Equal(t, "READY=1\nSTATUS=serving store.> at "+url, manager.nextState(t))
		status, _ := program.end(t, syscall.SIGTERM)
		assert.Equal(t, exitDone, status)
		assert.Equal(t, "STOPPING=1\nSTATUS=answering what is in hand, closing the database", manager.nextState(t))
	}
}

func TestServeNotify_Watchdog_Good(t *testing.T) {
	address := fmt.Sprintf("@storebus-watchdog-%d", os.Getpid())
	manager := newManager(t, address)
	program := startProgram(t, []string{"NOTIFY_SOCKET=" + address, "WATCHDOG_USEC=20000"}, "serve", "--listen", "127.0.0.1:0", "--database", ":memory:")
	program.ready(t)
	assert.True(t, strings.HasPrefix(manager.nextState(t), "STATUS="))
	assert.True(t, strings.HasPrefix(manager.nextState(t), "READY=1\n"))
	for range 3 {
		assert.Equal(t, "WATCHDOG=1", manager.nextState(t))
	}
}

func TestServeNotify_Notify_Ugly_NobodyIsThere(t *testing.T) {
	program := startProgram(t, []string{"NOTIFY_SOCKET=/nowhere/socket"}, "serve", "--listen", "127.0.0.1:0", "--database", ":memory:")
	program.ready(t)
	assert.Contains(t, program.errorsOf(t), `msg="the service manager could not be told" state="READY=1\n`)
}

// fill sends to a socket until it accepts no more. Each message has a sender of its own, so
// it is the receiver's buffer that is full.
func fill(t *testing.T, address string) {
	t.Helper()
	for full := false; !full; {
		sender, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
		require.NoError(t, err)
		raw, err := sender.SyscallConn()
		require.NoError(t, err)
		var sent error
		require.NoError(t, raw.Write(func(descriptor uintptr) bool {
			_, sent = syscall.Write(int(descriptor), []byte("STATUS=full"))
			return true
		}))
		require.NoError(t, sender.Close())
		if full = errors.Is(sent, syscall.EAGAIN); !full {
			require.NoError(t, sent)
		}
	}
}

func TestServeNotify_Notify_Ugly_NobodyReads(t *testing.T) {
	t.Parallel()
	address := fmt.Sprintf("@storebus-full-%d", os.Getpid())
	newManager(t, address)
	fill(t, address)
	program := startProgram(t, []string{"NOTIFY_SOCKET=" + address}, "serve", "--listen", "127.0.0.1:0", "--database", ":memory:")
	program.ready(t)
	status, _ := program.end(t, syscall.SIGTERM)
	assert.Equal(t, exitDone, status)
	assert.Contains(t, program.errors.String(), `msg="the service manager could not be told" state="STOPPING=1\n`)
}

// If a start fails, the program never reports that it is ready.
func TestServeNotify_Notify_Bad(t *testing.T) {
	address := fmt.Sprintf("@storebus-failing-%d", os.Getpid())
	manager := newManager(t, address)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	program := startProgram(t, []string{"NOTIFY_SOCKET=" + address}, "serve", "--listen", listener.Addr().String(), "--database", ":memory:")
	require.Error(t, program.command.Wait())
	assert.True(t, strings.HasPrefix(manager.nextState(t), "STATUS="))
	require.NoError(t, manager.socket.SetReadDeadline(time.Now()))
	_, err = manager.socket.Read(make([]byte, 1))
	assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
}
