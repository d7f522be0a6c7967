// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// changesBody is a reply with count changes.
func changesBody(count int, next string) *nats.Msg {
	changes := strings.TrimSuffix(strings.Repeat(`{"revision":1,"type":"set"},`, count), ",")
	return &nats.Msg{Data: []byte(`{"changes":[` + changes + `],"next":` + next + `,"oldest":1,"revision":250,"store":"s"}`)}
}

func TestPageOperations_Operations_Good(t *testing.T) {
	space := subjects.Space{}
	for name, test := range map[string]struct {
		operation        Operation
		subject, payload string
	}{
		"Changes":  {Changes(space, "acme", 250), "store.acme.changes", `{"after":150,"limit":100}`},
		"AllOf":    {Changes(space, "acme", 50), "store.acme.changes", `{"after":0,"limit":100}`},
		"First":    {Page(space, "acme", "g", "", 9), "store.acme.list", `{"group":"g","limit":100}`},
		"LastPage": {Page(space, "acme", "g", "k7", 9), "store.acme.list", `{"group":"g","after":"k7","limit":100}`},
	} {
		t.Run(name, func(t *testing.T) {
			subject, payload := test.operation.Request(operationInput)
			assert.Equal(t, test.subject, subject)
			assert.JSONEq(t, test.payload, string(payload))
		})
	}
	for name, reply := range map[string]*nats.Msg{"AHundred": changesBody(100, "250"), "AsManyAsFit": changesBody(7, "157")} {
		t.Run(name, func(t *testing.T) {
			revision, err := Changes(space, "acme", 250).Accept(reply)
			require.NoError(t, err)
			assert.Equal(t, uint64(250), revision)
		})
	}
}

func TestPageOperations_Operations_Bad(t *testing.T) {
	for name, reply := range map[string]*nats.Msg{
		"ARefusal": {Header: nats.Header{subjects.HeaderErrorCode: {"410"}}},
		"NoReply":  {Data: []byte("?")},
		"TooFew":   changesBody(99, "250"),
		"None":     changesBody(0, "150"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Changes(subjects.Space{}, "acme", 250).Accept(reply)
			assert.Error(t, err)
		})
	}
	t.Run("WhatIsNoJSON", func(t *testing.T) {
		_, err := constantOperation("store.acme.list", func() {}, acceptPage(1)).Accept(&nats.Msg{})
		assert.ErrorContains(t, err, "func()")
	})
}
