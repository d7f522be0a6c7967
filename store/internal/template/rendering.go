// SPDX-License-Identifier: EUPL-1.2

package template

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"dappco.re/go/storebus/store/internal/failure"
)

// The bounds of rendering.
const (
	// MaxRenderedBytes is the length of the longest text that a template may make. It also
	// bounds the output of all prints together.
	MaxRenderedBytes = 1 << 20
	// MaxRenderedGroupBytes is the size of the largest group that can be rendered: keys and
	// values, and 64 bytes for each entry.
	MaxRenderedGroupBytes = 4 << 20
	// MaxRenderTime is the longest time that a template runs.
	MaxRenderTime = 100 * time.Millisecond

	renderedEntryOverhead = 64
)

// Group is a copy of a group, up to the largest permitted size.
type Group struct {
	Revision uint64
	ordered  []pair
	values   map[string]string
	bytes    int
}

// pair is a key with its value.
type pair struct{ key, value string }

// Take adds the next entry. It returns false if the group is too large then.
func (copied *Group) Take(key, value string) bool {
	copied.bytes += len(key) + len(value) + renderedEntryOverhead
	if copied.bytes > MaxRenderedGroupBytes {
		return false
	}
	copied.ordered = append(copied.ordered, pair{key: key, value: value})
	copied.values[key] = value
	return true
}

// Render executes a checked template. It returns TooLargeError if the group was too large.
func (copied *Group) Render(tree *parse.Tree, strict bool) (string, error) {
	if copied.bytes > MaxRenderedGroupBytes {
		return "", &failure.TooLargeError{What: "group to render", Size: copied.bytes, Limit: MaxRenderedGroupBytes}
	}
	run := &Run{group: copied, strict: strict, deadline: time.Now().Add(MaxRenderTime)}
	prepared, err := Prepare(tree, run.functions(), strict)
	if err != nil {
		return "", err
	}
	return run.execute(prepared)
}

// NewGroup returns an empty group.
func NewGroup() *Group { return &Group{values: map[string]string{}} }

// Run is one execution of a template. Every operation that may take long, or produce much
// text, is one of its methods. They refuse to go on after the deadline.
type Run struct {
	group    *Group
	strict   bool
	deadline time.Time

	text strings.Builder
	// printed is the output of the function print.
	printed int
	// late is set after the deadline.
	late bool
}

func (run *Run) execute(prepared *template.Template) (string, error) {
	err := prepared.Execute(run, run.group.values)
	var failed template.ExecError
	switch {
	case run.late:
		return "", fmt.Errorf("%w: the template has run for %s", failure.ErrDeadlineExceeded, MaxRenderTime)
	case errors.Is(err, failure.ErrTooLarge):
		return "", &failure.TooLargeError{What: "rendered text", Size: max(run.text.Len(), run.printed), Limit: MaxRenderedBytes}
	case errors.As(err, &failed):
		return "", &Error{Message: strings.TrimPrefix(failed.Error(), "template: ")}
	default:
		return run.text.String(), err
	}
}

// Write receives the output of the template.
func (run *Run) Write(text []byte) (int, error) {
	run.text.Write(text)
	if run.text.Len() > MaxRenderedBytes {
		return 0, failure.ErrTooLarge
	}
	return len(text), run.check()
}

// check returns ErrDeadlineExceeded after the deadline.
func (run *Run) check() error {
	run.late = run.late || time.Now().After(run.deadline)
	if run.late {
		return failure.ErrDeadlineExceeded
	}
	return nil
}

func (run *Run) functions() template.FuncMap {
	return template.FuncMap{
		showFunction: run.format, valuesFunction: run.eachValue, pairsFunction: run.eachPair,
		"index": run.index, "len": run.length, "print": run.print,
		"eq": run.equal, "ne": run.unequal, "lt": run.less, "le": run.lessOrEqual, "gt": run.greater, "ge": run.greaterOrEqual,
	}
}

// noValue is the rendering of a missing key.
const noValue = "<no value>"

// format returns the text of a value. It is the function show of a template.
func (run *Run) format(value any) (string, error) {
	if err := run.check(); err != nil {
		return "", err
	}
	switch value := value.(type) {
	case nil:
		return noValue, nil
	case string:
		return value, nil
	case map[string]string:
		return "", errors.New("the group cannot be printed as a whole; use range")
	default:
		return fmt.Sprint(value), nil
	}
}

// print joins texts as fmt.Sprint does.
func (run *Run) print(values ...any) (string, error) {
	for index, value := range values {
		text, err := run.format(value)
		if err != nil {
			return "", err
		}
		if run.printed += len(text) + 1; run.printed > MaxRenderedBytes {
			return "", failure.ErrTooLarge
		}
		if value == nil {
			values[index] = noValue
		}
	}
	return fmt.Sprint(values...), nil
}

// index returns the value of a key.
func (run *Run) index(group any, keys ...string) (any, error) {
	if err := run.check(); err != nil {
		return nil, err
	}
	values, isGroup := group.(map[string]string)
	if !isGroup || len(keys) != 1 {
		return nil, errors.New(`index takes the group and one key: index . "theme"`)
	}
	value, exists := values[keys[0]]
	switch {
	case exists:
		return value, nil
	case run.strict:
		return nil, fmt.Errorf("there is no key %q", keys[0])
	default:
		return nil, nil
	}
}

// length returns the bytes of a text or the keys of the group.
func (run *Run) length(value any) (int, error) {
	switch value := value.(type) {
	case nil:
		return 0, run.check()
	case string:
		return len(value), run.check()
	case map[string]string:
		return len(value), run.check()
	default:
		return 0, fmt.Errorf("len of %v: a text or the group has a length", value)
	}
}

// eachPair returns the keys and values of the group in order. If the deadline comes, the
// loop ends early, and nothing more is printed.
func (run *Run) eachPair(group any) (iter.Seq2[string, string], error) {
	if _, isGroup := group.(map[string]string); !isGroup {
		return nil, errors.New("range goes over the group only, and this is a value")
	}
	return func(yield func(string, string) bool) {
		for _, pair := range run.group.ordered {
			if run.check() != nil || !yield(pair.key, pair.value) {
				return
			}
		}
	}, run.check()
}

// eachValue is eachPair without the keys.
func (run *Run) eachValue(group any) (iter.Seq[string], error) {
	pairs, err := run.eachPair(group)
	if err != nil {
		return nil, err
	}
	return func(yield func(string) bool) {
		for _, value := range pairs {
			if !yield(value) {
				return
			}
		}
	}, nil
}
