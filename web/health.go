// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// readyTimeout is how long the check for reasons may take.
const readyTimeout = 2 * time.Second

// Reason says why a sidecar is not ready. Name is for programs: "broker", "disk",
// "backlog", "starting", "stopping". Message is for people.
type Reason struct {
	Name    string `json:"name"`
	Message string `json:"message"`
}

// readiness is the body of /readyz.
type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []Reason `json:"reasons"`
}

// health answers 200 while the process serves.
func (server *Server) health(writer http.ResponseWriter, _ *http.Request) {
	writeJSON(writer, http.StatusOK, []byte(`{"healthy":true}`))
}

// ready answers 200, or 503 with the reasons.
func (server *Server) ready(writer http.ResponseWriter, request *http.Request) {
	ctx, cancel := context.WithTimeout(request.Context(), readyTimeout)
	defer cancel()
	state := readiness{Reasons: server.reasons(ctx)}
	status := http.StatusServiceUnavailable
	if state.Ready = len(state.Reasons) == 0; state.Ready {
		status = http.StatusOK
	}
	body, _ := json.Marshal(state) // strings alone cannot fail to marshal
	writeJSON(writer, status, body)
}

func (server *Server) reasons(ctx context.Context) []Reason {
	reasons := append([]Reason{}, server.config.Ready(ctx)...)
	switch {
	case server.serving.Err() != nil:
		reasons = append(reasons, Reason{Name: "stopping", Message: "the sidecar is shutting down"})
	case server.backend.Load() == nil && len(reasons) == 0:
		reasons = append(reasons, Reason{Name: "starting", Message: "the sidecar is starting"})
	}
	return reasons
}

func (server *Server) metrics(writer http.ResponseWriter, request *http.Request) {
	handler := server.backend.Load().Metrics
	if handler == nil {
		http.NotFound(writer, request)
		return
	}
	handler.ServeHTTP(writer, request)
}
