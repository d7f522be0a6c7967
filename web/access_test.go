// SPDX-License-Identifier: EUPL-1.2

package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/web"
)

const token = "a-token-of-some-length"

// Every route, by who may have it without a token.
var (
	healthRoutes = []string{"/healthz", "/readyz"}
	pageRoutes   = []string{"/", "/index.html", "/nothing"}
	countRoutes  = []string{"/metrics", "/v1/admin/status", "/v1/admin/namespaces", "/v1/admin/describe", "/v1/admin/statistics", "/v1/admin/quota?namespace=acme", "/v1/acme/usage"}
	valueRoutes  = []string{
		"/v1/acme/get?group=config&key=theme", "/v1/acme/list?group=config", "/v1/acme/scan", "/v1/acme/groups", "/v1/acme/count", "/v1/acme/workspaces",
		"/v1/acme/journal_status", "/v1/acme/changes?wait=1", "/v1/acme/config/theme", "/v1/acme/set?key=a&value=b", "/v1/acme/nothing", "/v1/nothing",
	}
)

func routes(lists ...[]string) (all []string) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// refused says whether a request was turned away for who has sent it.
func refused(answer answer) bool {
	return answer.status == http.StatusUnauthorized || answer.status == http.StatusForbidden
}

func withMetrics(backend *web.Backend) {
	backend.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
}

func TestAccess_Admit_Good(t *testing.T) {
	t.Run("AnOpenBrokerShowsEverythingOnThisMachine", func(t *testing.T) {
		bench := start(t, web.Config{}, withMetrics)
		for _, path := range routes(healthRoutes, pageRoutes, countRoutes, valueRoutes) {
			assert.False(t, refused(bench.get(path)), path)
		}
	})
	t.Run("TheTokenShowsEverything", func(t *testing.T) {
		bench := start(t, web.Config{Token: token}, withMetrics, func(backend *web.Backend) { backend.Open = false })
		for _, path := range routes(healthRoutes, pageRoutes, countRoutes, valueRoutes) {
			for _, scheme := range []string{"Bearer ", "bearer "} {
				assert.False(t, refused(bench.get(path, "Authorization", scheme+token, "X-Forwarded-For", "192.0.2.7", "Host", "storebus.example")), path)
			}
		}
	})
	t.Run("WithoutTheTokenCountsAreShownOnThisMachine", func(t *testing.T) {
		bench := start(t, web.Config{Token: token}, withMetrics, func(backend *web.Backend) { backend.Open = false })
		for _, path := range routes(healthRoutes, pageRoutes, countRoutes) {
			assert.False(t, refused(bench.get(path)), path)
		}
	})
	t.Run("NamesOfThisMachineAndItsOwnOriginMayAsk", func(t *testing.T) {
		bench := start(t, web.Config{Address: "localhost:0"})
		port := strings.TrimSuffix(bench.server.URL()[strings.LastIndex(bench.server.URL(), ":"):], "/")
		for _, host := range []string{"127.0.0.1", "localhost", "LOCALHOST", "[::1]", "192.0.2.7"} {
			assert.Equal(t, http.StatusOK, bench.get("/v1/admin/status", "Host", host+port, "Origin", "http://"+host+port).status, host)
			assert.Equal(t, http.StatusOK, bench.get("/v1/admin/status", "Host", host, "Sec-Fetch-Site", "same-origin").status, host)
		}
		assert.Equal(t, http.StatusOK, bench.get("/", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate").status, "a link to the page")
	})
}

func TestAccess_Admit_Bad(t *testing.T) {
	t.Run("WithoutTheTokenNoValueIsShownIfTheBrokerAsksForCredentials", func(t *testing.T) {
		bench := start(t, web.Config{Token: token}, func(backend *web.Backend) { backend.Open = false })
		for _, path := range valueRoutes {
			answer := bench.get(path)
			assert.Equal(t, "unauthorised", string(answer.failure(t).Name), path)
			assert.Equal(t, `Bearer realm="storebus"`, answer.header.Get("WWW-Authenticate"))
			assert.Contains(t, answer.body, "Authorization: Bearer")
		}
	})
	t.Run("SaysHowToHaveATokenIfThereIsNone", func(t *testing.T) {
		bench := start(t, web.Config{}, func(backend *web.Backend) { backend.Open = false })
		assert.Contains(t, bench.get("/v1/acme/config/theme").body, "--http-token-file")
		assert.Equal(t, http.StatusUnauthorized, bench.get("/v1/acme/config/theme", "Authorization", "Bearer ").status)
	})
	t.Run("AWrongTokenIsWorseThanNone", func(t *testing.T) {
		bench := start(t, web.Config{Token: token})
		for _, wrong := range []string{"", "x", token + "x", token[1:], strings.ToUpper(token)} {
			assert.Equal(t, http.StatusUnauthorized, bench.get("/v1/admin/status", "Authorization", "Bearer "+wrong).status, wrong)
		}
		assert.Equal(t, http.StatusOK, bench.get("/v1/admin/status", "Authorization", "Basic "+token).status, "it is no bearer's, and none is needed")
	})
	t.Run("WhatComesThroughAProxyIsFarAway", func(t *testing.T) {
		bench := start(t, web.Config{Token: token})
		for _, header := range []string{
			"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "X-Forwarded", "X-Real-Ip", "Via",
			"CF-Connecting-IP", "True-Client-IP", "X-Client-IP",
		} {
			for _, value := range []string{"192.0.2.7", "127.0.0.1", ""} {
				for _, path := range routes(countRoutes, valueRoutes) {
					assert.Equal(t, http.StatusUnauthorized, bench.get(path, header, value).status, "%s: %s %s", header, value, path)
				}
			}
		}
	})
	t.Run("ANameThatIsNotTheServersIsRefused", func(t *testing.T) {
		bench := start(t, web.Config{})
		for _, host := range []string{"evil.example", "evil.example:4280", "127.0.0.1.evil.example", "localhost.evil.example"} {
			for _, path := range routes(pageRoutes, countRoutes, valueRoutes) {
				assert.Equal(t, "forbidden", string(bench.get(path, "Host", host).failure(t).Name), "%s %s", host, path)
				assert.Equal(t, "forbidden", string(bench.get(path, "Host", host, "Origin", "http://"+host).failure(t).Name), "its own origin, by another name")
			}
		}
	})
	t.Run("APageOfAnotherOriginIsRefused", func(t *testing.T) {
		bench := start(t, web.Config{Token: token})
		own := strings.Trim(strings.TrimPrefix(bench.server.URL(), "http://"), "/")
		for _, path := range routes(pageRoutes, countRoutes, valueRoutes) {
			for _, headers := range [][]string{
				{"Origin", "https://evil.example"}, {"Origin", "http://127.0.0.1:1"}, {"Origin", "null"}, {"Origin", "%"}, {"Origin", ""},
				{"Origin", "http://evil.example@" + own}, {"Origin", "ftp://" + own}, {"Origin", own}, {"Origin", "http://" + own + ", https://evil.example"},
				{"Origin", "http://" + own + ".evil.example"}, {"Origin", "http://" + own, "Origin", "https://evil.example"},
				{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, {"Sec-Fetch-Site", "same-site"},
				{"Origin", "https://evil.example", "Authorization", "Bearer " + token},
			} {
				assert.Equal(t, http.StatusForbidden, bench.get(path, headers...).status, "%s %s", path, headers)
			}
		}
	})
	t.Run("NothingBesideTheHeaderIsAToken", func(t *testing.T) {
		bench := start(t, web.Config{Token: token}, func(backend *web.Backend) { backend.Open = false })
		bench.set("acme:config", "theme", "the secret value")
		for _, path := range []string{
			"/v1/acme/config/theme?token=" + token, "/v1/acme/config/theme?access_token=" + token, "/v1/acme/config/theme?Authorization=Bearer+" + token,
			"/%76%31/acme/config/theme", "/v1/acme/usage%2f..%2fconfig/theme", "/v1/admin%2f..%2facme/config/theme", "/v1/acme/usage/theme",
			"/v1/acme/usage/", "/v1/acme/USAGE", "/v1/acme/get%3Fgroup=config", "/v1/acme/config%00/theme", "/v1/acme/%2e%2e/theme",
		} {
			for _, headers := range [][]string{
				nil, {"Cookie", "token=" + token}, {"Proxy-Authorization", "Bearer " + token}, {"X-Authorization", "Bearer " + token}, {"Authorization", "Basic " + token},
				{"Authorization", token}, {"X-Original-URL", "/v1/admin/status"}, {"Host", "localhost"}, {"Accept", "application/json"},
			} {
				for _, method := range []string{http.MethodGet, http.MethodHead} {
					answer := bench.ask(method, path, headers...)
					assert.Equal(t, http.StatusUnauthorized, answer.status, "%s %s %s", method, path, headers)
					assert.NotContains(t, answer.body, "secret")
				}
			}
		}
	})
	t.Run("APathThatMeansAnotherIsRefused", func(t *testing.T) {
		bench := start(t, web.Config{})
		bench.set("acme:config", "a/b", "the value of another key")
		for _, path := range []string{
			"/v1/acme/config/a//b", "/v1//acme/config/a/b", "//v1/acme/config/a/b", "/x/../v1/acme/config/a/b", "/./v1/acme/config/a/b", "/healthz/../v1/acme/config/a/b",
			"/v1/acme/config/./a/b", "/v1/acme/config/x/../a/b", "/v1/admin/../acme/config/a/b", "//evil.example/..", "/\\evil.example/./x", "/v1/acme/.", "/..",
		} {
			for _, headers := range [][]string{nil, {"Host", "evil.example"}} {
				assert.Equal(t, "bad_request", string(bench.get(path, headers...).failure(t).Name), path)
			}
		}
	})
	t.Run("NoMethodChangesAnything", func(t *testing.T) {
		bench := start(t, web.Config{Token: token})
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "PROPFIND"} {
			for _, path := range routes(healthRoutes, pageRoutes, countRoutes, valueRoutes) {
				answer := bench.ask(method, path, "Authorization", "Bearer "+token)
				assert.Equal(t, "method_not_allowed", string(answer.failure(t).Name), "%s %s", method, path)
				assert.Equal(t, "GET, HEAD", answer.header.Get("Allow"))
				assert.Empty(t, answer.header.Get("Access-Control-Allow-Origin"))
			}
		}
	})
}

func TestAccess_SecurityHeaders_Good(t *testing.T) {
	bench := start(t, web.Config{})
	bench.set("acme:config", "theme", "<script>alert(1)</script>")
	bench.set("acme:config", "bytes", "\xff\x00")
	for _, path := range routes(healthRoutes, pageRoutes, countRoutes, valueRoutes) {
		header := bench.get(path).header
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "DENY", header.Get("X-Frame-Options"), path)
		assert.Equal(t, "no-referrer", header.Get("Referrer-Policy"), path)
		assert.Equal(t, "same-origin", header.Get("Cross-Origin-Resource-Policy"), path)
		policy := header.Get("Content-Security-Policy")
		assert.Regexp(t, "^default-src '(self|none)'; ", policy, path)
		assert.Contains(t, policy, "frame-ancestors 'none'", path)
		assert.NotContains(t, policy, "unsafe", path)
	}
	t.Run("AValueOfHTMLCannotRunAScript", func(t *testing.T) {
		answer := bench.get("/v1/acme/config/theme")
		assert.Equal(t, "<script>alert(1)</script>", answer.body)
		assert.Equal(t, "text/plain; charset=utf-8", answer.header.Get("Content-Type"))
		assert.Equal(t, "default-src 'none'; frame-ancestors 'none'; sandbox", answer.header.Get("Content-Security-Policy"))
		assert.Equal(t, "application/octet-stream", bench.get("/v1/acme/config/bytes").header.Get("Content-Type"))
		assert.Equal(t, "application/json", bench.get("/v1/acme/get?group=config&key=theme").header.Get("Content-Type"))
		assert.Equal(t, "application/json", bench.get("/v1/acme/<script>").header.Get("Content-Type"), "what is told of a path is no page")
	})
}
