// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"dappco.re/go/storebus"
)

// notify tells a service manager how the program is, if one has set NOTIFY_SOCKET. Lines
// are as sd_notify(3) has them.
//
//	serving.notify("READY=1\nSTATUS=serving")
func (serving *serving) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		serving.logger.Warn("the service manager could not be told", "state", state, "error", err)
	}
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

// feedWatchdog tells the service manager, twice in the time that it allows, that the store
// answers. It says nothing while the store does not, and ends with ctx.
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
