// SPDX-License-Identifier: EUPL-1.2

package kv

import (
	"fmt"
	"strings"

	"dappco.re/go/storebus/store/internal/failure"
)

// MaxNamespaceBytes is the length of the longest name of a namespace.
const MaxNamespaceBytes = 64

// reservedNamespaces would collide with other uses of the same place in a subject.
var reservedNamespaces = map[string]bool{"events": true, "admin": true, "workspace": true}

// NamespaceOf returns the namespace of a group and the group's name within the namespace. The
// namespace is the part before the first colon, if that is a valid namespace. Any other group
// belongs to the empty namespace.
//
//	NamespaceOf("acme:user:42") // "acme", "user:42"
//	NamespaceOf("config")       // "", "config"
//	NamespaceOf("events:x")     // "", "events:x"
func NamespaceOf(group string) (namespace, name string) {
	before, after, found := strings.Cut(group, ":")
	if !found || CheckNamespace(before) != nil {
		return "", group
	}
	return before, after
}

// WholeGroup undoes NamespaceOf.
func WholeGroup(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + ":" + name
}

// LocalGroup returns the name of a group within a namespace that it belongs to.
func LocalGroup(namespace, group string) string {
	return strings.TrimPrefix(group, WholeGroup(namespace, ""))
}

// CheckNamespace returns ErrInvalidName if the namespace is invalid.
func CheckNamespace(namespace string) error {
	switch {
	case namespace == "" || len(namespace) > MaxNamespaceBytes:
		return fmt.Errorf("%w: namespace %q has %d bytes, 1 to %d are allowed", failure.ErrInvalidName, namespace, len(namespace), MaxNamespaceBytes)
	case reservedNamespaces[namespace]:
		return fmt.Errorf("%w: namespace %q is reserved", failure.ErrInvalidName, namespace)
	}
	for index := range len(namespace) {
		if !IsNamespaceByte(namespace[index]) {
			return fmt.Errorf("%w: namespace %q holds %q; use letters, digits and '-'", failure.ErrInvalidName, namespace, namespace[index])
		}
	}
	return nil
}

// IsNamespaceByte reports whether a byte may stand in the name of a namespace: a letter, a
// digit or a hyphen.
func IsNamespaceByte(letter byte) bool {
	return letter >= 'a' && letter <= 'z' || letter >= 'A' && letter <= 'Z' || letter >= '0' && letter <= '9' || letter == '-'
}
