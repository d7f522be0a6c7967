// SPDX-License-Identifier: EUPL-1.2

package web

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

// pieceBytes is how much of a feed a reader must take in one readerTimeout.
const pieceBytes = 32 << 10

// changesPage is a reply to changes, with each change undecoded.
type changesPage struct {
	Changes  []json.RawMessage `json:"changes"`
	Next     uint64            `json:"next"`
	Revision uint64            `json:"revision"`
}

// feed is one reader that follows the changes of a namespace.
type feed struct {
	server    *Server
	namespace string
	// fields are the fields of the requests for changes, except after and wait.
	fields map[string]json.RawMessage
	after  uint64

	writer     http.ResponseWriter
	controller *http.ResponseController
	frame      bytes.Buffer
}

// changes answers /v1/{namespace}/changes with server-sent events.
func (server *Server) changes(writer http.ResponseWriter, request *http.Request) {
	if server.streams.Add(1) > MaxStreams {
		server.streams.Add(-1)
		writeError(writer, subjects.ErrUnavailable.New(fmt.Sprintf("%d feeds are open, and no more may be: close one", MaxStreams)))
		return
	}
	defer server.streams.Add(-1)
	ctx, cancel := context.WithCancel(request.Context())
	defer cancel()
	defer context.AfterFunc(server.serving, cancel)()
	feed := &feed{server: server, namespace: request.PathValue("namespace"), writer: writer, controller: http.NewResponseController(writer)}
	first, failure := feed.begin(ctx, request)
	if failure != nil {
		writeError(writer, failure)
		return
	}
	// A connection that cannot have a deadline has none to take away.
	_ = feed.controller.SetReadDeadline(time.Time{})
	feed.writeHeader()
	if request.Method == http.MethodHead {
		return
	}
	feed.follow(ctx, first)
}

// begin finds the first revision of the feed, and asks for its first page. An invalid
// request gets an error reply. If the log does not reach back far enough, the feed itself
// says so.
func (feed *feed) begin(ctx context.Context, request *http.Request) (handler.Reply, *subjects.Error) {
	body, failure := bodyOf(subjects.VerbChanges, request.URL)
	if failure != nil {
		return handler.Reply{}, failure
	}
	if err := json.Unmarshal(body, &feed.fields); err != nil {
		return handler.Reply{}, subjects.ErrBadRequest.New(err.Error())
	}
	for _, name := range []string{"wait", "limit"} {
		if _, given := feed.fields[name]; given {
			return handler.Reply{}, subjects.BadField(name, name+" has no meaning on a feed, which goes on: leave it out")
		}
	}
	if failure := feed.position(ctx, request.Header.Get("Last-Event-ID")); failure != nil {
		return handler.Reply{}, failure
	}
	reply := feed.ask(ctx, 0)
	if code := reply.Code(); code != 0 && code != subjects.ErrCompacted.Code {
		return reply, failureOf(reply)
	}
	return reply, nil
}

// position finds the revision to begin after: the revision of the reader's last event, or
// of the query, or the present one.
func (feed *feed) position(ctx context.Context, lastEventID string) *subjects.Error {
	after, given := feed.fields["after"]
	delete(feed.fields, "after")
	name, text := "after", strings.Trim(string(after), `"`)
	if lastEventID != "" {
		name, text, given = "Last-Event-ID", lastEventID, true
	}
	if given {
		revision, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return subjects.BadField(name, name+" is the last revision that is known, a whole number, 0 for none: write digits alone")
		}
		feed.after = revision
		return nil
	}
	reply := feed.server.backend.Load().Service.Call(ctx, handler.Call{Address: subjects.Address{Namespace: feed.namespace, Verb: subjects.VerbUsage}})
	var usage subjects.UsageReply
	if reply.Code() != 0 {
		return failureOf(reply)
	}
	if err := json.Unmarshal(reply.Body, &usage); err != nil {
		return subjects.ErrInternal.New(err.Error())
	}
	feed.after = usage.Revision
	return nil
}

// ask asks for the changes after the position of the feed.
func (feed *feed) ask(ctx context.Context, wait time.Duration) handler.Reply {
	feed.fields["after"] = json.RawMessage(strconv.FormatUint(feed.after, 10))
	feed.fields["wait"] = json.RawMessage(strconv.Quote(wait.String()))
	body, _ := json.Marshal(feed.fields) // each is JSON already
	return feed.server.backend.Load().Service.Call(ctx, handler.Call{
		Address: subjects.Address{Namespace: feed.namespace, Verb: subjects.VerbChanges}, Body: body,
	})
}

func (feed *feed) writeHeader() {
	header := feed.writer.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // a proxy must not buffer
	feed.writer.WriteHeader(http.StatusOK)
}

// follow sends the changes of the log, page after page. It ends when the reader has gone,
// takes no data any more, or needs changes that the log no longer has.
func (feed *feed) follow(ctx context.Context, reply handler.Reply) {
	// A browser that is cut off before the first change goes on from here.
	feed.frame.WriteString("retry: 1000\n")
	feed.writePosition()
	for feed.writePage(reply) && feed.flush() {
		if reply = feed.ask(ctx, feed.server.config.AliveInterval); ctx.Err() != nil {
			feed.end("closed", subjects.ErrUnavailable.New("the sidecar is shutting down"))
			return
		}
	}
}

// writePage writes a page into the frame, and reports whether there may be another.
func (feed *feed) writePage(reply handler.Reply) bool {
	var page changesPage
	if reply.Code() != 0 {
		name := "closed"
		if reply.Code() == subjects.ErrCompacted.Code {
			name = "compacted"
		}
		feed.end(name, failureOf(reply))
		return false
	}
	if err := json.Unmarshal(reply.Body, &page); err != nil {
		feed.server.config.Logger.Error("changes could not be read", "error", err)
		return false
	}
	for _, change := range page.Changes {
		var event struct {
			Revision uint64 `json:"revision"`
		}
		if err := json.Unmarshal(change, &event); err != nil {
			feed.server.config.Logger.Error("a change could not be read", "error", err)
			return false
		}
		fmt.Fprintf(&feed.frame, "id: %d\nevent: change\ndata: %s\n\n", event.Revision, change)
		feed.after = event.Revision
	}
	if len(page.Changes) == 0 {
		feed.frame.WriteString(": nothing new\n")
	}
	if feed.after != page.Next || len(page.Changes) == 0 {
		feed.after = page.Next
		feed.writePosition()
	}
	return true
}

// writePosition writes the position of the feed without an event. A reader that
// reconnects begins after it, and no handler is called.
func (feed *feed) writePosition() { fmt.Fprintf(&feed.frame, "id: %d\n\n", feed.after) }

// end says why the feed ends: "compacted" if the log does not reach back, and "closed" if
// the sidecar cannot go on.
func (feed *feed) end(name string, failure *subjects.Error) {
	body, _ := json.Marshal(failure) // its fields are plain
	fmt.Fprintf(&feed.frame, "event: %s\ndata: %s\n\n", name, body)
	feed.flush()
}

// flush sends the frame in pieces, and reports whether the reader takes each in time.
func (feed *feed) flush() bool {
	for feed.frame.Len() > 0 {
		deadline := time.Now().Add(feed.server.config.ReaderTimeout)
		if err := feed.controller.SetWriteDeadline(deadline); err != nil {
			return false
		}
		if _, err := feed.writer.Write(feed.frame.Next(pieceBytes)); err != nil {
			return false
		}
		if err := feed.controller.Flush(); err != nil {
			return false
		}
	}
	feed.frame.Reset()
	return true
}

// failureOf reads the error of an error reply.
func failureOf(reply handler.Reply) *subjects.Error {
	failure, err := subjects.ParseError(reply.Body)
	if err != nil {
		return subjects.ErrInternal.New("the service gave an error that cannot be read")
	}
	return failure
}
