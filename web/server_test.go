// SPDX-License-Identifier: EUPL-1.2

package web_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/web"
)

func stop(t *testing.T, server *web.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	assert.NoError(t, server.Stop(ctx))
}

func TestServer_Start_Good(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { taken.Close() })
	server, err := web.Start(web.Config{Address: taken.Addr().String(), AnyPort: true})
	require.NoError(t, err)
	address, err := url.Parse(server.URL())
	require.NoError(t, err)
	assert.Equal(t, "127.0.0.1", address.Hostname())
	assert.NotEqual(t, taken.Addr().String(), address.Host)
	stop(t, server)
	stop(t, server)
	everywhere, err := web.Start(web.Config{Address: ":0"})
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, everywhere) })
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/$`, everywhere.URL(), "where a browser on this machine finds it")
}

func TestServer_Start_Bad(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { taken.Close() })
	_, err = web.Start(web.Config{Address: taken.Addr().String()})
	assert.ErrorIs(t, err, web.ErrAddressInUse)
	assert.ErrorContains(t, err, taken.Addr().String())
	for _, address := range []string{"", "nowhere", "127.0.0.1:x", "192.0.2.7:0"} {
		_, err = web.Start(web.Config{Address: address, AnyPort: true})
		assert.Error(t, err, address)
	}
}

func TestServer_Open_Bad(t *testing.T) {
	waiting := []web.Reason{{Name: "broker", Message: "the broker is away"}}
	for _, reasons := range [][]web.Reason{nil, waiting} {
		server, err := web.Start(web.Config{Address: "127.0.0.1:0", Ready: func(context.Context) []web.Reason { return reasons }})
		require.NoError(t, err)
		t.Cleanup(func() { stop(t, server) })
		bench := &bench{t: t, server: server, client: &http.Client{}}
		t.Cleanup(bench.client.CloseIdleConnections)
		assert.Equal(t, http.StatusOK, bench.get("/healthz").status, "the process serves")
		ready := bench.get("/readyz")
		assert.Equal(t, http.StatusServiceUnavailable, ready.status)
		if reasons == nil {
			assert.JSONEq(t, `{"ready":false,"reasons":[{"name":"starting","message":"the sidecar is starting"}]}`, ready.body)
		} else {
			assert.JSONEq(t, `{"ready":false,"reasons":[{"name":"broker","message":"the broker is away"}]}`, ready.body)
		}
		for _, path := range []string{"/metrics", "/v1/admin/status", "/v1/acme/usage"} {
			assert.Equal(t, "unavailable", string(bench.get(path).failure(t).Name), path)
		}
		assert.Equal(t, http.StatusOK, bench.get("/").status, "the page says what it waits for")
	}
}

func TestServer_Ready_Good(t *testing.T) {
	bench := start(t, web.Config{})
	for _, path := range []string{"/healthz", "/readyz"} {
		answer := bench.ask(http.MethodHead, path)
		assert.Equal(t, http.StatusOK, answer.status)
		assert.Empty(t, answer.body)
		assert.Equal(t, "no-store", answer.header.Get("Cache-Control"))
	}
	assert.JSONEq(t, `{"ready":true,"reasons":[]}`, bench.get("/readyz").body)
}

func TestServer_Stop_Good(t *testing.T) {
	t.Run("EndsTheFeedsWithAWord", func(t *testing.T) {
		bench := start(t, web.Config{})
		bench.set("acme:config", "theme", "dark")
		feed := bench.follow("/v1/acme/changes?after=0")
		assert.Equal(t, uint64(1), feed.next().revision(t))
		var stopping sync.WaitGroup
		stopping.Go(func() { stop(t, bench.server) })
		last := feed.next()
		assert.Equal(t, "closed", last.event)
		assert.Contains(t, last.data, "the sidecar is shutting down")
		_, err := feed.frame()
		assert.ErrorIs(t, err, io.EOF)
		stopping.Wait()
		assert.Zero(t, bench.server.Streams())
		_, err = net.Dial("tcp", strings.Trim(strings.TrimPrefix(bench.server.URL(), "http:"), "/"))
		assert.Error(t, err, "nothing listens any more")
	})
}

func TestServer_Stop_Ugly(t *testing.T) {
	t.Run("CutsOffWhatIsInHandWhenItsTimeIsUp", func(t *testing.T) {
		entered, leave := make(chan struct{}), make(chan struct{})
		bench := start(t, web.Config{}, func(backend *web.Backend) {
			backend.Metrics = http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
				close(entered)
				<-request.Context().Done()
				close(leave)
			})
		})
		ended := make(chan error, 1)
		go func() {
			response, err := bench.client.Get(bench.server.URL() + "metrics")
			if err == nil {
				err = errors.Join(errors.New("there was an answer"), response.Body.Close())
			}
			ended <- err
		}()
		<-entered
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, bench.server.Stop(ctx), context.Canceled)
		<-leave
		assert.ErrorIs(t, <-ended, io.EOF)
	})
}
