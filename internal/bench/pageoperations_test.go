// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// changesBody is a reply with so many changes.
func changesBody(count int, next string) *nats.Msg {
	changes := strings.TrimSuffix(strings.Repeat(`{"revision":1,"type":"set"},`, count), ",")
	return &nats.Msg{Data: []byte(`{"changes":[` + changes + `],"next":` + next + `,"oldest":1,"revision":250,"store":"s"}`)}
}

func TestPageOperations_Operations_Good(t *testing.T) {
	space := subjects.Space{}
	for name, test := range map[string]struct {
		operation        operation
		subject, payload string
	}{
		"Changes":  {changesOperation(space, "acme", 250), "store.acme.changes", `{"after":150,"limit":100}`},
		"AllOf":    {changesOperation(space, "acme", 50), "store.acme.changes", `{"after":0,"limit":100}`},
		"First":    {pageOperation(space, "acme", "g", "", 9), "store.acme.list", `{"group":"g","limit":100}`},
		"LastPage": {pageOperation(space, "acme", "g", "k7", 9), "store.acme.list", `{"group":"g","after":"k7","limit":100}`},
	} {
		t.Run(name, func(t *testing.T) {
			subject, payload := test.operation.request(operationInput)
			assert.Equal(t, test.subject, subject)
			assert.JSONEq(t, test.payload, string(payload))
		})
	}
	for name, reply := range map[string]*nats.Msg{"AHundred": changesBody(100, "250"), "AsManyAsFit": changesBody(7, "157")} {
		t.Run(name, func(t *testing.T) {
			revision, err := changesOperation(space, "acme", 250).accept(reply)
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
			_, err := changesOperation(subjects.Space{}, "acme", 250).accept(reply)
			assert.Error(t, err)
		})
	}
	t.Run("WhatIsNoJSON", func(t *testing.T) {
		_, err := constantOperation("store.acme.list", func() {}, acceptPage(1)).accept(&nats.Msg{})
		assert.ErrorContains(t, err, "func()")
	})
}
