// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/subjects"
)

// ttlFlag lets a key expire.
const ttlFlag = "ttl"

// newTTLFlag creates the flag. Its usage ends with the effect of leaving it out.
func newTTLFlag(usage string) cli.Flag {
	return &cli.StringFlag{Name: ttlFlag, Validator: checkTTL, Usage: "let the key expire after this `TIME`: " + usage}
}

// checkTTL finds a mistake before the command reads or sends anything.
func checkTTL(text string) error {
	_, err := subjects.ParseTTL(text)
	return err
}

// ttl returns the value of --ttl, nil if it was not given.
func (call *call) ttl() (*subjects.TTL, error) {
	if !call.given[ttlFlag] {
		return nil, nil
	}
	ttl, err := subjects.ParseTTL(call.command.String(ttlFlag))
	return &ttl, err
}

// timeToLive parses a word with a time to live.
func (call *call) timeToLive(word string) (subjects.TTL, error) {
	ttl, err := subjects.ParseTTL(word)
	if err != nil {
		return ttl, call.declared.usageError(err.Error())
	}
	return ttl, nil
}
