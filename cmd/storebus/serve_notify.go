// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"net"
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dappco.re/go/storebus"
)

// notifyTime bounds each message to the service manager. A manager that does not read
// delays neither the start nor the end.
const notifyTime = time.Second

// notify sends the state of the program to the service manager, if one has set
// NOTIFY_SOCKET. The lines are those of sd_notify(3).
//
//	serving.notify("READY=1\nSTATUS=serving")
func (serving *serving) notify(state string) {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return
	}
	if err := sendState(address, state); err != nil {
		serving.logger.Warn("the service manager could not be told", "state", state, "error", err)
	}
}

// sendState is daemon.SdNotify with a deadline.
func sendState(address, state string) error {
	connection, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	if err := connection.SetWriteDeadline(time.Now().Add(notifyTime)); err != nil {
		return err
	}
	_, err = connection.Write([]byte(state))
	return err
}

func (serving *serving) notifyStarting() {
	serving.notify("STATUS=opening the database, connecting to the broker")
}

func (serving *serving) notifyReady(sidecar *storebus.Sidecar) {
	serving.notify(daemon.SdNotifyReady + "\nSTATUS=serving " + sidecar.Prefix() + ".> at " + sidecar.NATSURL())
}

func (serving *serving) notifyStopping() {
	serving.notify(daemon.SdNotifyStopping + "\nSTATUS=answering what is in hand, closing the database")
}

// feedWatchdog reports to the service manager that the store answers, twice in the
// permitted time. It reports nothing if the store does not answer. It ends with ctx.
func (serving *serving) feedWatchdog(ctx context.Context, sidecar *storebus.Sidecar) {
	allowed, err := daemon.SdWatchdogEnabled(false)
	if err != nil || allowed == 0 {
		return
	}
	ticks := time.NewTicker(allowed / 2)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		asked, cancel := context.WithTimeout(ctx, allowed/2)
		if _, err := sidecar.Summary(asked); err == nil {
			serving.notify(daemon.SdNotifyWatchdog)
		}
		cancel()
	}
}
