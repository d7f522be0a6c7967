// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// DefaultTimeout bounds a call if neither the context nor Config.Timeout does.
const DefaultTimeout = 5 * time.Second

// DefaultPatience is how long a call waits for a sidecar that does not answer, if
// Config.Patience is 0.
const DefaultPatience = 2 * time.Second

// Config sets how a Client calls. Its zero value is ready to use.
type Config struct {
	// Prefix is the beginning of every subject. Empty: subjects.DefaultPrefix.
	Prefix string
	// Timeout bounds a call whose context has no deadline. A deadline overrides it. 0:
	// DefaultTimeout. Negative: New fails.
	Timeout time.Duration
	// Patience is how long a call asks again if no sidecar answers: long enough for a
	// restart. The time of the call bounds it too. 0: DefaultPatience. Negative: such a
	// call fails at once.
	Patience time.Duration
	// ReplyFunc, if set, gets the body of every success reply before it is decoded: for a
	// log, or for a tool that prints replies. It runs in the goroutine of the call. It
	// must not keep or change the body, and must be safe for concurrent use.
	ReplyFunc func(subject string, body []byte)
}

// Client calls the sidecar that serves one prefix. It needs no closing: the connection
// stays the caller's to close. Any number of goroutines may share a Client. The calls of
// a nil or zero Client return nats.ErrInvalidConnection. Calls with a nil context return
// nats.ErrInvalidContext.
type Client struct {
	connection *nats.Conn
	space      subjects.Space
	timeout    time.Duration
	patience   time.Duration
	replyFunc  func(subject string, body []byte)
}

// New makes a client on a connection. It returns an error for a nil connection, a
// negative Timeout or an invalid Prefix. It sends nothing: if no sidecar runs, the first
// call says so.
//
//	store, err := client.New(connection, client.Config{Prefix: "berlin.store", Timeout: time.Second})
func New(connection *nats.Conn, config Config) (*Client, error) {
	if connection == nil {
		return nil, errors.New("client.New: a connection is needed, as nats.Connect gives it")
	}
	if config.Timeout < 0 {
		return nil, fmt.Errorf("client.New: Timeout is %s, it cannot be negative", config.Timeout)
	}
	space, err := subjects.NewSpace(cmp.Or(config.Prefix, subjects.DefaultPrefix))
	if err != nil {
		return nil, fmt.Errorf("client.New: %w", err)
	}
	return &Client{
		connection: connection, space: space, replyFunc: config.ReplyFunc,
		timeout: cmp.Or(config.Timeout, DefaultTimeout), patience: cmp.Or(config.Patience, DefaultPatience),
	}, nil
}

// Revision returns a pointer to a revision, as the options take it. There, nil and 0 have
// different meanings.
//
//	client.SetOptions{IfRevision: client.Revision(0)} // only if the key does not exist
func Revision(revision uint64) *uint64 { return &revision }

// impatient returns a client on the same connection that does not wait for a sidecar. It
// is for callers with a retry of their own.
func (client *Client) impatient() *Client {
	impatient := *client
	impatient.patience = 0
	return &impatient
}
