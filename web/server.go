// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/netutil"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/internal/platform"
)

// The limits of a Server.
const (
	// MaxStreams is the most feeds of changes that may be open. One more gets 503.
	MaxStreams = 1000
	// maxConnections leaves room for other requests beside the feeds.
	maxConnections = MaxStreams + 256
	maxHeaderBytes = 64 << 10

	headerTimeout = 5 * time.Second
	idleTimeout   = time.Minute
	// replyTimeout is the longest time for a request other than a feed.
	replyTimeout = 30 * time.Second
	// readerTimeout is how long the reader of a feed may take no data.
	readerTimeout = 10 * time.Second
	// aliveInterval is the time between two comments on a feed without changes.
	aliveInterval = 15 * time.Second
)

// MinTokenBytes is the least length of a token.
const MinTokenBytes = 16

// ErrAddressInUse says that another program listens at the address. Start returns it.
var ErrAddressInUse = errors.New("the address is in use")

// Config configures a Server: its address, and its token. Address is required.
type Config struct {
	// Address is a host and a port. Port 0 picks a free port.
	Address string
	// AnyPort takes a free port of the same host if the port of Address is in use.
	AnyPort bool
	// Token admits requests with the header "Authorization: Bearer TOKEN". It has
	// MinTokenBytes or more. TokenFile names a file with the token instead; the file is
	// read again when it has changed. Without either, no request can have a valid token.
	Token     string
	TokenFile string
	// Ready returns the reasons why the sidecar is not ready, and none if it is ready. It
	// may run until its context ends.
	Ready func(ctx context.Context) []Reason
	// AliveInterval is the time between two comments on a feed without changes. 0: 15 s.
	AliveInterval time.Duration
	// ReaderTimeout is how long the reader of a feed may take no data until the feed is
	// closed. 0: 10 s.
	ReaderTimeout time.Duration
	// Logger gets messages for an operator. Nil: they are discarded.
	Logger *slog.Logger
}

// Backend has the data that a Server shows.
type Backend struct {
	// Service answers the verbs.
	Service *handler.Service
	// Metrics answers /metrics. Nil: /metrics is 404.
	Metrics http.Handler
	// Open says that everybody on this machine may read everything over NATS, and so
	// needs no token here.
	Open bool
}

// Server is a running HTTP server.
type Server struct {
	config   Config
	listener net.Listener
	server   *http.Server
	loopback bool
	host     string
	token    *token

	backend atomic.Pointer[Backend]
	streams atomic.Int64

	// serving ends when Stop begins. The feeds end then.
	serving context.Context //nolint:containedctx // its end is the server's, no call's
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// Start listens, and answers /healthz and /readyz at once. Every other path except the
// page gets 503 until Open is called. Stop ends the server. Start returns ErrAddressInUse
// if the port is in use and AnyPort is false, and an error for an invalid address or
// token.
//
//	server, err := web.Start(web.Config{Address: "127.0.0.1:4280"})
func Start(config Config) (*Server, error) {
	config = config.withDefaults()
	token, err := newToken(config.Token, config.TokenFile, config.Logger)
	if err != nil {
		return nil, fmt.Errorf("web.Start: %w", err)
	}
	host, _, err := net.SplitHostPort(config.Address)
	if err != nil {
		return nil, fmt.Errorf("web.Start: the address is a host and a port: %w", err)
	}
	listener, err := listen(config.Address, config.AnyPort)
	if err != nil {
		return nil, fmt.Errorf("web.Start: %w", err)
	}
	server := &Server{config: config, listener: listener, host: host, token: token}
	server.loopback = isLoopback(listener.Addr().String())
	server.serving, server.stop = context.WithCancel(context.Background())
	server.server = &http.Server{
		Handler:           server.routes(),
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       replyTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(server.config.Logger.Handler(), slog.LevelDebug),
	}
	server.ended.Go(func() {
		if err := server.server.Serve(netutil.LimitListener(listener, maxConnections)); !errors.Is(err, http.ErrServerClosed) {
			server.config.Logger.Error("HTTP is no longer served", "error", err)
		}
	})
	return server, nil
}

func (config Config) withDefaults() Config {
	if config.AliveInterval == 0 {
		config.AliveInterval = aliveInterval
	}
	if config.ReaderTimeout == 0 {
		config.ReaderTimeout = readerTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.Ready == nil {
		config.Ready = func(context.Context) []Reason { return nil }
	}
	return config
}

func listen(address string, anyPort bool) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil || !platform.IsAddressInUse(err) {
		return listener, err
	}
	if !anyPort {
		return nil, fmt.Errorf("%w: %s", ErrAddressInUse, address)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}

// Open shows a backend from now on.
//
//	server.Open(web.Backend{Service: service, Metrics: metrics.NewHandler(source)})
func (server *Server) Open(backend Backend) { server.backend.Store(&backend) }

// URL returns the address of the server for a browser on this machine:
// "http://127.0.0.1:4280/".
func (server *Server) URL() string {
	host, port, _ := net.SplitHostPort(server.listener.Addr().String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// Streams returns the number of open feeds of changes.
func (server *Server) Streams() int { return int(server.streams.Load()) }

// Stop takes no more requests, ends the feeds, and waits for the other requests until ctx
// ends. Requests that are left then are cut off, and Stop returns an error. It may be
// called more than once.
func (server *Server) Stop(ctx context.Context) error {
	server.stop()
	err := server.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("web.Stop: %w", err), server.server.Close())
	}
	server.ended.Wait()
	return err
}
