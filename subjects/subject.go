// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"slices"
	"strings"
)

// DefaultPrefix is the prefix of every subject if none is configured.
const DefaultPrefix = "store"

const (
	maxPrefixTokens = 4
	maxReplyBytes   = 512
	inboxPrefix     = "_INBOX"
)

// Space builds and parses every subject of the contract under one prefix. Its zero value
// has DefaultPrefix.
type Space struct {
	prefix string
}

// NewSpace makes the Space of a prefix: one to four tokens of letters, digits, _ and -,
// not beginning with _INBOX. Any other prefix is ErrBadRequest with the field "prefix".
//
//	space, err := subjects.NewSpace("berlin.store")
func NewSpace(prefix string) (Space, error) {
	if strings.HasPrefix(prefix, inboxPrefix) {
		return Space{}, badPrefix(prefix, "a prefix does not begin with "+inboxPrefix)
	}
	tokens := strings.Split(prefix, ".")
	if len(tokens) > maxPrefixTokens {
		return Space{}, badPrefix(prefix, fmt.Sprintf("a prefix has one to four tokens, not %d", len(tokens)))
	}
	if slices.ContainsFunc(tokens, isNotPrefixToken) {
		return Space{}, badPrefix(prefix, "a prefix is one to four tokens of letters, digits, _ and -, with a dot between them")
	}
	return Space{prefix: prefix}, nil
}

func badPrefix(prefix, message string) *Error {
	return BadField("prefix", fmt.Sprintf("prefix %s: %s", quote(prefix), message))
}

func isNotPrefixToken(token string) bool {
	for index := range len(token) {
		if char := token[index]; !isNamespaceByte(char) && char != '_' {
			return true
		}
	}
	return token == ""
}

// Prefix returns the beginning of every subject of the space, without a dot: store.
func (space Space) Prefix() string {
	if space.prefix == "" {
		return DefaultPrefix
	}
	return space.prefix
}

// Request returns the subject of a request with a JSON body: store.acme.set.
func (space Space) Request(namespace string, verb Verb) string {
	return space.Prefix() + "." + namespace + "." + string(verb)
}

// Raw returns the subject of a request in the raw form, whose payload is the value
// itself: store.acme.get.a%2Eb.theme.
func (space Space) Raw(namespace string, verb Verb, group, key string) string {
	size := len(space.Prefix()) + len(namespace) + len(verb) + tokenSize(group) + tokenSize(key) + 4
	subject := append(make([]byte, 0, size), space.Prefix()...)
	subject = append(append(subject, '.'), namespace...)
	subject = append(append(subject, '.'), verb...)
	subject = AppendToken(append(subject, '.'), group)
	return string(AppendToken(append(subject, '.'), key))
}

// Admin returns the subject of an operator's request, and the pattern of its endpoint:
// store.admin.status.
func (space Space) Admin(verb Verb) string {
	return space.Prefix() + "." + adminToken + "." + string(verb)
}

// Event returns the subject on which the changes of a group are published:
// store.events.acme.config.
func (space Space) Event(namespace, group string) string {
	size := len(space.Prefix()) + len(eventsToken) + len(namespace) + tokenSize(group) + 3
	return string(space.AppendEvent(make([]byte, 0, size), namespace, group))
}

// AppendEvent appends the subject that Event returns to dst.
func (space Space) AppendEvent(dst []byte, namespace, group string) []byte {
	dst = append(dst, space.Prefix()...)
	dst = append(dst, "."+eventsToken+"."...)
	dst = append(dst, namespace...)
	return AppendToken(append(dst, '.'), group)
}

// Events returns the subscription for every change of a namespace: store.events.acme.>.
func (space Space) Events(namespace string) string {
	return space.Prefix() + "." + eventsToken + "." + namespace + ".>"
}

// GroupEvents returns the subscription for the changes of one group. It is the subject
// that Event returns, because that subject has no wildcard.
func (space Space) GroupEvents(namespace, group string) string {
	return space.Event(namespace, group)
}

// RequestPattern returns the subject of the endpoint that serves a verb for every
// namespace: store.*.set.
func (space Space) RequestPattern(verb Verb) string {
	return space.Request("*", verb)
}

// RawPattern returns the subject of the endpoint that serves the raw form of a verb for
// every namespace: store.*.set.*.*.
func (space Space) RawPattern(verb Verb) string {
	return space.RequestPattern(verb) + ".*.*"
}

// AdminPattern returns the subject of the endpoint that serves an operator's verb:
// store.admin.status.
func (space Space) AdminPattern(verb Verb) string {
	return space.Admin(verb)
}

// CheckReply returns ErrBadRequest if the reply to a request could do harm, because the
// broker does not check the destination of a reply. It refuses a reply subject that
//
//   - lies under the prefix or begins with $;
//   - holds a wildcard, an empty token, white space or a control byte;
//   - is empty, or longer than 512 bytes;
//   - is the inbox of a user of another namespace, below the root that InboxPrefix uses.
//
// The caller must handle requests without a reply subject before. For example:
//
//	err := space.CheckReply("store.acme.get", "_INBOX_store.other.x") // refused: it is not acme's
func (space Space) CheckReply(request, reply string) error {
	if err := space.CheckServiceReply(reply); err != nil {
		return err
	}
	return space.checkInbox(request, reply)
}

// CheckServiceReply is CheckReply for a question on $SRV. Such a question is of no
// namespace, and may come from every inbox.
//
//	err := space.CheckServiceReply("store.events.acme.config") // refused: it lies under store
func (space Space) CheckServiceReply(reply string) error {
	if len(reply) > maxReplyBytes {
		return badReply(reply, fmt.Sprintf("it is longer than %d bytes", maxReplyBytes))
	}
	if reply == "" || reply[0] == '$' {
		return badReply(reply, "it is empty or begins with $")
	}
	if rest, under := strings.CutPrefix(reply, space.Prefix()); under && (rest == "" || rest[0] == '.') {
		return badReply(reply, "it lies under "+space.Prefix())
	}
	return checkReplyBytes(reply)
}

func checkReplyBytes(reply string) error {
	previous := byte('.')
	for index := range len(reply) {
		switch char := reply[index]; {
		case char <= ' ' || char == 0x7f:
			return badReply(reply, "it holds white space or a control byte")
		case char == '*' || char == '>':
			return badReply(reply, "it holds a wildcard")
		case char == '.' && previous == '.':
			return badReply(reply, "it holds an empty token")
		}
		previous = reply[index]
	}
	if previous == '.' {
		return badReply(reply, "it holds an empty token")
	}
	return nil
}

func badReply(reply, message string) *Error {
	return ErrBadRequest.New(fmt.Sprintf("reply subject %s is not served: %s", quote(reply), message))
}
