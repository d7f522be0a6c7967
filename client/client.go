// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// DefaultTimeout bounds a call where neither its context nor Config says how long
// it may take.
const DefaultTimeout = 5 * time.Second

// DefaultPatience is how long a call waits for a sidecar that is not there, where
// Config does not say.
const DefaultPatience = 2 * time.Second

// Config says how a Client calls. Its zero value is ready to use.
type Config struct {
	// Prefix is what every subject begins with. Empty: subjects.DefaultPrefix.
	Prefix string
	// Timeout bounds a call whose context has no deadline; a deadline overrides it.
	// 0: DefaultTimeout. Negative: New fails.
	Timeout time.Duration
	// Patience is for how long a call asks again where no sidecar answers: long enough
	// for a restart. Its time bounds that too. 0: DefaultPatience. Negative: such a
	// call fails at once.
	Patience time.Duration
	// ReplyFunc, where it is set, is handed the body of every success reply as it
	// came, before it is decoded: for a log, or a tool that prints replies. It runs in
	// the goroutine of the call, must not keep or change the body, and must be safe
	// to call from as many goroutines as make calls.
	ReplyFunc func(subject string, body []byte)
}

// Client calls the sidecar that serves one prefix. It holds nothing but the
// connection, which stays the caller's to close, so it needs no closing itself.
// Any number of goroutines may share it. The calls of a nil or zero Client return
// nats.ErrInvalidConnection, and those with a nil context nats.ErrInvalidContext.
type Client struct {
	connection *nats.Conn
	space      subjects.Space
	timeout    time.Duration
	patience   time.Duration
	replyFunc  func(subject string, body []byte)
}

// New makes a client on a connection. It sends nothing: a sidecar that is not
// there shows in the first call.
//
//	store, err := client.New(connection, client.Config{Prefix: "berlin.store", Timeout: time.Second})
func New(connection *nats.Conn, config Config) (*Client, error) {
	if connection == nil {
		return nil, errors.New("client.New: a connection is needed, as nats.Connect gives it")
	}
	if config.Timeout < 0 {
		return nil, fmt.Errorf("client.New: Timeout is %s, it cannot be negative", config.Timeout)
	}
	space, err := subjects.NewSpace(withDefault(config.Prefix, subjects.DefaultPrefix))
	if err != nil {
		return nil, fmt.Errorf("client.New: %w", err)
	}
	return &Client{
		connection: connection, space: space, replyFunc: config.ReplyFunc,
		timeout: withDefault(config.Timeout, DefaultTimeout), patience: withDefault(config.Patience, DefaultPatience),
	}, nil
}

// Revision gives a revision as the options take it, where 0 and "not given" are
// different things.
//
//	client.SetOptions{IfRevision: client.Revision(0)} // only where the key is not there
func Revision(revision uint64) *uint64 { return &revision }

// impatient gives a client on the same connection that does not wait for a sidecar,
// for those who ask again by themselves.
func (client *Client) impatient() *Client {
	impatient := *client
	impatient.patience = 0
	return &impatient
}
