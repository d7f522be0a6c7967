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

// The bounds of a Server.
const (
	// MaxStreams is how many feeds of changes may be open; one more is 503.
	MaxStreams = 1000
	// maxConnections leaves room for everything else beside the feeds.
	maxConnections = MaxStreams + 256
	maxHeaderBytes = 64 << 10

	headerTimeout = 5 * time.Second
	idleTimeout   = time.Minute
	// replyTimeout is how long a request other than a feed may take.
	replyTimeout = 30 * time.Second
	// readerTimeout is how long the reader of a feed may take nothing that is written.
	readerTimeout = 10 * time.Second
	// aliveInterval is the time between two comments on a feed without changes.
	aliveInterval = 15 * time.Second
)

// MinTokenBytes is the length of the shortest token.
const MinTokenBytes = 16

// ErrAddressInUse is returned by Start if something else listens at the address.
var ErrAddressInUse = errors.New("the address is in use")

// Config says where a Server listens, and whom it lets in. Address is required.
type Config struct {
	// Address is a host and a port; port 0 picks a free one.
	Address string
	// AnyPort takes a free port of the same host if that of Address is in use.
	AnyPort bool
	// Token lets in whoever sends it as "Authorization: Bearer", or the one that TokenFile
	// holds, which is read again when the file has changed. Without either nobody is let in.
	Token     string
	TokenFile string
	// Ready gives the reasons why the sidecar is not ready; none: it is. It may take
	// until its context ends.
	Ready func(ctx context.Context) []Reason
	// AliveInterval is the time between two comments on a feed without changes; 0 is 15 s.
	AliveInterval time.Duration
	// ReaderTimeout is how long the reader of a feed may take nothing of it until it is
	// closed; 0 is 10 s.
	ReaderTimeout time.Duration
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}

// Backend is what a Server shows.
type Backend struct {
	// Service answers the verbs.
	Service *handler.Service
	// Metrics answers /metrics; nil is 404.
	Metrics http.Handler
	// Open says that anybody on this machine may read everything over NATS as well, and
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

	// serving ends when Stop begins: the feeds end then.
	serving context.Context //nolint:containedctx // its end is the server's, no call's
	stop    context.CancelFunc
	ended   sync.WaitGroup
}

// Start listens, and answers /healthz and /readyz at once; everything else is 503 until
// Open. Stop ends it.
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
func (server *Server) Open(backend Backend) { server.backend.Store(&backend) }

// URL is where a browser on this machine finds the server.
func (server *Server) URL() string {
	host, port, _ := net.SplitHostPort(server.listener.Addr().String())
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port) + "/"
}

// Streams is how many feeds of changes are open.
func (server *Server) Streams() int { return int(server.streams.Load()) }

// Stop takes no more requests, ends the feeds, and waits for the rest until ctx ends;
// what is left then is cut off. It may be called more than once.
func (server *Server) Stop(ctx context.Context) error {
	server.stop()
	err := server.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("web.Stop: %w", err), server.server.Close())
	}
	server.ended.Wait()
	return err
}
