// SPDX-License-Identifier: EUPL-1.2

package batch

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
