// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

// fieldTypes are the types of the fields of every verb, as describe returns them.
var fieldTypes = func() map[subjects.Verb]map[string]string {
	verbs := map[subjects.Verb]map[string]string{}
	for _, verb := range subjects.Describe().Verbs {
		verbs[verb.Name] = map[string]string{}
		for _, field := range verb.Fields {
			verbs[verb.Name][field.Name] = field.Type
		}
	}
	return verbs
}()

// guardedVerb answers /v1/{namespace}/{verb}. Usage has counts only, and shows no value.
func (server *Server) guardedVerb(writer http.ResponseWriter, request *http.Request) {
	audience := readers
	if request.PathValue("verb") == string(subjects.VerbUsage) {
		audience = thisMachine
	}
	server.guard(audience, server.verb)(writer, request)
}

// verb answers /v1/{namespace}/{verb} for an admitted request. Changes are a feed, or a
// page of the log if only JSON is accepted.
func (server *Server) verb(writer http.ResponseWriter, request *http.Request) {
	verb := subjects.Verb(request.PathValue("verb"))
	if verb == subjects.VerbChanges && request.Header.Get("Accept") != jsonType {
		server.changes(writer, request)
		return
	}
	if !verb.IsTenant() {
		writeError(writer, subjects.ErrNotFound.New("there is no verb "+strconv.Quote(string(verb))+": /v1/admin/describe tells those that there are"))
		return
	}
	reply, failure := server.ask(request, subjects.Address{Namespace: request.PathValue("namespace"), Verb: verb})
	writeAnswer(writer, reply, failure)
}

// adminVerb answers /v1/admin/{verb}.
func (server *Server) adminVerb(writer http.ResponseWriter, request *http.Request) {
	verb := subjects.Verb(request.PathValue("verb"))
	if !verb.IsAdmin() {
		writeError(writer, subjects.ErrNotFound.New("an operator has no verb "+strconv.Quote(string(verb))+": /v1/admin/describe tells those that there are"))
		return
	}
	reply, failure := server.ask(request, subjects.Address{Verb: verb, Admin: true})
	if failure == nil && verb == subjects.VerbAdminStatus && reply.Code() == 0 && server.admit(request, readers) != nil {
		reply.Body, failure = server.withoutValues(reply.Body)
	}
	writeAnswer(writer, reply, failure)
}

// withoutValues replaces the words of the journal's endpoint in a status: they can repeat
// values, which the requester may not read.
func (server *Server) withoutValues(body []byte) ([]byte, *subjects.Error) {
	var status subjects.StatusReply
	if err := json.Unmarshal(body, &status); err != nil {
		return nil, subjects.ErrInternal.New(err.Error())
	}
	if status.Journal != nil {
		status.Journal.LastError = server.backend.Load().Service.Journal().LastError
	}
	body, err := json.Marshal(status)
	if err != nil {
		return nil, subjects.ErrInternal.New(err.Error())
	}
	return body, nil
}

// ask passes the query of a request to the service, as the body of a request on the bus.
func (server *Server) ask(request *http.Request, address subjects.Address) (handler.Reply, *subjects.Error) {
	body, failure := bodyOf(address.Verb, request.URL)
	if failure != nil {
		return handler.Reply{}, failure
	}
	return server.backend.Load().Service.Call(request.Context(), handler.Call{Address: address, Body: body}), nil
}

// writeAnswer sends what ask has returned.
func writeAnswer(writer http.ResponseWriter, reply handler.Reply, failure *subjects.Error) {
	if failure != nil {
		writeError(writer, failure)
		return
	}
	writeReply(writer, reply)
}

// writeReply sends a reply of the service, with the code of its error as the status.
func writeReply(writer http.ResponseWriter, reply handler.Reply) {
	if code := reply.Code(); code != 0 {
		writeJSON(writer, code, reply.Body)
		return
	}
	writeJSON(writer, http.StatusOK, reply.Body)
}

// bodyOf makes the JSON body of a request from a query. It passes an unknown field, and a
// text that does not fit the field's type, as a string. The service then explains the
// mistake.
func bodyOf(verb subjects.Verb, address *url.URL) ([]byte, *subjects.Error) {
	query, err := url.ParseQuery(address.RawQuery)
	if err != nil {
		return nil, subjects.ErrBadRequest.New("the query is malformed: " + err.Error())
	}
	fields := make(map[string]json.RawMessage, len(query))
	for name, values := range query {
		if len(values) > 1 {
			return nil, subjects.BadField(name, name+" is given more than once")
		}
		if !utf8.ValidString(name) || !utf8.ValidString(values[0]) {
			return nil, subjects.ErrBadRequest.New("the query is not UTF-8")
		}
		fields[name] = fieldValue(fieldTypes[verb][name], values[0])
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return nil, subjects.ErrBadRequest.New("the query is malformed: " + err.Error())
	}
	return body, nil
}

func fieldValue(kind, text string) json.RawMessage {
	isJSON := json.Valid([]byte(text))
	switch kind {
	case "integer":
		isJSON = isJSON && strings.Trim(text, "-+.0123456789eE") == ""
	case "boolean":
		isJSON = text == "true" || text == "false"
	case "list", "object", "any":
	default: // "string", "time", and "duration", which is read from text as well
		isJSON = false
	}
	if isJSON {
		return json.RawMessage(text)
	}
	quoted, _ := json.Marshal(text) // text cannot fail to marshal
	return quoted
}

// statisticsReply is the body of /v1/admin/statistics.
type statisticsReply struct {
	// Time is when the figures were read. Two replies give a rate. Started is when the
	// service was announced.
	Time    time.Time `json:"time"`
	Started time.Time `json:"started"`
	// Writes counts the committed writes since then.
	Writes uint64 `json:"writes"`
	// LatencyLimits are the limits of LatencyCounts, in nanoseconds.
	LatencyLimits []time.Duration `json:"latency_limits_ns"`

	Queue subjects.QueueStatus     `json:"queue"`
	Verbs map[string]verbStatistic `json:"verbs"`
}

// latencyLimits begin with 32 µs and double up to 17 s.
var latencyLimits = func() []time.Duration {
	limits := make([]time.Duration, 20)
	for index := range limits {
		limits[index] = 32 * time.Microsecond << index
	}
	return limits
}()

// verbStatistic has the figures of an endpoint from STATS.
type verbStatistic struct {
	Received uint64                        `json:"received"`
	Answered uint64                        `json:"answered"`
	Errors   map[subjects.ErrorName]uint64 `json:"errors"`
	Latency  handler.LatencyStatistics     `json:"latency_ns"`
	// LatencyCounts has, for each limit, the number of replies within that time.
	LatencyCounts  []uint64 `json:"latency_counts"`
	RefusedReplies uint64   `json:"refused_replies"`
	WithoutReply   uint64   `json:"without_reply"`
	Unsent         uint64   `json:"unsent"`
}

func (server *Server) statistics(writer http.ResponseWriter, _ *http.Request) {
	service := server.backend.Load().Service
	reply := statisticsReply{
		Time: time.Now().UTC(), Started: service.Started().UTC(), Writes: service.Writes(),
		LatencyLimits: latencyLimits, Queue: service.Queue(), Verbs: map[string]verbStatistic{},
	}
	for name, figures := range service.Statistics() {
		counts, _, _ := figures.Durations(latencyLimits...)
		reply.Verbs[name] = verbStatistic{
			Received: figures.Received, Answered: figures.Answered, Errors: figures.Errors, Latency: figures.Latency, LatencyCounts: counts,
			RefusedReplies: figures.RefusedReplies, WithoutReply: figures.WithoutReply, Unsent: figures.Unsent,
		}
	}
	body, _ := json.Marshal(reply) // numbers and names alone cannot fail to marshal
	writeJSON(writer, http.StatusOK, body)
}

// value answers /v1/{namespace}/{group}/{key} with the value itself.
func (server *Server) value(writer http.ResponseWriter, request *http.Request) {
	reply := server.backend.Load().Service.Call(request.Context(), handler.Call{Address: subjects.Address{
		Namespace: request.PathValue("namespace"), Verb: subjects.VerbGet, Raw: true,
		Group: request.PathValue("group"), Key: request.PathValue("key"),
	}})
	if reply.Code() != 0 {
		writeReply(writer, reply)
		return
	}
	header := writer.Header()
	for _, name := range []string{subjects.HeaderRevision, subjects.HeaderExpiresAt} {
		if values := reply.Header[name]; len(values) > 0 {
			header[http.CanonicalHeaderKey(name)] = slices.Clone(values)
		}
	}
	header.Set("Content-Security-Policy", valuePolicy)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Type", "application/octet-stream")
	if utf8.Valid(reply.Body) {
		header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	header.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	// If the value did not arrive, nobody can read a message about that.
	_, _ = writer.Write(reply.Body)
}
