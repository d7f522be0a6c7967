// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/subjects"
)

// ttlFlag lets a key expire.
const ttlFlag = "ttl"

// newTTLFlag makes the flag. Its usage ends with what stands without it.
func newTTLFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: ttlFlag, Validator: checkTTL, Usage: "let the key expire after this `TIME`: " + usage}
}

// checkTTL finds a mistake before anything is read or sent.
func checkTTL(text string) error {
	_, err := subjects.ParseTTL(text)
	return err
}

// ttl gives the value of --ttl, nil where it was not given.
func (call *call) ttl() (*subjects.TTL, error) {
	if !call.given[ttlFlag] {
		return nil, nil
	}
	ttl, err := subjects.ParseTTL(call.command.String(ttlFlag))
	return &ttl, err
}

// timeToLive reads a word that says when a key expires.
func (call *call) timeToLive(word string) (subjects.TTL, error) {
	ttl, err := subjects.ParseTTL(word)
	if err != nil {
		return ttl, call.declared.usageError(err.Error())
	}
	return ttl, nil
}
