// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"errors"

	"dappco.re/go/storebus/handler"
)

// Errors of Start.
var (
	// ErrConfig is returned by Start for an invalid configuration.
	ErrConfig = errors.New("configuration")
	// ErrOpenToAll is returned by Start, beside ErrConfig, if other machines would reach the
	// sidecar's own broker. Connect to a broker with users through Config.NATS, listen on
	// loopback, or set Config.Insecure.
	ErrOpenToAll = errors.New("everybody who reaches the address could read and change everything")
	// ErrAddressInUse is returned by Start if another program listens at the address of the
	// sidecar's own broker.
	ErrAddressInUse = errors.New("address is in use")
	// ErrOtherSidecar is returned by Start, and by Err, if another sidecar serves the same
	// prefix on the same broker.
	ErrOtherSidecar = handler.ErrOtherSidecar
	// ErrPayloadTooSmall is returned by Start if the broker's max_payload leaves no room for an
	// entry.
	ErrPayloadTooSmall = errors.New("max_payload of the broker is too small")
)

// ErrNotStarted is returned by the methods of a Sidecar that Start did not make.
var ErrNotStarted = errors.New("sidecar was never started; use Start")
