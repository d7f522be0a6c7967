// SPDX-License-Identifier: EUPL-1.2

package subjects

import "slices"

// Verb is the word of a request subject that says what is asked: the "set" of
// store.acme.set.
type Verb string

// The verbs of a namespace. A verb that is added here goes into tenantVerbs too.
const (
	VerbSet     Verb = "set"
	VerbGet     Verb = "get"
	VerbDelete  Verb = "delete"
	VerbExists  Verb = "exists"
	VerbList    Verb = "list"
	VerbChanges Verb = "changes"
)

// The verbs of an operator, on store.admin.<verb>. A verb that is added here goes
// into adminVerbs too, and none may share its name with a verb of a namespace.
const (
	VerbAdminStatus Verb = "status"
)

var (
	tenantVerbs = []Verb{VerbSet, VerbGet, VerbDelete, VerbExists, VerbList, VerbChanges}
	rawVerbs    = []Verb{VerbSet, VerbGet, VerbDelete, VerbExists}
	adminVerbs  = []Verb{VerbAdminStatus}
)

// TenantVerbs gives the verbs of a namespace: one endpoint each. The caller owns the slice.
func TenantVerbs() []Verb { return slices.Clone(tenantVerbs) }

// RawVerbs gives the verbs that have a raw form, store.acme.get.config.theme, as
// well. The caller owns the slice.
func RawVerbs() []Verb { return slices.Clone(rawVerbs) }

// AdminVerbs gives the verbs of an operator. The caller owns the slice.
func AdminVerbs() []Verb { return slices.Clone(adminVerbs) }

// IsTenant reports whether the verb is one of a namespace.
func (verb Verb) IsTenant() bool { return slices.Contains(tenantVerbs, verb) }

// HasRaw reports whether the verb has a raw form.
func (verb Verb) HasRaw() bool { return slices.Contains(rawVerbs, verb) }

// IsAdmin reports whether the verb is one of an operator.
func (verb Verb) IsAdmin() bool { return slices.Contains(adminVerbs, verb) }
