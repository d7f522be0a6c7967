// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// eventColours are the colours of changes at a terminal. The type is printed as a word too.
var eventColours = map[subjects.EventType]string{
	subjects.EventSet: "32", subjects.EventTouch: "36", subjects.EventDelete: "31", subjects.EventDeleteGroup: "31", subjects.EventExpire: "33",
}

// eventTypes are the values of --type.
var eventTypes = []string{
	string(subjects.EventSet), string(subjects.EventTouch), string(subjects.EventDelete), string(subjects.EventDeleteGroup), string(subjects.EventExpire),
}

// filter decides which changes of a watch are printed, and how many.
type filter struct {
	types     []string
	keyPrefix string
	since     time.Time
	// left is the number of changes still to print, 0 if there is no limit.
	left uint
}

// filter reads the flags.
func (call *call) filter() (*filter, error) {
	filter := &filter{keyPrefix: call.command.String(keyPrefixFlag), left: call.command.Uint(limitFlag)}
	if types := call.command.String(typeFlag); types != "" {
		filter.types = strings.Split(types, ",")
	}
	for _, name := range filter.types {
		if !slices.Contains(eventTypes, name) {
			return nil, call.declared.usageError(fmt.Sprintf("there is no type %q: use %s", name, strings.Join(eventTypes, ", ")))
		}
	}
	if !call.given[sinceFlag] {
		return filter, nil
	}
	since := call.command.Duration(sinceFlag)
	if since <= 0 || call.given[afterFlag] {
		return nil, call.declared.usageError("--since takes a duration such as 10m, and does not go with --after")
	}
	filter.since = now().Add(-since)
	return filter, nil
}

// takes reports whether a change is printed. A deleted group always passes the filter by
// key: it removes keys of every prefix.
func (filter *filter) takes(change *client.Change) bool {
	return (filter.types == nil || slices.Contains(filter.types, string(change.Type))) &&
		(change.Type == subjects.EventDeleteGroup || strings.HasPrefix(change.Key, filter.keyPrefix)) && !change.Timestamp.Before(filter.since)
}

// isLast counts a printed change, and reports whether it was the last.
func (filter *filter) isLast() bool {
	if filter.left == 0 {
		return false
	}
	filter.left--
	return filter.left == 0
}

// execute runs the command of --exec for a change. The command gets the change as JSON on
// standard input, and in variables.
func (call *call) execute(ctx context.Context, change *client.Change) error {
	line := call.command.String(execFlag)
	if line == "" {
		return nil
	}
	command := exec.CommandContext(ctx, "sh", "-c", line)
	command.Stdin = bytes.NewReader(change.JSON)
	command.Stdout, command.Stderr = call.output, call.command.Root().ErrWriter
	command.Env = append(os.Environ(),
		"STOREBUS_REVISION="+strconv.FormatUint(change.Revision, 10), "STOREBUS_TYPE="+string(change.Type),
		"STOREBUS_NAMESPACE="+change.Namespace, "STOREBUS_GROUP="+change.Group, "STOREBUS_KEY="+change.Key)
	if err := command.Run(); err != nil {
		return fmt.Errorf("the command of --exec failed at revision %d (go on with --after %d): %w", change.Revision, change.Revision-1, err)
	}
	return nil
}
