// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"net"
	"net/http"
	"slices"
	"strings"

	"dappco.re/go/storebus/subjects"
)

// audience is the group of requesters that a route is for.
type audience int

const (
	// everybody may see a route that says nothing about stored data.
	everybody audience = iota
	// thisMachine is for requesters on this machine, without a token. These routes have
	// counts and states, and no values.
	thisMachine
	// readers may read values: everybody on this machine if the broker permits it, and
	// everybody with the token.
	readers
)

// The errors that only HTTP has.
var (
	errUnauthorised     = &subjects.Error{Code: http.StatusUnauthorized, Name: "unauthorised"}
	errForbidden        = &subjects.Error{Code: http.StatusForbidden, Name: "forbidden"}
	errMethodNotAllowed = &subjects.Error{Code: http.StatusMethodNotAllowed, Name: "method_not_allowed"}
)

// forwardingHeaders are the headers of a proxy, as is every header that begins with
// X-Forwarded. Behind a proxy, a distant requester looks near.
var forwardingHeaders = []string{
	"Forwarded", "Via", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Forwarded-For", "X-Envoy-External-Address",
	"Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Fastly-Client-Ip", "Fly-Client-Ip",
}

// admit returns the error for a request that may not use a route, or nil.
func (server *Server) admit(request *http.Request, audience audience) *subjects.Error {
	if failure := checkOrigin(request); failure != nil {
		return failure
	}
	scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		if server.token.matches(strings.TrimSpace(token)) {
			return nil
		}
		return errUnauthorised.New("the token is not the one of --http-token-file")
	}
	if audience == everybody && !server.loopback {
		return nil
	}
	if failure := server.checkHost(request); failure != nil {
		return failure
	}
	switch {
	case audience == everybody:
		return nil
	case !isNear(request):
		return server.needsToken("beyond this machine everything but /healthz and /readyz needs the token")
	case audience == readers && !server.isOpen():
		return server.needsToken("values, keys and changes need the token, because the broker is not the sidecar's own or asks for credentials")
	}
	return nil
}

func (server *Server) isOpen() bool {
	backend := server.backend.Load()
	return backend != nil && backend.Open
}

func (server *Server) needsToken(reason string) *subjects.Error {
	if !server.token.exists() {
		return errUnauthorised.New(reason + ": start the sidecar with --http-token-file")
	}
	return errUnauthorised.New(reason + ": send it as Authorization: Bearer")
}

// checkOrigin refuses requests from pages of another origin.
func checkOrigin(request *http.Request) *subjects.Error {
	switch request.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		if request.Header.Get("Sec-Fetch-Mode") != "navigate" {
			return errForbidden.New("a page of another origin may not read from here")
		}
	}
	// An Origin that is there names this server, each of them if there are several.
	for _, origin := range request.Header["Origin"] {
		scheme, host, _ := strings.Cut(origin, "://")
		if scheme != "http" && scheme != "https" || !strings.EqualFold(host, request.Host) {
			return errForbidden.New("a page of another origin may not read from here")
		}
	}
	return nil
}

// checkHost refuses a host name that is not this server's: a page of another site may let
// its own name point here. An IP address cannot do that.
func (server *Server) checkHost(request *http.Request) *subjects.Error {
	host := hostOf(request.Host)
	if net.ParseIP(host) != nil || strings.EqualFold(host, "localhost") || server.host != "" && strings.EqualFold(host, server.host) {
		return nil
	}
	return errForbidden.New("this server has another name: use its address, localhost or the host that --http gives")
}

func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

// isNear reports whether a request comes from this machine, and not through a proxy.
func isNear(request *http.Request) bool {
	for name := range request.Header {
		if strings.HasPrefix(name, "X-Forwarded") || slices.Contains(forwardingHeaders, name) {
			return false
		}
	}
	return isLoopback(request.RemoteAddr)
}

func isLoopback(address string) bool {
	ip := net.ParseIP(hostOf(address))
	return ip != nil && ip.IsLoopback()
}
