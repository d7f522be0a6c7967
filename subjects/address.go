// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"strings"
)

// Address is the content of a request's subject. Group and Key are set in the raw form
// only. Namespace is empty in an operator's request.
type Address struct {
	Namespace  string
	Verb       Verb
	Group, Key string
	Raw, Admin bool
}

// Parse reads the subject of a request. It returns ErrBadRequest for a malformed subject,
// a reserved namespace, and a token that is not the canonical token of a valid name. The
// error has the field "namespace", "group" or "key" at fault.
//
//	address, err := space.Parse("store.acme.get.a%2Eb.theme")
//	// Address{Namespace: "acme", Verb: "get", Group: "a.b", Key: "theme", Raw: true}
func (space Space) Parse(subject string) (Address, error) {
	rest, ok := space.cutPrefix(subject)
	if !ok {
		return Address{}, ErrBadRequest.New(fmt.Sprintf("subject %s does not begin with %s.", quote(subject), space.Prefix()))
	}
	namespace, rest, ok := strings.Cut(rest, ".")
	if ok && namespace == adminToken {
		return parseAdmin(rest)
	}
	if failure := checkNamespace(namespace); failure != nil {
		return Address{}, failure
	}
	verb, names, raw := strings.Cut(rest, ".")
	address := Address{Namespace: namespace, Verb: Verb(verb), Raw: raw}
	if !address.Verb.IsTenant() || raw && !address.Verb.HasRaw() {
		return Address{}, badVerb(address.Verb, raw)
	}
	if !raw {
		return address, nil
	}
	return parseRaw(address, names)
}

// ParseEvent returns the namespace and the group of an event's subject. Any other subject
// is ErrBadRequest.
//
//	namespace, group, err := space.ParseEvent("store.events.acme.a%2Eb")  // acme, a.b
func (space Space) ParseEvent(subject string) (namespace, group string, err error) {
	rest, ok := space.cutPrefix(subject)
	if ok {
		rest, ok = strings.CutPrefix(rest, eventsToken+".")
	}
	if !ok {
		return "", "", ErrBadRequest.New(fmt.Sprintf("subject %s does not begin with %s.%s.", quote(subject), space.Prefix(), eventsToken))
	}
	namespace, token, _ := strings.Cut(rest, ".")
	if failure := checkNamespace(namespace); failure != nil {
		return "", "", failure
	}
	if group, err = parseName("group", token, CheckGroup); err != nil {
		return "", "", err
	}
	return namespace, group, nil
}

// cutPrefix returns the rest of a subject after the prefix and its dot.
func (space Space) cutPrefix(subject string) (string, bool) {
	rest, ok := strings.CutPrefix(subject, space.Prefix())
	if !ok {
		return "", false
	}
	return strings.CutPrefix(rest, ".")
}

func parseAdmin(rest string) (Address, error) {
	if verb := Verb(rest); verb.IsAdmin() {
		return Address{Verb: verb, Admin: true}, nil
	}
	return Address{}, BadField("namespace", fmt.Sprintf("%q is reserved and cannot be a namespace, and %s is no verb of an operator: those are %s",
		adminToken, quote(rest), list(adminVerbs)))
}

func parseRaw(address Address, names string) (Address, error) {
	group, key, _ := strings.Cut(names, ".")
	var err error
	if address.Group, err = parseName("group", group, CheckGroup); err != nil {
		return Address{}, err
	}
	if address.Key, err = parseName("key", key, CheckKey); err != nil {
		return Address{}, err
	}
	return address, nil
}

// parseName decodes a token and checks its name. A subject with too many dots leaves a
// dot in the token, and no token may hold one.
func parseName(field, token string, check func(string) error) (string, error) {
	name, err := DecodeToken(token)
	if err != nil {
		return "", BadField(field, field+": "+err.Error())
	}
	if err := check(name); err != nil {
		return "", err
	}
	return name, nil
}

func badVerb(verb Verb, raw bool) *Error {
	if raw {
		return ErrBadRequest.New(fmt.Sprintf("verb %s has no raw form: those that have one are %s", quote(string(verb)), list(rawVerbs)))
	}
	return ErrBadRequest.New(fmt.Sprintf("there is no verb %s: the verbs are %s", quote(string(verb)), list(tenantVerbs)))
}

// list joins names in a sentence: "set, get, delete".
func list[Name ~string](names []Name) string {
	words := make([]string, len(names))
	for index, name := range names {
		words[index] = string(name)
	}
	return strings.Join(words, ", ")
}
