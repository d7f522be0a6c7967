// SPDX-License-Identifier: EUPL-1.2

package client_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// scriptedSidecar has the log of the namespace acme and answers changes from it. The test
// decides the fate of each event and of each request.
type scriptedSidecar struct {
	connection *nats.Conn
	space      subjects.Space
	// asked receives every request for changes once its fate is decided, if there is room.
	// No reply to it contains a later commit.
	asked chan subjects.ChangesRequest

	mutex  sync.Mutex
	store  string
	log    []subjects.Event
	oldest uint64
	// pageSize bounds a page of changes, if it is not 0.
	pageSize int
	// fates are the fates of the next requests. If there is none, a request is answered.
	fates []fate
}

// fate is the fate of a request for changes.
type fate int

const (
	fateAnswered fate = iota
	fateSilence
	fateUnavailable
)

// startSidecar serves changes on a connection of its own.
func startSidecar(t *testing.T, connection *nats.Conn) *scriptedSidecar {
	t.Helper()
	space, err := subjects.NewSpace("store")
	require.NoError(t, err)
	sidecar := &scriptedSidecar{connection: connection, space: space, store: "k3F", oldest: 1, asked: make(chan subjects.ChangesRequest, 100)}
	answer(t, connection, "store.acme.changes", sidecar.changes)
	return sidecar
}

// commit makes a set part of the log, and does not publish it.
func (sidecar *scriptedSidecar) commit(group string) subjects.Event {
	sidecar.mutex.Lock()
	defer sidecar.mutex.Unlock()
	revision := uint64(len(sidecar.log)) + 1
	key, value, created := "k"+strconv.FormatUint(revision, 10), "v", true
	event := subjects.Event{
		Revision: revision, Previous: sidecar.previous(group), Type: subjects.EventSet, Store: sidecar.store,
		Namespace: "acme", Group: group, Key: &key, Content: subjects.Content{Value: &value}, Created: &created,
		Timestamp: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
	}
	sidecar.log = append(sidecar.log, event)
	return event
}

func (sidecar *scriptedSidecar) previous(group string) uint64 {
	for index := len(sidecar.log) - 1; index >= 0 && sidecar.log[index].Revision >= sidecar.oldest; index-- {
		if sidecar.log[index].Group == group {
			return sidecar.log[index].Revision
		}
	}
	return 0
}

// publish sends the event of a change.
func (sidecar *scriptedSidecar) publish(t interface{ Fatal(...any) }, event subjects.Event) {
	body, err := json.Marshal(event)
	if err == nil {
		err = sidecar.connection.Publish(sidecar.space.Event("acme", event.Group), body)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// set commits and publishes, as a healthy sidecar does.
func (sidecar *scriptedSidecar) set(t *testing.T, group string) {
	t.Helper()
	sidecar.publish(t, sidecar.commit(group))
}

// with changes the sidecar's script.
func (sidecar *scriptedSidecar) with(change func()) {
	sidecar.mutex.Lock()
	defer sidecar.mutex.Unlock()
	change()
}

func (sidecar *scriptedSidecar) changes(message *nats.Msg) *nats.Msg {
	var request subjects.ChangesRequest
	if err := subjects.Decode(message.Data, &request); err != nil {
		return refusal("400", fmt.Sprintf(`{"error":{"code":400,"name":"bad_request","message":%q}}`, err.Error()))
	}
	sidecar.mutex.Lock()
	defer sidecar.mutex.Unlock()
	defer sidecar.hear(request)
	switch sidecar.nextFate() {
	case fateSilence:
		return nil
	case fateUnavailable:
		return refusal("503", `{"error":{"code":503,"name":"unavailable","message":"the queue is full"}}`)
	}
	return sidecar.page(request)
}

func (sidecar *scriptedSidecar) hear(request subjects.ChangesRequest) {
	select {
	case sidecar.asked <- request:
	default:
	}
}

func (sidecar *scriptedSidecar) nextFate() fate {
	if len(sidecar.fates) == 0 {
		return fateAnswered
	}
	next := sidecar.fates[0]
	sidecar.fates = sidecar.fates[1:]
	return next
}

func (sidecar *scriptedSidecar) page(request subjects.ChangesRequest) *nats.Msg {
	revision := uint64(len(sidecar.log))
	otherStore := request.Store != nil && *request.Store != sidecar.store
	if *request.After > revision || *request.After+1 < sidecar.oldest || otherStore {
		return refusal("410", fmt.Sprintf(`{"error":{"code":410,"name":"compacted","message":"outside the log","oldest":%d,"revision":%d,"store":%q}}`,
			sidecar.oldest, revision, sidecar.store))
	}
	reply := subjects.ChangesReply{Changes: []subjects.Event{}, Next: *request.After, Oldest: sidecar.oldest, Revision: revision, Store: sidecar.store}
	for _, event := range sidecar.log[*request.After:] {
		if sidecar.pageSize > 0 && len(reply.Changes) == sidecar.pageSize {
			break
		}
		if request.Group == nil || *request.Group == event.Group {
			reply.Changes = append(reply.Changes, event)
		}
		reply.Next = event.Revision
	}
	data, err := json.Marshal(reply)
	if err != nil {
		return nil
	}
	return &nats.Msg{Data: data}
}

// begin starts a store of its own for a journey, with the writes before it.
func (sidecar *scriptedSidecar) begin(run journey) {
	sidecar.with(func() {
		sidecar.store, sidecar.log, sidecar.pageSize, sidecar.fates = run.store, nil, run.pageSize, run.fates
	})
	for index := range run.before {
		sidecar.commit([]string{"config", "other"}[index%2])
	}
}

// event gives a change of the log.
func (sidecar *scriptedSidecar) event(index int) subjects.Event {
	sidecar.mutex.Lock()
	defer sidecar.mutex.Unlock()
	return sidecar.log[index]
}

// history gives a copy of the log.
func (sidecar *scriptedSidecar) history() []subjects.Event {
	sidecar.mutex.Lock()
	defer sidecar.mutex.Unlock()
	return slices.Clone(sidecar.log)
}
