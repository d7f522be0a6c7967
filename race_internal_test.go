// SPDX-License-Identifier: EUPL-1.2

//go:build race

package storebus

// simulatedDays is how long the endpoint is away: the race detector makes it slow.
const simulatedDays = 1
