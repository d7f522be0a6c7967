// SPDX-License-Identifier: EUPL-1.2

package batch

import (
	"fmt"

	"dappco.re/go/storebus/store/internal/failure"
)

// The bounds of remembered answers. What an answer tells of its own changes is free: it is small
// beside them.
const (
	// answersPerNamespace is the most of one namespace, and answersInAll of the store.
	answersPerNamespace = 4 << 20
	answersInAll        = 256 << 20
	// freePerAnswer and freePerChange are the bytes of an answer that do not count.
	freePerAnswer = 256
	freePerChange = 128
)

// counts has the counted bytes of answers.
type counts struct {
	all         int64
	byNamespace map[string]int64
}

// add counts bytes of a namespace. A namespace without any is forgotten.
func (counts *counts) add(namespace string, bytes int64) {
	if bytes == 0 {
		return
	}
	if counts.byNamespace == nil {
		counts.byNamespace = map[string]int64{}
	}
	counts.all += bytes
	if counts.byNamespace[namespace] += bytes; counts.byNamespace[namespace] == 0 {
		delete(counts.byNamespace, namespace)
	}
}

// counted returns the bytes of an answer to so many changes that count.
func counted(answer []byte, changes int) int64 {
	return int64(max(len(answer)-freePerAnswer-freePerChange*changes, 0))
}

// AdmitAnswer returns an error if there is no room to remember an answer to so many changes.
// Otherwise AddAnswer comes next.
func (batch *Batch) AdmitAnswer(given *Answer, changes int) error {
	given.counted = counted(given.Bytes, changes)
	if given.counted == 0 {
		return nil
	}
	table := answersIn.Table(batch.tables)
	own, all := table.counts.byNamespace[given.Namespace]+given.counted, table.counts.all+given.counted
	for at := batch; at != nil; at = at.below {
		waiting := &answersIn.Of(at).counts
		own += waiting.byNamespace[given.Namespace]
		all += waiting.all
	}
	// From half of the bound on, nobody takes more than an equal share of it. So there is room for
	// namespaces that come.
	equal := int64(answersInAll / 2 / (len(table.counts.byNamespace) + 1))
	switch {
	case own > answersPerNamespace:
		return fmt.Errorf("%w: the remembered answers of namespace %q have %d bytes at most: ask later, or without an id", failure.ErrUnavailable, given.Namespace, answersPerNamespace)
	case all > answersInAll, all > answersInAll/2 && own > equal:
		return fmt.Errorf("%w: the remembered answers of namespace %q have their share of the store's: ask later, or without an id", failure.ErrUnavailable, given.Namespace)
	default:
		return nil
	}
}
