// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// Changes is the last hundred changes up to a revision.
func Changes(space subjects.Space, namespace string, revision uint64) Operation {
	after, limit := revision-min(revision, PageKeys), PageKeys
	return constantOperation(space.Request(namespace, subjects.VerbChanges), subjects.ChangesRequest{After: &after, Limit: &limit},
		func(reply *nats.Msg) (uint64, error) {
			var page subjects.ChangesReply
			if err := decodeReply(reply, &page); err != nil {
				return 0, err
			}
			if page.Next < page.Revision && len(page.Changes) > 0 {
				return page.Revision, nil // a page with a next holds as much as fits into a message
			}
			return page.Revision, checkLength(len(page.Changes), int(revision-after))
		})
}

// Page is a page of a hundred entries of a group with the given number of keys.
func Page(space subjects.Space, namespace, group, after string, keys int) Operation {
	request, limit := subjects.ListRequest{Group: &group}, PageKeys
	request.Limit = &limit
	if after != "" {
		request.After = &after
	}
	return constantOperation(space.Request(namespace, subjects.VerbList), request, acceptPage(keys))
}

// constantOperation sends the same request every time.
func constantOperation(subject string, body any, accept func(*nats.Msg) (uint64, error)) Operation {
	payload, err := json.Marshal(body)
	return Operation{
		Request: func(input Input) (string, []byte) { return subject, append(input.Buffer, payload...) },
		Accept: func(reply *nats.Msg) (uint64, error) {
			if err != nil {
				return 0, err
			}
			return accept(reply)
		},
	}
}
