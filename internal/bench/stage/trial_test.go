// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTrial_HasSyscalls_Good(t *testing.T) {
	var counted []string
	for _, kind := range Kinds() {
		if (Trial{Kind: kind}).HasSyscalls() {
			counted = append(counted, kind.Name)
		}
	}
	assert.Equal(t, []string{
		"set", "embedded-set", "set-without-http", "set-scraped", "set-1m-keys", "raw-set", "embedded-raw-set", "set-with-id",
		"set-1-subscriber", "set-100-subscribers", "change-latency", "embedded-change-latency",
	}, counted)
}

func TestTrial_WritesStore_Good(t *testing.T) {
	var writing []string
	for _, kind := range Kinds() {
		if (Trial{Kind: kind}).writesStore() {
			writing = append(writing, kind.Name)
		}
	}
	assert.Equal(t, []string{
		"echo-beside-writers", "get-beside-writers", "set", "embedded-set", "set-without-http", "set-scraped", "set-1m-keys", "raw-set", "embedded-raw-set", "set-with-id",
		"set-1-subscriber", "set-100-subscribers", "change-latency", "embedded-change-latency",
		"expiry-latency", "expiry-latency-beside-writers", "long-deletion", "long-expiry",
		"expiry-beside-lone-writer", "expiry-beside-mass-expiry",
		"set-beside-neighbour", "set-beside-waiters", "set-beside-woken-waiters", "journal",
	}, writing)
	assert.Equal(t, writing, CaseNames()[len(CaseNames())-len(writing):], "they come last")
}
