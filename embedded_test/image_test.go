// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// image is the content of the disk after a loss of power: files by name.
type image struct {
	label string
	// moment is the time of the loss, and missing the number of effects that did not last.
	moment  time.Time
	missing int
	files   map[string][]byte
}

// imagesAt returns images that a loss of power at a moment can leave. The first has only
// the synced effects, the second also a random part of the others. The third has
// everything, with its last write torn. The last is no loss of power: everything is there,
// as after the death of the process alone.
func (recording *recording) imagesAt(moment time.Time, random *rand.Rand) []image {
	begun := recording.before(moment)
	chosen := func(label string, chosen []*effect) image {
		return image{label: label, moment: moment, missing: len(begun) - len(chosen), files: recording.carryOut(chosen)}
	}
	keep := func(unsynced func() bool) []*effect {
		return slices.DeleteFunc(slices.Clone(begun), func(effect *effect) bool { return !effect.lasts(moment) && !unsynced() })
	}
	share := random.Float64()
	images := []image{
		chosen("NothingUnsynced", keep(func() bool { return false })),
		chosen("SomeUnsynced", keep(func() bool { return random.Float64() < share })),
	}
	if torn, ok := tear(begun, moment, random); ok {
		images = append(images, chosen("ATornWrite", torn))
		images[len(images)-1].missing = 1
	}
	return append(images, chosen(everything, begun))
}

// everything is the label of the image in which nothing is missing.
const everything = "Everything"

// tear shortens the last unsynced write, and reports whether there is one.
func tear(begun []*effect, moment time.Time, random *rand.Rand) ([]*effect, bool) {
	for index, whole := range slices.Backward(begun) {
		if whole.kind == effectWritten && !whole.lasts(moment) {
			torn := *whole
			torn.bytes = whole.bytes[:random.IntN(len(whole.bytes))]
			return slices.Replace(slices.Clone(begun), index, index+1, &torn), true
		}
	}
	return nil, false
}

// carryOut applies effects to an empty folder, and returns the content of its files. A file is gone if
// a folder on its path is.
func (recording *recording) carryOut(effects []*effect) map[string][]byte {
	contents, named := map[*tracedFile][]byte{}, map[string]*tracedFile{}
	for _, effect := range effects {
		content := contents[effect.file]
		switch effect.kind {
		case effectWritten:
			end := effect.at + len(effect.bytes)
			content = resized(content, max(len(content), end))
			copy(content[effect.at:end], effect.bytes)
			contents[effect.file] = content
		case effectTruncated:
			contents[effect.file] = resized(content, effect.at)
		case effectNamed:
			named[effect.name] = effect.file
		case effectRenamed:
			named[effect.name] = effect.file
			delete(named, effect.other)
		case effectUnnamed:
			delete(named, effect.name)
		}
	}
	files := map[string][]byte{}
	isThere := func(folder string) bool {
		for ; folder != recording.root; folder = filepath.Dir(folder) {
			if named[folder] == nil {
				return false
			}
		}
		return true
	}
	for name, file := range named {
		if !file.isFolder && isThere(filepath.Dir(name)) {
			files[name] = contents[file]
		}
	}
	return files
}

// resized cuts content, or lengthens it with zeros.
func resized(content []byte, length int) []byte {
	if length <= len(content) {
		return content[:length]
	}
	return append(content, make([]byte, length-len(content))...)
}

// write replaces the content of a folder with the image.
func (image *image) write(t *testing.T, root string) {
	t.Helper()
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	for _, entry := range entries {
		require.NoError(t, os.RemoveAll(filepath.Join(root, entry.Name())))
	}
	for path, content := range image.files {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, content, 0o600))
	}
}

// memoryFolder is an empty folder in memory, if the system has one. What the disk would do is
// recorded.
func memoryFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/dev/shm", "storebus-image-")
	if err != nil {
		return resolvedFolder(t)
	}
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(folder)) })
	return folder
}

// describe returns the label, the moment and the files of the image.
func (image *image) describe() string {
	var description strings.Builder
	fmt.Fprintf(&description, "%s at %s, %d effects missing", image.label, image.moment.Format(time.RFC3339Nano), image.missing)
	for _, name := range slices.Sorted(maps.Keys(image.files)) {
		fmt.Fprintf(&description, ", %s of %d bytes", filepath.Base(name), len(image.files[name]))
	}
	return description.String()
}

// verifyStore opens a database that no process has open, and checks the invariants of every
// image. The database opens, revisions are dense, the state matches the log, and SQLite
// finds no fault. It returns the log of each namespace. Others look at the store before it is
// closed.
func verifyStore(t *testing.T, database string, others ...func(opened *store.Store)) map[string][]store.Event {
	t.Helper()
	opened, err := store.NewConfigured(store.StoreConfig{DatabasePath: database})
	require.NoError(t, err)
	logs, entries := map[string][]store.Event{}, 0
	for _, namespace := range slices.Concat(promisedNamespaces, loadNamespaces, []string{filedNamespace}) {
		logs[namespace] = readLog(t, opened, namespace)
		entries += verifyReplay(t, opened, logs[namespace])
	}
	status, err := opened.Status()
	require.NoError(t, err)
	assert.Equal(t, uint64(entries), status.Entries, "what is counted is what the logs add up to")
	for _, other := range others {
		other(opened)
	}
	require.NoError(t, opened.Close())
	verifyIntegrity(t, database)
	return logs
}

// readLog returns every change of a namespace. Its revisions must be dense.
func readLog(t *testing.T, opened *store.Store, namespace string) (log []store.Event) {
	t.Helper()
	for {
		page, err := opened.Changes(t.Context(), store.ChangesQuery{Namespace: namespace, After: uint64(len(log)), Limit: 1000})
		require.NoError(t, err)
		for index := range page.Events {
			require.Equal(t, uint64(len(log)+1), page.Events[index].Revision, "revisions of %s are dense", namespace)
			log = append(log, page.Events[index])
		}
		if uint64(len(log)) == page.Revision {
			return log
		}
		require.NotEmpty(t, page.Events, "the log of %s ends at %d, its revision is %d", namespace, len(log), page.Revision)
	}
}

// verifyReplay checks that the entries of each group match a replay of the log, and returns
// their number.
func verifyReplay(t *testing.T, opened *store.Store, log []store.Event) (entries int) {
	t.Helper()
	for group, keys := range addUp(t, log) {
		page, err := opened.GetEntries(store.PageQuery{Group: group, Limit: 1000})
		require.NoError(t, err)
		require.Len(t, page.Entries, len(keys), "keys of %s", group)
		for _, entry := range page.Entries {
			require.Equal(t, keys[entry.Key].Revision, entry.Revision, "%s %s", group, entry.Key)
			require.Equal(t, keys[entry.Key].Value, entry.Value, "%s %s", group, entry.Key)
		}
		entries += len(keys)
	}
	return entries
}

// addUp replays a log of sets and deletes, and returns the content of each group. The
// previous revision in each event must be true.
func addUp(t *testing.T, log []store.Event) map[string]map[string]store.Event {
	t.Helper()
	state, previous := map[string]map[string]store.Event{}, map[string]uint64{}
	for _, event := range log {
		place := fmt.Sprintf("%s %s, revision %d", event.Group, event.Key, event.Revision)
		require.Equal(t, previous[event.Group], event.Previous, place)
		previous[event.Group] = event.Revision
		if state[event.Group] == nil {
			state[event.Group] = map[string]store.Event{}
		}
		_, known := state[event.Group][event.Key]
		switch event.Type {
		case store.EventSet:
			require.Equal(t, !known, event.Created, place)
			state[event.Group][event.Key] = event
		case store.EventDelete:
			require.True(t, known, place)
			delete(state[event.Group], event.Key)
		default:
			require.Failf(t, "unexpected change", "%s: %s", place, event.Type)
		}
	}
	return state
}
