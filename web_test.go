// SPDX-License-Identifier: EUPL-1.2

package storebus_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/web"
)

const httpToken = "a-token-of-some-length"

// tokenFile is a file with httpToken.
func tokenFile(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "http.token")
	require.NoError(t, os.WriteFile(path, []byte(httpToken+"\n"), 0o600))
	return path
}

// get asks a sidecar over HTTP, with the token if it is not empty.
func get(t testing.TB, url, path, token string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+path, nil)
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text)
}

func statusOf(t testing.TB, url, path, token string) int {
	t.Helper()
	status, _ := get(t, url, path, token)
	return status
}

func TestWeb_Start_Good(t *testing.T) {
	t.Run("IsOffUnlessAskedFor", func(t *testing.T) {
		assert.Empty(t, start(t, storebus.Config{}).HTTPURL())
	})
	t.Run("ShowsASidecarWithABrokerOfItsOwn", func(t *testing.T) {
		for _, listen := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
			sidecar := start(t, storebus.Config{HTTPAddress: "127.0.0.1:0", Listen: listen, Insecure: true})
			request(t, connect(t, sidecar.NATSURL()), "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)
			for path, text := range map[string]string{
				"/healthz": `"healthy":true`, "/readyz": `"ready":true`, "/metrics": `storebus_requests_total{code="200",verb="set"} 1`,
				"/v1/admin/status": sidecar.StoreID(), "/v1/acme/config/theme": "dark", "/": "storebus",
			} {
				status, body := get(t, sidecar.HTTPURL(), path, "")
				assert.Equal(t, http.StatusOK, status, path)
				assert.Contains(t, body, text, path)
			}
		}
	})
	t.Run("TakesAnotherPortIfItMay", func(t *testing.T) {
		first := start(t, storebus.Config{HTTPAddress: "127.0.0.1:0"})
		address := strings.Trim(strings.TrimPrefix(first.HTTPURL(), "http:"), "/")
		second := start(t, storebus.Config{HTTPAddress: address, HTTPAnyPort: true})
		assert.NotEqual(t, first.HTTPURL(), second.HTTPURL())
		assert.Equal(t, http.StatusOK, statusOf(t, second.HTTPURL(), "/readyz", ""))
	})
	t.Run("WithTheTokenShowsASidecarOnAnOutsideBroker", func(t *testing.T) {
		broker := startBroker(t, &server.Options{})
		sidecar := start(t, storebus.Config{HTTPAddress: "127.0.0.1:0", HTTPTokenFile: tokenFile(t), NATS: storebus.NATSConfig{URL: broker.ClientURL()}})
		request(t, connect(t, broker.ClientURL()), "store.acme.set", `{"group":"config","key":"theme","value":"dark"}`)
		assert.Equal(t, http.StatusOK, statusOf(t, sidecar.HTTPURL(), "/v1/acme/config/theme", httpToken))
		for _, path := range []string{"/metrics", "/v1/admin/status", "/v1/admin/namespaces", "/v1/acme/usage", "/"} {
			assert.Equal(t, http.StatusOK, statusOf(t, sidecar.HTTPURL(), path, ""), "counts and states need none: %s", path)
		}
	})
}

func TestWeb_Start_Bad(t *testing.T) {
	t.Parallel()
	t.Run("AnOutsideBrokersValuesAreNotShownToEverybody", func(t *testing.T) {
		broker := startBroker(t, &server.Options{})
		sidecar := start(t, storebus.Config{HTTPAddress: "127.0.0.1:0", NATS: storebus.NATSConfig{URL: broker.ClientURL()}})
		request(t, connect(t, broker.ClientURL()), "store.acme.set", `{"group":"config","key":"theme","value":"secret"}`)
		for _, path := range []string{"/v1/acme/config/theme", "/v1/acme/get?group=config&key=theme", "/v1/acme/scan", "/v1/acme/groups", "/v1/acme/changes?after=0"} {
			status, body := get(t, sidecar.HTTPURL(), path, "")
			assert.Equal(t, http.StatusUnauthorized, status, path)
			assert.NotContains(t, body, "secret")
			assert.Equal(t, http.StatusUnauthorized, statusOf(t, sidecar.HTTPURL(), path, "x"), path)
		}
	})
	t.Run("WordsOfTheJournalsEndpointAreNotShownToEverybody", func(t *testing.T) {
		endpoint := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
			writer.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(writer, `{"message":"cannot store deploy who=secret"}`)
		}))
		t.Cleanup(endpoint.Close)
		broker := startBroker(t, &server.Options{})
		sidecar := start(t, storebus.Config{
			HTTPAddress: "127.0.0.1:0", HTTPTokenFile: tokenFile(t), NATS: storebus.NATSConfig{URL: broker.ClientURL()},
			Journal: storebus.JournalConfig{URL: endpoint.URL, Bucket: "journal"},
		})
		connection := connect(t, broker.ClientURL())
		request(t, connection, "store.acme.journal_commit", `{"measurement":"deploy","fields":{"who":"secret"}}`)
		request(t, connection, "store.admin.flush", ``)
		for _, path := range []string{"/v1/admin/status", "/v1/admin/statistics", "/v1/admin/namespaces", "/v1/acme/usage", "/metrics", "/readyz"} {
			status, body := get(t, sidecar.HTTPURL(), path, "")
			assert.NotEqual(t, http.StatusUnauthorized, status, path)
			assert.NotContains(t, body, "secret", path)
		}
		_, brief := get(t, sidecar.HTTPURL(), "/v1/admin/status", "")
		assert.Contains(t, brief, `"last_error":"`, "that it fails is a state")
		assert.Contains(t, brief, `"pending":1`)
		_, whole := get(t, sidecar.HTTPURL(), "/v1/admin/status", httpToken)
		assert.Contains(t, whole, "who=secret")
	})
	t.Run("WhatCannotBeServedIsAnErrorOfStart", func(t *testing.T) {
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { taken.Close() })
		empty := filepath.Join(t.TempDir(), "empty")
		require.NoError(t, os.WriteFile(empty, []byte(" \n"), 0o600))
		for text, config := range map[string]storebus.Config{
			taken.Addr().String():     {HTTPAddress: taken.Addr().String()},
			"no such file":            {HTTPAddress: "127.0.0.1:0", HTTPTokenFile: filepath.Join(t.TempDir(), "absent")},
			"use 16 or more":          {HTTPAddress: "127.0.0.1:0", HTTPTokenFile: empty},
			"need HTTPAddress":        {HTTPTokenFile: empty},
			"HTTPAnyPort need":        {HTTPAnyPort: true},
			"missing port in address": {HTTPAddress: "127.0.0.1"},
		} {
			_, err := storebus.Start(t.Context(), withTestDefaults(config))
			assert.ErrorContains(t, err, text)
		}
		_, err = storebus.Start(t.Context(), withTestDefaults(storebus.Config{HTTPAddress: taken.Addr().String()}))
		assert.ErrorIs(t, err, web.ErrAddressInUse)
	})
}

func TestReadiness_Reasons_Ugly_TheBrokerIsAway(t *testing.T) {
	t.Parallel()
	options := &server.Options{}
	broker := startBroker(t, options)
	address := broker.Addr().(*net.TCPAddr) //nolint:forcetypeassert,errcheck // a broker listens on TCP
	sidecar := start(t, storebus.Config{HTTPAddress: "127.0.0.1:0", NATS: storebus.NATSConfig{URL: broker.ClientURL()}})
	require.Equal(t, http.StatusOK, statusOf(t, sidecar.HTTPURL(), "/readyz", ""))
	broker.Shutdown()
	broker.WaitForShutdown()
	require.Eventually(t, func() bool { return statusOf(t, sidecar.HTTPURL(), "/readyz", "") == http.StatusServiceUnavailable }, patience, 10*time.Millisecond)
	_, body := get(t, sidecar.HTTPURL(), "/readyz", "")
	assert.Contains(t, body, `{"name":"broker","message":"a connection to the broker is away`)
	assert.Equal(t, http.StatusOK, statusOf(t, sidecar.HTTPURL(), "/healthz", ""), "the process serves")
	assert.Equal(t, http.StatusOK, statusOf(t, sidecar.HTTPURL(), "/v1/admin/status", ""))
	startBroker(t, &server.Options{Port: address.Port})
	require.Eventually(t, func() bool { return statusOf(t, sidecar.HTTPURL(), "/readyz", "") == http.StatusOK }, patience, 10*time.Millisecond)
}

func TestReadiness_Reasons_Ugly_TheBrokerIsAwayAtTheStart(t *testing.T) {
	t.Parallel()
	broker := startBroker(t, &server.Options{})
	address := broker.Addr().(*net.TCPAddr) //nolint:forcetypeassert,errcheck // a broker listens on TCP
	broker.Shutdown()
	broker.WaitForShutdown()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())
	waiting := newLogs()
	started := make(chan *storebus.Sidecar, 1)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go func() {
		sidecar, err := storebus.Start(ctx, withTestDefaults(storebus.Config{
			HTTPAddress: free.Addr().String(), NATS: storebus.NATSConfig{URL: broker.ClientURL()}, Logger: waiting.logger(),
		}))
		assert.NoError(t, err)
		started <- sidecar
	}()
	waiting.waitFor(t, "the broker is away: waiting for it")
	url := "http://" + free.Addr().String()
	status, body := get(t, url, "/readyz", "")
	assert.Equal(t, http.StatusServiceUnavailable, status)
	assert.JSONEq(t, `{"ready":false,"reasons":[{"name":"broker","message":"the broker is away: the sidecar waits for it"}]}`, body)
	assert.Equal(t, http.StatusOK, statusOf(t, url, "/healthz", ""))
	assert.Equal(t, http.StatusServiceUnavailable, statusOf(t, url, "/v1/admin/status", ""))
	startBroker(t, &server.Options{Port: address.Port})
	sidecar := <-started
	require.NotNil(t, sidecar)
	t.Cleanup(func() { require.NoError(t, sidecar.Close()) })
	assert.Equal(t, http.StatusOK, statusOf(t, url, "/readyz", ""))
}

func TestWeb_Close_Good(t *testing.T) {
	broker := startBroker(t, &server.Options{})
	first := start(t, storebus.Config{HTTPAddress: "127.0.0.1:0", NATS: storebus.NATSConfig{URL: broker.ClientURL()}})
	assert.NoError(t, first.Close())
	_, err := net.Dial("tcp", strings.Trim(strings.TrimPrefix(first.HTTPURL(), "http:"), "/"))
	assert.Error(t, err, "nothing listens any more")
	assert.NoError(t, first.Close())
}
