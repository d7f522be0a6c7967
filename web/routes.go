// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"embed"
	"io/fs"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dappco.re/go/storebus/subjects"
)

//go:embed page
var pageFiles embed.FS

// pagePolicy lets the page use only files from this server, and images that the page
// makes from values.
const pagePolicy = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// valuePolicy lets a value do nothing in a browser, whatever its type.
const valuePolicy = "default-src 'none'; frame-ancestors 'none'; sandbox"

// routes has every path of the server.
func (server *Server) routes() http.Handler {
	page, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", server.health)
	mux.HandleFunc("/readyz", server.ready)
	mux.HandleFunc("/metrics", server.guard(thisMachine, server.metrics))
	mux.HandleFunc("/v1/admin/statistics", server.guard(thisMachine, server.statistics))
	mux.HandleFunc("/v1/admin/{verb}", server.guard(thisMachine, server.adminVerb))
	mux.HandleFunc("/v1/{namespace}/{verb}", server.guardedVerb)
	mux.HandleFunc("/v1/{namespace}/{group}/{key...}", server.guard(readers, server.value))
	mux.HandleFunc("/v1/", server.guard(readers, unknownPath))
	mux.HandleFunc("/", server.guard(everybody, http.FileServerFS(page).ServeHTTP))
	return readOnly(mux)
}

// readOnly refuses every method that could change something, bounds the time of a
// request, and sets the headers that restrict a browser.
func readOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		header := writer.Header()
		header.Set("Content-Security-Policy", pagePolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Opener-Policy", "same-origin")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Cache-Control", "no-cache")
		if request.Method != http.MethodGet && request.Method != http.MethodHead {
			header.Set("Allow", "GET, HEAD")
			writeError(writer, errMethodNotAllowed.New("this server is for reading: use GET, and NATS to write"))
			return
		}
		if isUnclean(request.URL.EscapedPath()) {
			writeError(writer, subjects.ErrBadRequest.New("the path has an empty part, or . or ..: write / in a name as %2F, and read names that are . or .. with /v1/{namespace}/get"))
			return
		}
		// A connection that cannot have a deadline has no need of one.
		_ = http.NewResponseController(writer).SetWriteDeadline(time.Now().Add(replyTimeout))
		next.ServeHTTP(writer, request)
	})
}

// isUnclean reports whether a path has a part that means another path: a redirect to that
// path would give the value of another key.
func isUnclean(path string) bool {
	parts := strings.Split(path, "/")
	for index, part := range parts {
		if part == "." || part == ".." || part == "" && index > 0 && index < len(parts)-1 {
			return true
		}
	}
	return false
}

// guard admits an audience, if there is something to show.
func (server *Server) guard(audience audience, next http.HandlerFunc) http.HandlerFunc {
	return func(writer http.ResponseWriter, request *http.Request) {
		if failure := server.admit(request, audience); failure != nil {
			if failure.Code == http.StatusUnauthorized {
				writer.Header().Set("WWW-Authenticate", `Bearer realm="storebus"`)
			}
			writeError(writer, failure)
			return
		}
		if audience != everybody && server.backend.Load() == nil {
			writeError(writer, subjects.ErrUnavailable.New("the sidecar is starting: /readyz says what it waits for"))
			return
		}
		next(writer, request)
	}
}

func unknownPath(writer http.ResponseWriter, request *http.Request) {
	writeError(writer, subjects.ErrNotFound.New("there is nothing at "+request.URL.Path+": use /v1/{namespace}/{verb}, /v1/{namespace}/changes or /v1/{namespace}/{group}/{key}"))
}

// writeError sends an error in its form on the bus, with its code as the status.
func writeError(writer http.ResponseWriter, failure *subjects.Error) {
	writeJSON(writer, failure.Code, subjects.AppendError(nil, failure))
}

// jsonType is the media type of JSON.
const jsonType = "application/json"

func writeJSON(writer http.ResponseWriter, status int, body []byte) {
	header := writer.Header()
	header.Set("Content-Type", jsonType)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)+1))
	writer.WriteHeader(status)
	// If the answer did not arrive, nobody can read a message about that.
	_, _ = writer.Write(append(body, '\n'))
}
