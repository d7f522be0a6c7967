// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"text/template"
	"text/template/parse"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
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

// RenderQuery asks to fill a template with the values of a group.
//
//	store.RenderQuery{Group: "acme:config", Template: "theme: {{.theme}}\n", Strict: true}
type RenderQuery struct {
	// Group is the whole name.
	Group string
	// Template is as Render takes it.
	Template string
	// Strict makes a missing key an error.
	Strict bool
}

// Rendering is a filled template.
type Rendering struct {
	Text string
	// Revision is the revision of the namespace when the group was read.
	Revision uint64
}

// GetSplit returns the parts of a value between separators. An empty separator splits after
// each UTF-8 character. It returns NotFoundError for a missing key.
//
//	hosts, err := store.GetSplit("config", "hosts", ",")
//	for host := range hosts { … }
func (store *Store) GetSplit(group, key, separator string) (iter.Seq[string], error) {
	entry, err := store.get(group, key)
	if err != nil {
		return nil, operationError("store.GetSplit", group, key, err)
	}
	return strings.SplitSeq(entry.Value, separator), nil
}

// GetFields returns the parts of a value between white space. It returns NotFoundError for a
// missing key.
//
//	flags, err := store.GetFields("config", "flags")
//	for flag := range flags { … }
func (store *Store) GetFields(group, key string) (iter.Seq[string], error) {
	entry, err := store.get(group, key)
	if err != nil {
		return nil, operationError("store.GetFields", group, key, err)
	}
	return strings.FieldsSeq(entry.Value), nil
}

// Render fills a template with the values of a group at one point. The language is a part of
// text/template that can do no harm: the key theme as {{.theme}} or {{index . "theme"}}, len,
// eq ne lt le gt ge, and or not, print, if, with, and one level of range over the group
// ({{range $key, $value := .}}, in byte order of the keys). A missing key renders as <no
// value>.
//
// It returns TemplateError for an invalid template and for anything outside that part. It
// returns TooLargeError beyond MaxTemplateBytes, MaxRenderedBytes or MaxRenderedGroupBytes, and
// ErrDeadlineExceeded after MaxRenderTime.
//
//	text, err := store.Render("theme: {{.theme}}\n", "config")
func (store *Store) Render(template, group string) (string, error) {
	rendering, err := store.render(RenderQuery{Group: group, Template: template})
	if err != nil {
		return "", fmt.Errorf("store.Render: group %q: %w", group, err)
	}
	return rendering.Text, nil
}

// SubmitRender is Render without waiting. It calls done once, before SubmitRender returns or
// later from a goroutine of the store. A few templates run at once, and the others wait.
func (store *Store) SubmitRender(query RenderQuery, done func(Rendering, error)) {
	err := store.startBackground(func() {
		rendering, err := store.renderInSlot(query)
		tell(done, rendering, err)
	})
	if err != nil {
		fail(done, err)
	}
}

// renderInSlot waits until few enough others render: each holds a copy of a group.
func (store *Store) renderInSlot(query RenderQuery) (Rendering, error) {
	select {
	case store.renderSlots <- struct{}{}:
		defer func() { <-store.renderSlots }()
		return store.render(query)
	case <-store.stopped:
		return Rendering{}, kv.ErrClosed
	}
}

func (store *Store) render(query RenderQuery) (Rendering, error) {
	tree, err := parseTemplate(query.Template)
	if err != nil {
		return Rendering{}, err
	}
	copied, err := look(store, func(view *view) (*renderedGroup, error) {
		return view.renderedGroup(query.Group, store.committer.clock.now())
	})
	if err != nil {
		return Rendering{}, err
	}
	text, err := copied.render(tree, query.Strict)
	return Rendering{Text: text, Revision: copied.revision}, err
}

// renderedGroup is a copy of a group, as far as it is small enough.
type renderedGroup struct {
	revision uint64
	ordered  []KeyValue
	values   map[string]string
	bytes    int
}

// take adds the next entry, or returns false if that is too much.
func (copied *renderedGroup) take(key, value string) bool {
	copied.bytes += len(key) + len(value) + renderedEntryOverhead
	if copied.bytes > MaxRenderedGroupBytes {
		return false
	}
	copied.ordered = append(copied.ordered, KeyValue{Key: key, Value: value})
	copied.values[key] = value
	return true
}

// render fills a checked template, or returns TooLargeError if the group did not fit.
func (copied *renderedGroup) render(tree *parse.Tree, strict bool) (string, error) {
	if copied.bytes > MaxRenderedGroupBytes {
		return "", &kv.TooLargeError{What: "group to render", Size: copied.bytes, Limit: MaxRenderedGroupBytes}
	}
	run := &renderRun{group: copied, strict: strict, deadline: time.Now().Add(MaxRenderTime)}
	prepared, err := newTemplate(tree, run.functions(), strict)
	if err != nil {
		return "", err
	}
	return run.execute(prepared)
}

// renderedGroup copies a group.
func (view *view) renderedGroup(name string, now time.Time) (*renderedGroup, error) {
	revision, err := view.revisionOf(name)
	if err != nil {
		return nil, err
	}
	copied := newRenderedGroup()
	copied.revision = revision
	return copied, view.wholeGroup(name, now, func(key string, state *entryState) bool { return copied.take(key, state.value) })
}

func newRenderedGroup() *renderedGroup { return &renderedGroup{values: map[string]string{}} }

// renderRun is one execution of a template. All that could take long or make much
// goes through its methods, which refuse when the time is over.
type renderRun struct {
	group    *renderedGroup
	strict   bool
	deadline time.Time

	text strings.Builder
	// printed is the output of the function print.
	printed int
	// late is set when the time is over.
	late bool
}

func (run *renderRun) execute(prepared *template.Template) (string, error) {
	err := prepared.Execute(run, run.group.values)
	var failure template.ExecError
	switch {
	case run.late:
		return "", fmt.Errorf("%w: the template has run for %s", kv.ErrDeadlineExceeded, MaxRenderTime)
	case errors.Is(err, kv.ErrTooLarge):
		return "", &kv.TooLargeError{What: "rendered text", Size: max(run.text.Len(), run.printed), Limit: MaxRenderedBytes}
	case errors.As(err, &failure):
		return "", &TemplateError{Message: strings.TrimPrefix(failure.Error(), "template: ")}
	default:
		return run.text.String(), err
	}
}

// Write receives the output of the template.
func (run *renderRun) Write(text []byte) (int, error) {
	run.text.Write(text)
	if run.text.Len() > MaxRenderedBytes {
		return 0, kv.ErrTooLarge
	}
	return len(text), run.check()
}

// check returns ErrDeadlineExceeded when the time is over.
func (run *renderRun) check() error {
	run.late = run.late || time.Now().After(run.deadline)
	if run.late {
		return kv.ErrDeadlineExceeded
	}
	return nil
}

func (run *renderRun) functions() template.FuncMap {
	return template.FuncMap{
		showFunction: run.show, valuesFunction: run.eachValue, pairsFunction: run.eachPair,
		"index": run.index, "len": run.length, "print": run.print,
		"eq": run.equal, "ne": run.unequal, "lt": run.less, "le": run.lessOrEqual, "gt": run.greater, "ge": run.greaterOrEqual,
	}
}

// noValue is the rendering of a missing key.
const noValue = "<no value>"

// show makes the text of a value.
func (run *renderRun) show(value any) (string, error) {
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

// print puts texts together, as fmt.Sprint does.
func (run *renderRun) print(values ...any) (string, error) {
	for index, value := range values {
		text, err := run.show(value)
		if err != nil {
			return "", err
		}
		if run.printed += len(text) + 1; run.printed > MaxRenderedBytes {
			return "", kv.ErrTooLarge
		}
		if value == nil {
			values[index] = noValue
		}
	}
	return fmt.Sprint(values...), nil
}

// index returns the value of a key.
func (run *renderRun) index(group any, keys ...string) (any, error) {
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
func (run *renderRun) length(value any) (int, error) {
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

// eachPair goes over the keys and values of the group; it ends early when the time
// is over, and nothing is printed any more then.
func (run *renderRun) eachPair(group any) (iter.Seq2[string, string], error) {
	if _, isGroup := group.(map[string]string); !isGroup {
		return nil, errors.New("range goes over the group only, and this is a value")
	}
	return func(yield func(string, string) bool) {
		for _, pair := range run.group.ordered {
			if run.check() != nil || !yield(pair.Key, pair.Value) {
				return
			}
		}
	}, run.check()
}

// eachValue is eachPair without the keys.
func (run *renderRun) eachValue(group any) (iter.Seq[string], error) {
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
