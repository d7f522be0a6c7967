// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// admitted says whether a request from an address is let in; nothing is behind the door.
func admitted(t *testing.T, server *Server, remote, path string, headers ...string) bool {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, path, nil)
	request.RemoteAddr, request.Host = remote, "storebus.example"
	for index := 0; index < len(headers); index += 2 {
		request.Header.Set(headers[index], headers[index+1])
	}
	if host := request.Header.Get("Host"); host != "" {
		request.Host = host
	}
	recorder := httptest.NewRecorder()
	server.server.Handler.ServeHTTP(recorder, request)
	return recorder.Code != http.StatusUnauthorized && recorder.Code != http.StatusForbidden
}

func TestAccess_Admit_Bad_BeyondThisMachine(t *testing.T) {
	const token = "a-token-of-some-length"
	server, err := Start(Config{Address: "0.0.0.0:0", Token: token})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	for _, remote := range []string{"192.0.2.7:4711", "[2001:db8::1]:4711", "[fe80::1%eth0]:4711", "nonsense"} {
		for _, path := range []string{"/healthz", "/readyz", "/", "/index.html"} {
			assert.True(t, admitted(t, server, remote, path), "%s holds nothing", path)
		}
		for _, path := range []string{"/metrics", "/v1/admin/status", "/v1/admin/statistics", "/v1/acme/usage", "/v1/acme/get", "/v1/acme/changes", "/v1/acme/config/theme"} {
			assert.False(t, admitted(t, server, remote, path), "%s %s", remote, path)
			assert.False(t, admitted(t, server, remote, path, "Host", "127.0.0.1"), "%s %s", remote, path)
			assert.False(t, admitted(t, server, remote, path, "Host", "localhost"), "%s %s", remote, path)
			assert.True(t, admitted(t, server, remote, path, "Authorization", "Bearer "+token), "%s %s", remote, path)
		}
	}
	for _, near := range []string{"127.0.0.1:4711", "127.9.9.9:4711", "[::1]:4711", "[::ffff:127.0.0.1]:4711"} {
		assert.True(t, admitted(t, server, near, "/metrics", "Host", "127.0.0.1"))
		assert.False(t, admitted(t, server, near, "/metrics"), "a name that is not the server's")
	}
}
