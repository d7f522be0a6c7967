// SPDX-License-Identifier: EUPL-1.2

package store

import (
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
