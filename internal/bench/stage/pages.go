// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

const (
	// pageSamples is the number of requests for a page, one after the other.
	pageSamples = 100
	// skippedKeys is the number of keys that one request skips.
	skippedKeys = 1000
)

// Pages measures pages of the first namespace and its first group.
func (stage *Stage) Pages(ctx context.Context, size Size) (pages report.Pages, err error) {
	sidecar, places := stage.sidecars[targetScale], size.Places("")
	namespace, group, keys := places.Namespaces[0], places.Groups[0], size.FirstPlaceKeys(size.Keys)
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
		operation load.Operation
	}{
		{&pages.Changes, load.Changes(sidecar.space, namespace, position.Revision)},
		{&pages.First, load.Page(sidecar.space, namespace, group, "", keys)},
		{&pages.Last, load.Page(sidecar.space, namespace, group, last, keys)},
	} {
		if *page.figure, err = stage.medianLatency(ctx, page.operation); err != nil {
			return pages, err
		}
	}
	return pages, nil
}

// lastPage skips the keys of a group up to its last hundred. It returns the after of the
// request for these.
func (sidecar *sidecar) lastPage(ctx context.Context, namespace, group string, keys int) (after string, err error) {
	for left := keys - load.PageKeys; left > 0; {
		page, err := sidecar.client.List(ctx, namespace, group, client.ListOptions{After: after, Limit: min(left, skippedKeys), KeysOnly: true})
		if err != nil {
			return "", err
		}
		if page.Next == "" {
			return "", fmt.Errorf("group %s of %s ends %d keys too early", group, namespace, left-len(page.Entries)+load.PageKeys)
		}
		after, left = page.Next, left-len(page.Entries)
	}
	return after, nil
}

// medianLatency sends the same request again and again, and returns the median in
// microseconds.
func (stage *Stage) medianLatency(ctx context.Context, operation load.Operation) (float64, error) {
	loop := load.Loop{
		Connections: stage.sidecars[targetScale].broker.load, Operation: operation,
		InFlight: 1, Keys: load.EveryKey(pageSamples), Values: stage.values[stage.config.ValueBytes],
	}
	outcome, err := loop.Run(ctx)
	if err != nil {
		return 0, err
	}
	return report.Microseconds(outcome.Quantile(0.5)), outcome.Complete()
}
