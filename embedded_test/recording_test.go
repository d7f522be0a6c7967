// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recordingOptions make strace record every fsync, and every call that changes a file or a
// folder, with all data. If the list lacked a call, the comparison of the recording
// with the files would fail. Each fsync starts late, so a reply that does not wait for it
// is detected.
var recordingOptions = []string{
	"-xx", "-s", "1048576",
	"-e", "trace=?open,openat,?creat,?mkdir,mkdirat,write,pwrite64,ftruncate,fsync,fdatasync,?unlink,unlinkat,?rmdir,?rename,?renameat,renameat2",
	"-e", "inject=fsync,fdatasync:delay_enter=5000",
}

// systemCall is one line of a trace.
type systemCall struct {
	name         string
	arguments    []string
	result       int
	path         string // of the returned descriptor
	began, ended time.Time
}

// isLettingGo recognises the line of a thread that strace let go between two calls, as the
// process ended: "1795383947.5 ???( <detached ...>".
func isLettingGo(line string) bool {
	return strings.HasSuffix(line, " ???( <detached ...>\n")
}

// parseSystemCall parses a line. Every text in it is hexadecimal, so no text holds a
// separator.
//
//	1795383947.5 pwrite64(9<\x2f\x64>, "\x00\x01", 2, 32) = 2 <0.000022>
func parseSystemCall(line string) (call systemCall, err error) {
	began, rest, _ := strings.Cut(line, " ")
	before, after := strings.LastIndex(rest, " = "), strings.LastIndex(rest, " <")
	if before < 0 || after < before || !strings.HasSuffix(rest, ">") {
		return call, fmt.Errorf("no system call: %.200s", line)
	}
	if call.began, err = parseTime(began); err != nil {
		return call, err
	}
	took, err := time.ParseDuration(rest[after+2:len(rest)-1] + "s")
	call.ended = call.began.Add(took)
	if err != nil {
		return call, err
	}
	name, arguments, _ := strings.Cut(strings.TrimRight(rest[:before], " "), "(")
	call.name, call.arguments = name, strings.Split(strings.TrimSuffix(arguments, ")"), ", ")
	result, _, _ := strings.Cut(rest[before+3:after], " ")
	number, path, isDescriptor := strings.Cut(result, "<")
	if isDescriptor {
		if call.path, err = unhex(strings.TrimSuffix(path, ">")); err != nil {
			return call, err
		}
	}
	call.result, err = strconv.Atoi(number)
	return call, err
}

func parseTime(text string) (time.Time, error) {
	seconds, nanoseconds, _ := strings.Cut(text, ".")
	whole, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	part, err := strconv.ParseInt(nanoseconds, 10, 64)
	return time.Unix(whole, part), err
}

// unhex decodes \x61\x62.
func unhex(text string) (string, error) {
	decoded, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
	return string(decoded), err
}

// text returns an argument in quotation marks.
func (call *systemCall) text(index int) (string, error) {
	quoted := call.arguments[index]
	if len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
		return "", fmt.Errorf("%s: argument %d is no whole text: %.200s", call.name, index, quoted)
	}
	return unhex(quoted[1 : len(quoted)-1])
}

// number returns a numeric argument.
func (call *systemCall) number(index int) (int, error) { return strconv.Atoi(call.arguments[index]) }

// descriptor returns an argument that is a descriptor, and its path.
//
//	9<\x2f\x64>
func (call *systemCall) descriptor(index int) (number int, path string, err error) {
	digits, rest, _ := strings.Cut(strings.TrimSuffix(call.arguments[index], ">"), "<")
	if number, err = strconv.Atoi(digits); err != nil {
		return 0, "", err
	}
	path, err = unhex(rest)
	return number, path, err
}

// effect is one change to a file or to a folder.
type effect struct {
	kind effectKind
	// file is the changed or named file. Names belong to their folder, so an fsync of the
	// folder makes them last.
	file  *tracedFile
	name  string
	other string // the name before, if a file is renamed
	bytes string
	at    int // the offset of bytes, or the length after truncation

	began, ended time.Time
	// synced is the return of the first fsync that began after the effect, zero if there
	// was none.
	synced time.Time
}

type effectKind int

const (
	effectWritten effectKind = iota
	effectTruncated
	effectNamed
	effectRenamed
	effectUnnamed
)

// tracedFile is a file under any of its names, or a folder.
type tracedFile struct {
	isFolder bool
	unsynced []*effect
}

// descriptor is an open file.
type descriptor struct {
	file   *tracedFile
	name   string
	offset int // of the next write without an offset
}

// recording is every change of a process to the files below a folder, in order.
type recording struct {
	root    string
	effects []*effect
	syncs   int

	names       map[string]*tracedFile // the current names
	descriptors map[int]*descriptor
}

// isRecorded reports whether the content of a file counts. What the locks, the shared memory of
// SQLite and the reserve of the disk have in them does not matter after a loss of power.
func isRecorded(path string) bool {
	return !slices.ContainsFunc([]string{".lock", "-shm", ".reserve"}, func(suffix string) bool { return strings.HasSuffix(path, suffix) })
}

// newRecording reads the trace of a process that started with an empty folder.
func newRecording(t *testing.T, root, trace string) *recording {
	t.Helper()
	var calls []systemCall
	for _, text := range readTrace(t, trace) {
		for line := range strings.Lines(text) {
			if isLettingGo(line) {
				continue
			}
			call, err := parseSystemCall(strings.TrimSuffix(line, "\n"))
			require.NoError(t, err)
			calls = append(calls, call)
		}
	}
	slices.SortFunc(calls, func(one, other systemCall) int { return one.began.Compare(other.began) })
	recorded := &recording{root: root, names: map[string]*tracedFile{root: {isFolder: true}}, descriptors: map[int]*descriptor{}}
	for index := range calls {
		require.NoError(t, recorded.add(&calls[index]))
	}
	return recorded
}

func (recording *recording) add(call *systemCall) error {
	if call.result < 0 {
		return nil // the call failed and changed nothing
	}
	switch call.name {
	case "open", "openat", "creat":
		return recording.opened(call)
	case "mkdir", "mkdirat":
		return recording.made(call)
	case "unlink", "unlinkat", "rmdir":
		return recording.unlinked(call)
	case "rename", "renameat", "renameat2":
		return recording.renamed(call)
	case "write", "pwrite64":
		return recording.written(call)
	case "ftruncate":
		return recording.truncated(call)
	case "fsync", "fdatasync":
		return recording.synced(call)
	default:
		return fmt.Errorf("%s is not expected: %q", call.name, call.arguments)
	}
}

// has reports whether a path is below the folder, and counts.
func (recording *recording) has(path string) bool {
	return strings.HasPrefix(path, recording.root+string(filepath.Separator)) && isRecorded(path)
}

func (recording *recording) opened(call *systemCall) error {
	delete(recording.descriptors, call.result)
	if call.path == recording.root {
		recording.descriptors[call.result] = &descriptor{file: recording.names[call.path], name: call.path}
	}
	if !recording.has(call.path) {
		return nil
	}
	if recording.names[call.path] == nil {
		if err := recording.name(call, call.path, &tracedFile{}); err != nil {
			return err
		}
	}
	opened := &descriptor{file: recording.names[call.path], name: call.path}
	recording.descriptors[call.result] = opened
	if strings.Contains(call.arguments[len(call.arguments)-1]+call.arguments[len(call.arguments)-2], "O_TRUNC") {
		recording.append(call, &effect{kind: effectTruncated, file: opened.file, name: opened.name}, opened.file)
	}
	return nil
}

// name gives a new file its first name.
func (recording *recording) name(call *systemCall, path string, file *tracedFile) error {
	folder := recording.names[filepath.Dir(path)]
	if folder == nil {
		return fmt.Errorf("%s of %s, in a folder that was never made", call.name, path)
	}
	recording.names[path] = file
	recording.append(call, &effect{kind: effectNamed, file: file, name: path}, folder)
	return nil
}

// paths returns the texts among the arguments.
func (call *systemCall) paths() (paths []string, err error) {
	for index, argument := range call.arguments {
		if argument[0] == '"' {
			path, err := call.text(index)
			if err != nil {
				return nil, err
			}
			paths = append(paths, path)
		}
	}
	return paths, nil
}

func (recording *recording) made(call *systemCall) error {
	paths, err := call.paths()
	if err != nil || !recording.has(paths[0]) {
		return err
	}
	return recording.name(call, paths[0], &tracedFile{isFolder: true})
}

func (recording *recording) unlinked(call *systemCall) error {
	paths, err := call.paths()
	if err != nil || !recording.has(paths[0]) {
		return err
	}
	recording.append(call, &effect{kind: effectUnnamed, name: paths[0]}, recording.names[filepath.Dir(paths[0])])
	delete(recording.names, paths[0])
	return nil
}

func (recording *recording) renamed(call *systemCall) error {
	paths, err := call.paths()
	if err != nil || !recording.has(paths[0]) {
		return err
	}
	file := recording.names[paths[0]]
	if file == nil || filepath.Dir(paths[0]) != filepath.Dir(paths[1]) {
		return fmt.Errorf("%s of %s, which was never there, or moves to another folder: %s", call.name, paths[0], paths[1])
	}
	delete(recording.names, paths[0])
	recording.names[paths[1]] = file
	recording.append(call, &effect{kind: effectRenamed, file: file, name: paths[1], other: paths[0]}, recording.names[filepath.Dir(paths[1])])
	return nil
}

func (recording *recording) written(call *systemCall) error {
	opened, err := recording.descriptor(call)
	if opened == nil || err != nil {
		return err
	}
	bytes, err := call.text(1)
	if err != nil {
		return err
	}
	at := opened.offset
	if call.name == "pwrite64" {
		if at, err = call.number(3); err != nil {
			return err
		}
	} else {
		opened.offset += call.result
	}
	recording.append(call, &effect{kind: effectWritten, file: opened.file, name: opened.name, bytes: bytes[:call.result], at: at}, opened.file)
	return nil
}

func (recording *recording) truncated(call *systemCall) error {
	opened, err := recording.descriptor(call)
	if opened == nil || err != nil {
		return err
	}
	length, err := call.number(1)
	if err != nil {
		return err
	}
	recording.append(call, &effect{kind: effectTruncated, file: opened.file, name: opened.name, at: length}, opened.file)
	return nil
}

func (recording *recording) synced(call *systemCall) error {
	opened, err := recording.descriptor(call)
	if opened == nil || err != nil {
		return err
	}
	recording.syncs++
	opened.file.unsynced = slices.DeleteFunc(opened.file.unsynced, func(effect *effect) bool {
		if effect.ended.After(call.began) {
			return false // it was under way when the fsync began, so the fsync may have missed it
		}
		effect.synced = call.ended
		return true
	})
	return nil
}

// descriptor returns the open file of a call, nil for a file that does not count. A number may have
// been given twice within the time of one call to open. So the path decides, if it has a file.
func (recording *recording) descriptor(call *systemCall) (*descriptor, error) {
	number, path, err := call.descriptor(0)
	path, isGone := strings.CutSuffix(path, " (deleted)")
	if err != nil || !recording.has(path) && path != recording.root {
		return nil, err
	}
	opened, file := recording.descriptors[number], recording.names[path]
	switch {
	case opened != nil && (isGone || file == opened.file):
		return opened, nil
	case isGone || file == nil:
		return nil, fmt.Errorf("%s of %s, which was never opened", call.name, path)
	}
	opened = &descriptor{file: file, name: path}
	recording.descriptors[number] = opened
	return opened, nil
}

// append adds an effect. The next fsync of syncedBy makes it last.
func (recording *recording) append(call *systemCall, effect *effect, syncedBy *tracedFile) {
	effect.began, effect.ended = call.began, call.ended
	syncedBy.unsynced = append(syncedBy.unsynced, effect)
	recording.effects = append(recording.effects, effect)
}

// before returns the effects that began before a moment.
func (recording *recording) before(moment time.Time) []*effect {
	count, _ := slices.BinarySearchFunc(recording.effects, moment, func(effect *effect, moment time.Time) int {
		return cmp.Or(effect.began.Compare(moment), 1)
	})
	return recording.effects[:count]
}

// lasts reports whether an effect was certainly on disk at a moment.
func (effect *effect) lasts(moment time.Time) bool {
	return !effect.synced.IsZero() && !effect.synced.After(moment)
}
