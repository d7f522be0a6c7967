// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/state"
	"dappco.re/go/storebus/store/internal/template"
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
	submitBackground(store, func() (Rendering, error) { return store.renderInTurn(query) }, done)
}

func (store *Store) renderInTurn(query RenderQuery) (Rendering, error) {
	leave, err := store.renderings.Enter(struct{}{})
	if err != nil {
		return Rendering{}, err
	}
	defer leave()
	return store.render(query)
}

func (store *Store) render(query RenderQuery) (Rendering, error) {
	tree, err := template.Parse(query.Template)
	if err != nil {
		return Rendering{}, err
	}
	copied, err := look(store, func(committer *committer) (*template.Group, error) {
		return copyGroup(committer.view, query.Group, committer.clock.Now())
	})
	if err != nil {
		return Rendering{}, err
	}
	text, err := copied.Render(tree, query.Strict)
	return Rendering{Text: text, Revision: copied.Revision}, err
}

// copyGroup copies a group for a template.
func copyGroup(view *state.View, name string, now time.Time) (*template.Group, error) {
	revision, err := view.RevisionOf(name)
	if err != nil {
		return nil, err
	}
	copied := template.NewGroup()
	copied.Revision = revision
	return copied, view.WholeGroup(name, now, func(key string, state *kv.EntryState) bool { return copied.Take(key, state.Value) })
}

// The bounds of templates and of rendering.
const (
	// MaxTemplateBytes is the longest source of a template.
	MaxTemplateBytes = template.MaxBytes
	// MaxRenderedBytes is the length of the longest text that a template may make. It also
	// bounds the output of all prints together.
	MaxRenderedBytes = template.MaxRenderedBytes
	// MaxRenderedGroupBytes is the size of the largest group that can be rendered: keys and
	// values, and 64 bytes for each entry.
	MaxRenderedGroupBytes = template.MaxRenderedGroupBytes
	// MaxRenderTime is the longest time that a template runs.
	MaxRenderTime = template.MaxRenderTime
)

// TemplateError says what is wrong with a template. It wraps ErrInvalidTemplate.
type TemplateError = template.Error
