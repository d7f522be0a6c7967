// SPDX-License-Identifier: EUPL-1.2

package metrics

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"dappco.re/go/storebus/internal/await"
	"dappco.re/go/storebus/store"
)

const (
	// maxNamespaces is the number of namespaces with series of their own.
	maxNamespaces = 100
	// otherNamespaces is the label of all other namespaces together. See label for a
	// namespace with this name.
	otherNamespaces = "other"
	// maxPages bounds the pages of namespaces that a scrape reads.
	maxPages = 100
	pageSize = 1000
)

// namespaces exports the largest namespaces by their bytes, and the sums of the others.
func (scrape *scrape) namespaces(ctx context.Context) error {
	largest, rest, err := scrape.largestNamespaces(ctx)
	if err != nil {
		return fmt.Errorf("namespaces: %w", err)
	}
	for _, namespace := range largest {
		scrape.gauge(revision, float64(namespace.Revision), label(namespace.Namespace))
		scrape.sizes(&namespace, label(namespace.Namespace))
	}
	if rest != (store.NamespaceInfo{}) {
		scrape.sizes(&rest, otherNamespaces)
	}
	return scrape.quotas(ctx, largest)
}

// label returns the label of a namespace. If its name is other, the label is another one.
func label(namespace string) string {
	if namespace == otherNamespaces {
		return namespace + "_"
	}
	return namespace
}

func (scrape *scrape) sizes(namespace *store.NamespaceInfo, label string) {
	scrape.gauge(keys, float64(namespace.Keys), label)
	scrape.gauge(groups, float64(namespace.Groups), label)
	scrape.gauge(bytes, float64(namespace.Bytes), label)
}

// largestNamespaces reads the namespaces, at most maxPages pages of them.
func (scrape *scrape) largestNamespaces(ctx context.Context) (largest []store.NamespaceInfo, rest store.NamespaceInfo, err error) {
	query := store.NamespacesQuery{Limit: pageSize}
	for range maxPages {
		page, err := await.Answer(ctx, func(done func(store.NamespacesPage, error)) { scrape.Store.SubmitNamespaces(query, done) })
		if err != nil {
			return nil, rest, err
		}
		largest = append(largest, page.Namespaces...)
		slices.SortFunc(largest, func(one, other store.NamespaceInfo) int {
			return cmp.Or(cmp.Compare(other.Bytes, one.Bytes), cmp.Compare(one.Namespace, other.Namespace))
		})
		for _, namespace := range largest[min(maxNamespaces, len(largest)):] {
			rest.Keys += namespace.Keys
			rest.Groups += namespace.Groups
			rest.Bytes += namespace.Bytes
		}
		largest = largest[:min(maxNamespaces, len(largest))]
		if query.After = page.Next; page.Next == nil {
			break
		}
	}
	return largest, rest, nil
}

// quotas exports how much of their quotas namespaces use.
func (scrape *scrape) quotas(ctx context.Context, namespaces []store.NamespaceInfo) error {
	for _, namespace := range namespaces {
		usage, err := await.Answer(ctx, func(done func(store.Usage, error)) { scrape.Store.SubmitUsage(namespace.Namespace, done) })
		if err != nil {
			return fmt.Errorf("quota of %s: %w", namespace.Namespace, err)
		}
		for _, quota := range []struct {
			name         string
			usage, limit int64
		}{
			{"max_keys", usage.Keys, usage.Quota.MaxKeys},
			{"max_groups", usage.Groups, usage.Quota.MaxGroups},
			{"max_bytes", usage.Bytes, usage.Quota.MaxBytes},
			{"max_journal_bytes", usage.JournalBytes, usage.Quota.MaxJournalBytes},
			{"max_workspace_bytes", usage.WorkspaceBytes, usage.Quota.MaxWorkspaceBytes},
		} {
			if quota.limit > 0 {
				scrape.gauge(quotaRatio, float64(quota.usage)/float64(quota.limit), label(namespace.Namespace), quota.name)
			}
		}
	}
	return nil
}
