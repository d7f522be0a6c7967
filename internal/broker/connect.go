// SPDX-License-Identifier: EUPL-1.2

// Package broker connects to a NATS server. It reads the secrets again before each attempt to
// connect again, because they may have changed.
package broker

import (
	"errors"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/synadia-io/orbit.go/natscontext"
)

// Target is a broker and the credentials for it.
type Target struct {
	// URL is one broker or several, with commas between them. If URL is empty, Context is the
	// name of a context of the nats tool; an empty Context is the selected one.
	URL     string
	Context string
	// Authorisation reads the credentials; nil leaves them to the URL and the context.
	Authorisation func() ([]nats.Option, error)
	// Renewed is called after the secrets were read again. With an error, the connection keeps
	// the secrets from before. Renewed must not call the connection. Nil is allowed.
	Renewed func(error)
}

// errRead ends a connection that was only asked for its options.
var errRead = errors.New("the options were read")

// secrets are the secrets of one connection.
type secrets struct {
	target     Target
	connection atomic.Pointer[nats.Conn]
}

// Connect connects once, with the options. Before it connects again, the returned connection
// reads the secrets in files again, also those of the context.
//
//	connection, err := broker.Connect(broker.Target{URL: "nats://broker:4222"}, nats.MaxReconnects(-1))
func Connect(target Target, options ...nats.Option) (*nats.Conn, error) {
	secrets := &secrets{target: target}
	identity, err := secrets.read()
	if err != nil {
		return nil, err
	}
	connection, err := target.dial(append(options, identity.applyTo, nats.ReconnectToServer(secrets.renew)))
	if err == nil {
		secrets.connection.Store(connection)
	}
	return connection, err
}

func (target *Target) dial(options []nats.Option) (*nats.Conn, error) {
	if target.URL != "" {
		return nats.Connect(target.URL, options...)
	}
	connection, _, err := natscontext.Connect(target.Context, options...)
	return connection, err
}

// renew reads the secrets before an attempt to connect again. The client still chooses the
// server. The client holds the connection's lock meanwhile, so that the options may be
// changed.
func (secrets *secrets) renew([]nats.Server, nats.ServerInfo) (*nats.Server, time.Duration) {
	connection := secrets.connection.Load()
	if connection == nil {
		return nil, 0
	}
	identity, err := secrets.read()
	if err == nil {
		err = identity.applyTo(&connection.Opts)
	}
	if secrets.target.Renewed != nil {
		secrets.target.Renewed(err)
	}
	return nil, 0
}

// read reads the present credentials from the files.
func (secrets *secrets) read() (*identity, error) {
	var options []nats.Option
	if secrets.target.Authorisation != nil {
		var err error
		if options, err = secrets.target.Authorisation(); err != nil {
			return nil, err
		}
	}
	read := &identity{}
	_, err := secrets.target.dial(append(options, func(options *nats.Options) error {
		read.copyFrom(options)
		return errRead
	}))
	if !errors.Is(err, errRead) {
		return nil, err
	}
	if secrets.target.URL == "" {
		read.takeUser()
	}
	return read, nil
}

// identity is the part of the options with the credentials.
type identity struct{ options nats.Options }

func (identity *identity) copyFrom(options *nats.Options) { identity.options = *options }

// takeUser removes the user from the addresses of a context, because an address keeps its
// first user. If the addresses do not all have the same user, each keeps its own.
func (identity *identity) takeUser() {
	var user *url.Userinfo
	bare := make([]string, len(identity.options.Servers))
	for index, address := range identity.options.Servers {
		parsed, err := url.Parse(strings.TrimSpace(address))
		if err != nil || parsed.User == nil || index > 0 && parsed.User.String() != user.String() {
			return
		}
		user, parsed.User = parsed.User, nil
		bare[index] = parsed.String()
	}
	if user == nil {
		return
	}
	options := &identity.options
	options.Servers = bare
	options.User, options.Password, options.UserInfo = "", "", nil
	options.Token, options.TokenHandler, options.Nkey = "", nil, ""
	if password, isUser := user.Password(); isUser {
		options.User, options.Password = user.Username(), password
	} else {
		options.Token = user.Username()
	}
}

// applyTo sets the options with the credentials.
func (identity *identity) applyTo(options *nats.Options) error {
	read := &identity.options
	options.Servers = read.Servers
	options.User, options.Password, options.UserInfo = read.User, read.Password, read.UserInfo
	options.Token, options.TokenHandler = read.Token, read.TokenHandler
	options.Nkey, options.UserJWT, options.SignatureCB = read.Nkey, read.UserJWT, read.SignatureCB
	return nil
}
