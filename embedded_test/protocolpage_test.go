// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/subjects"
)

// pageStore is the id of the store in the examples of the page.
const pageStore = "d410c5138d5afed234616c844bdbe0ae"

// pageReader runs the examples of the page against a sidecar.
type pageReader struct {
	client tenant
	store  string
	events *nats.Subscription
}

func newPageReader(t *testing.T) *pageReader {
	t.Helper()
	sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) {
		config.BackupDirectory, config.ArchiveDirectory = t.TempDir(), t.TempDir()
	}))
	connection := connect(t, sidecar.NATSURL())
	return &pageReader{client: tenant{connection: connection}, store: sidecar.StoreID(), events: subscribe(t, connection, "store.events.>")}
}

// own replaces the page's store id by the id of the running store.
func (reader *pageReader) own(text string) string {
	return strings.ReplaceAll(text, pageStore, reader.store)
}

// ask sends the request of a block.
func (reader *pageReader) ask(t *testing.T, block *pageBlock) answer {
	t.Helper()
	return reader.client.send(t, &nats.Msg{Subject: block.subject, Header: block.header, Data: []byte(reader.own(block.payload))})
}

// requireMessage asserts that a message matches a block.
func (reader *pageReader) requireMessage(t *testing.T, block *pageBlock, message *nats.Msg) {
	t.Helper()
	reader.requireHeader(t, block.header, message.Header)
	if payload := reader.own(block.payload); strings.HasPrefix(payload, "{") {
		requirePattern(t, payload, message.Data)
	} else {
		require.Equal(t, payload, string(message.Data))
	}
}

func (reader *pageReader) requireHeader(t *testing.T, want, got nats.Header) {
	t.Helper()
	require.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(got)), "%v", got)
	for name, values := range want {
		require.Len(t, got[name], len(values))
		for index, value := range values {
			require.Empty(t, differentText(name, reader.own(value), got[name][index]))
		}
	}
}

// requireError asserts that a reply reports the error of a block. If the block has no
// headers, they must follow from the body.
func (reader *pageReader) requireError(t *testing.T, block *pageBlock, reply answer) {
	t.Helper()
	requirePattern(t, reader.own(block.payload), reply.Data)
	want := block.header
	if len(want) == 0 {
		var body struct{ Error struct{ Code, Message any } }
		require.NoError(t, json.Unmarshal(reply.Data, &body))
		line := strconv.QuoteToASCII(fmt.Sprint(body.Error.Message))
		want = nats.Header{headerError: {line[1 : len(line)-1]}, headerErrorCode: {fmt.Sprint(body.Error.Code)}}
	}
	reader.requireHeader(t, want, reply.Header)
}

// requireEvent waits for the event of a block. It skips the events before it.
func (reader *pageReader) requireEvent(t *testing.T, block *pageBlock) {
	t.Helper()
	for {
		event := receive(t, reader.events)
		if event.Header.Get(headerMessageID) == reader.own(block.header.Get(headerMessageID)) {
			require.Equal(t, block.subject, event.Subject)
			reader.requireMessage(t, block, event)
			return
		}
	}
}

// requireNamed asserts that a reply has exactly the fields that the page's tables name for
// its verb.
func (contract *contract) requireNamed(t *testing.T, subject string, reply answer) {
	t.Helper()
	words := strings.Split(subject, ".")
	isValue := words[2] == "get" && len(words) > 3
	if words[0] != subjects.DefaultPrefix || isValue {
		return
	}
	verbs := contract.tenant
	if words[1] == "admin" {
		verbs = contract.admin
	}
	require.Contains(t, verbs, words[2])
	body, err := parseJSON(string(reply.Data))
	require.NoError(t, err)
	contract.requireFields(t, subject, verbs[words[2]].reply, body)
}

func (contract *contract) requireFields(t *testing.T, path string, fields []pageField, value any) {
	t.Helper()
	members, ok := value.(map[string]any)
	require.True(t, ok, "%s is no object", path)
	left := maps.Clone(members)
	for _, field := range fields {
		member, there := members[field.name]
		require.True(t, there || !field.required, "%s has no %s", path, field.name)
		delete(left, field.name)
		if field.object == "" || !there {
			continue
		}
		elements, isList := member.([]any)
		if !isList {
			elements = []any{member}
		}
		for index, element := range elements {
			contract.requireFields(t, fmt.Sprintf("%s/%s/%d", path, field.name, index), contract.objects[field.object], element)
		}
	}
	require.Empty(t, left, "%s has what is not named", path)
}

func TestProtocolPage_Examples_Good(t *testing.T) {
	contract := readContract(t)
	_, blocks := readProtocolPage(t)
	reader := newPageReader(t)
	var request *pageBlock
	for index := range blocks {
		block := &blocks[index]
		switch block.kind {
		case "request":
			require.Nil(t, request, "line %d: the request before it has no answer", block.line)
			request = block
		case "reply", "error":
			require.NotNil(t, request, "line %d: an answer without a request", block.line)
			asked := request
			request = nil
			t.Run(asked.name(), func(t *testing.T) {
				reply := reader.ask(t, asked)
				if block.kind == "error" {
					reader.requireError(t, block, reply)
					return
				}
				reader.requireMessage(t, block, reply.Msg)
				contract.requireNamed(t, asked.subject, reply)
			})
		case "event":
			if !t.Failed() { // after a failure it may never come
				t.Run(block.name(), func(t *testing.T) { reader.requireEvent(t, block) })
			}
		case "permissions":
		case "sh": // TestPages_Commands_Good runs it
		case "text", "json":
		default:
			require.Failf(t, "a block that nobody runs", "line %d: %q", block.line, block.kind)
		}
	}
	require.Nil(t, request, "the last request has no answer")
}
