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

// recordingOptions make strace record every fsync, and every call that changes a database
// or its folder, with all data. If the list lacked a call, the comparison of the recording
// with the files would fail. Each fsync starts late, so a reply that does not wait for it
// is detected.
func recordingOptions(database string) []string {
	return []string{
		"-xx", "-s", "131072",
		"-e", "trace=?open,openat,?creat,pwrite64,ftruncate,fsync,fdatasync,?unlink,unlinkat,?rename,?renameat,renameat2",
		"-e", "inject=fsync,fdatasync:delay_enter=5000",
		"-P", filepath.Dir(database), "-P", database, "-P", database + "-wal", "-P", database + "-journal",
	}
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

// descriptor returns the path of the first argument.
func (call *systemCall) descriptor() (string, error) {
	_, path, _ := strings.Cut(strings.TrimSuffix(call.arguments[0], ">"), "<")
	return unhex(path)
}

// effect is one change to a file or to the folder.
type effect struct {
	kind effectKind
	// file is the changed or named file. Names belong to the folder, so an fsync of the
	// folder makes them last.
	file  *tracedFile
	name  string
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
	effectUnnamed
)

// tracedFile is a file under any of its names. The folder is one too.
type tracedFile struct {
	name     string // its first name
	unsynced []*effect
}

// recording is every change of a process to a database, in order.
type recording struct {
	effects []*effect
	syncs   int

	folder *tracedFile
	names  map[string]*tracedFile // the current names
}

// newRecording reads the trace of a process that started without a database.
func newRecording(t *testing.T, database, trace string) *recording {
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
	folder := &tracedFile{}
	recorded := &recording{folder: folder, names: map[string]*tracedFile{filepath.Dir(database): folder}}
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
	case "unlink", "unlinkat":
		return recording.unlinked(call)
	case "pwrite64":
		return recording.written(call)
	case "ftruncate":
		return recording.truncated(call)
	case "fsync", "fdatasync":
		return recording.synced(call)
	default:
		return fmt.Errorf("%s is not expected of a database: %q", call.name, call.arguments)
	}
}

func (recording *recording) opened(call *systemCall) error {
	if strings.Contains(call.arguments[len(call.arguments)-1]+call.arguments[len(call.arguments)-2], "O_TRUNC") {
		return fmt.Errorf("%s truncates %s", call.name, call.path)
	}
	if recording.names[call.path] == nil {
		file := &tracedFile{name: call.path}
		recording.names[call.path] = file
		recording.append(call, &effect{kind: effectNamed, file: file, name: call.path}, recording.folder)
	}
	return nil
}

func (recording *recording) unlinked(call *systemCall) error {
	index := slices.IndexFunc(call.arguments, func(argument string) bool { return argument[0] == '"' })
	path, err := call.text(max(index, 0))
	if err != nil {
		return err
	}
	recording.append(call, &effect{kind: effectUnnamed, name: path}, recording.folder)
	delete(recording.names, path)
	return nil
}

func (recording *recording) written(call *systemCall) error {
	file, err := recording.file(call)
	if err != nil {
		return err
	}
	bytes, err := call.text(1)
	if err != nil {
		return err
	}
	offset, err := call.number(3)
	if err != nil {
		return err
	}
	recording.append(call, &effect{kind: effectWritten, file: file, name: file.name, bytes: bytes[:call.result], at: offset}, file)
	return nil
}

func (recording *recording) truncated(call *systemCall) error {
	file, err := recording.file(call)
	if err != nil {
		return err
	}
	length, err := call.number(1)
	if err != nil {
		return err
	}
	recording.append(call, &effect{kind: effectTruncated, file: file, name: file.name, at: length}, file)
	return nil
}

func (recording *recording) synced(call *systemCall) error {
	file, err := recording.file(call)
	if err != nil {
		return err
	}
	recording.syncs++
	file.unsynced = slices.DeleteFunc(file.unsynced, func(effect *effect) bool {
		if effect.ended.After(call.began) {
			return false // it was under way when the fsync began, so the fsync may have missed it
		}
		effect.synced = call.ended
		return true
	})
	return nil
}

// file returns the file of a descriptor.
func (recording *recording) file(call *systemCall) (*tracedFile, error) {
	path, err := call.descriptor()
	if err != nil {
		return nil, err
	}
	file := recording.names[path]
	if file == nil {
		return nil, fmt.Errorf("%s of %s, which was never opened", call.name, path)
	}
	return file, nil
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
