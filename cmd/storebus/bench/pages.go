// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

const (
	// pageSamples is how often a page is asked for, one request after the other.
	pageSamples = 100
	// skippedKeys is how many keys are passed over with one request.
	skippedKeys = 1000
)

// Pages is how long a page of a hundred takes, in microseconds: the medians of a
// hundred requests, one after the other.
type Pages struct {
	// Changes is the last changes of a namespace.
	Changes float64 `json:"last_changes_us"`
	// First and Last are the first and the last page of a group.
	First float64 `json:"first_page_us"`
	Last  float64 `json:"last_page_us"`
}

// measurePages asks for pages of the first namespace and its first group.
func (stage *stage) measurePages(ctx context.Context, size size) (pages Pages, err error) {
	sidecar, places := stage.sidecars[targetScale], size.places()
	namespace, group, keys := places.namespaces[0], places.groups[0], size.firstPlaceKeys(size.keys)
	position, err := sidecar.client.Position(ctx, namespace)
	if err != nil {
		return pages, err
	}
	last, err := sidecar.lastPage(ctx, namespace, group, keys)
	if err != nil {
		return pages, err
	}
	for _, page := range []struct {
		figure    *float64
		operation operation
	}{
		{&pages.Changes, changesOperation(sidecar.space, namespace, position.Revision)},
		{&pages.First, pageOperation(sidecar.space, namespace, group, "", keys)},
		{&pages.Last, pageOperation(sidecar.space, namespace, group, last, keys)},
	} {
		if *page.figure, err = stage.medianLatency(ctx, page.operation); err != nil {
			return pages, err
		}
	}
	return pages, nil
}

// lastPage passes over the keys of a group up to its last hundred, and gives what is
// handed back as after to read those.
func (sidecar *sidecar) lastPage(ctx context.Context, namespace, group string, keys int) (after string, err error) {
	for left := keys - pageKeys; left > 0; {
		page, err := sidecar.client.List(ctx, namespace, group, client.ListOptions{After: after, Limit: min(left, skippedKeys), KeysOnly: true})
		if err != nil {
			return "", err
		}
		if page.Next == "" {
			return "", fmt.Errorf("group %s of %s ends %d keys too early", group, namespace, left-len(page.Entries)+pageKeys)
		}
		after, left = page.Next, left-len(page.Entries)
	}
	return after, nil
}

// medianLatency asks the same again and again, and gives the median in microseconds.
func (stage *stage) medianLatency(ctx context.Context, operation operation) (float64, error) {
	load := load{
		connections: stage.sidecars[targetScale].broker.load, operation: operation,
		inFlight: 1, keys: everyKey(pageSamples), values: stage.values[stage.settings.ValueBytes],
	}
	outcome, err := load.run(ctx)
	if err != nil {
		return 0, err
	}
	return microseconds(outcome.latencies.quantile(0.5)), outcome.complete()
}

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
