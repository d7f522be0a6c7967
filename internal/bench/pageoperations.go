// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// changesOperation is the last hundred changes up to a revision.
func changesOperation(space subjects.Space, namespace string, revision uint64) operation {
	after, limit := revision-min(revision, pageKeys), pageKeys
	return constantOperation(space.Request(namespace, subjects.VerbChanges), subjects.ChangesRequest{After: &after, Limit: &limit},
		func(reply *nats.Msg) (uint64, error) {
			var page subjects.ChangesReply
			if err := decodeReply(reply, &page); err != nil {
				return 0, err
			}
			if page.Next < page.Revision && len(page.Changes) > 0 {
				return page.Revision, nil // more would not fit into a message
			}
			return page.Revision, checkLength(len(page.Changes), int(revision-after))
		})
}

// pageOperation is a page of a hundred entries of a group that holds so many keys.
func pageOperation(space subjects.Space, namespace, group, after string, keys int) operation {
	request, limit := subjects.ListRequest{Group: &group}, pageKeys
	request.Limit = &limit
	if after != "" {
		request.After = &after
	}
	return constantOperation(space.Request(namespace, subjects.VerbList), request, acceptPage(keys))
}

// constantOperation asks the same every time.
func constantOperation(subject string, body any, accept func(*nats.Msg) (uint64, error)) operation {
	payload, err := json.Marshal(body)
	return operation{
		request: func(input input) (string, []byte) { return subject, append(input.buffer, payload...) },
		accept: func(reply *nats.Msg) (uint64, error) {
			if err != nil {
				return 0, err
			}
			return accept(reply)
		},
	}
}
