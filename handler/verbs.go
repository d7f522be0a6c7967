// SPDX-License-Identifier: EUPL-1.2

package handler

import "dappco.re/go/storebus/subjects"

// form is the way that a request of a verb looks.
type form int

const (
	// formJSON is store.<ns>.<verb> with a JSON body.
	formJSON form = iota
	// formRaw is store.<ns>.<verb>.<group>.<key>, its payload the value itself.
	formRaw
	// formAdmin is store.admin.<verb> with a JSON body.
	formAdmin
)

// verb is one endpoint of the service.
type verb struct {
	name        subjects.Verb
	form        form
	writes      bool
	description string
	serve       func(request)
}

// verbs is everything that the service answers.
var verbs = []verb{
	{subjects.VerbSet, formJSON, true, "store a value under a key", setJSON.serve},
	{subjects.VerbGet, formJSON, false, "read the entry of a key", getJSON.serve},
	{subjects.VerbDelete, formJSON, true, "remove a key", deleteJSON.serve},
	{subjects.VerbExists, formJSON, false, "tell whether a key is there", existsJSON.serve},
	{subjects.VerbList, formJSON, false, "read a page of a group in the order of its keys", listJSON.serve},
	{subjects.VerbChanges, formJSON, false, "replay the changes after a revision, or wait for the next", changesJSON.serve},

	{subjects.VerbSet, formRaw, true, "store the payload under a key", setRaw.serve},
	{subjects.VerbGet, formRaw, false, "read the value of a key as it is", getRaw.serve},
	{subjects.VerbDelete, formRaw, true, "remove a key", deleteRaw.serve},
	{subjects.VerbExists, formRaw, false, "tell whether a key is there", existsRaw.serve},

	{subjects.VerbAdminStatus, formAdmin, false, "tell how the sidecar is", statusJSON.serve},
}

// endpointName is the verb in the JSON form, and says the form in the others:
// get, get_raw, admin_status.
func (verb *verb) endpointName() string {
	switch verb.form {
	case formRaw:
		return string(verb.name) + "_raw"
	case formAdmin:
		return "admin_" + string(verb.name)
	}
	return string(verb.name)
}

// pattern is the subject that the endpoint subscribes to.
func (verb *verb) pattern(space subjects.Space) string {
	switch verb.form {
	case formRaw:
		return space.RawPattern(verb.name)
	case formAdmin:
		return space.AdminPattern(verb.name)
	}
	return space.RequestPattern(verb.name)
}
