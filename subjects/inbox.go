// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"strings"
)

// The users of a broker who are no tenants. A namespace has no underscore, so each of
// these names tells itself from a tenant's.
const (
	UserRequests = "storebus_requests"
	UserEvents   = "storebus_events"
	UserOperator = "storebus_operator"
)

// ServiceReplyPrefix is the prefix of the reply subjects that a broker makes for
// requests from another account. It lets no client name such a subject.
const ServiceReplyPrefix = "_R_."

// InboxPrefix is the prefix of the inboxes of one user of a broker:
// _INBOX_store.acme. All users have one root, _INBOX_store: the sidecar may reply to a
// tenant who comes later, and who may subscribe to _INBOX.> reads no reply.
func (space Space) InboxPrefix(user string) string {
	return inboxPrefix + "_" + space.Prefix() + "." + user
}

// checkInbox refuses a reply below the root of the inboxes, _INBOX_store, unless it is
// to a user of the request's own namespace, or to an operator for an operator's request.
func (space Space) checkInbox(request, reply string) error {
	user, isInbox := space.inboxUser(reply)
	if !isInbox {
		return nil
	}
	owner := space.inboxOwner(request)
	if owner == "" {
		return badReply(reply, "it is a user's inbox, and the request is of no namespace")
	}
	if !isOf(user, owner) || owner != UserOperator && isOwnUser(user) {
		own := space.InboxPrefix(owner)
		return badReply(reply, fmt.Sprintf("it is another user's inbox: those for this request begin with %s or %s_", own, own))
	}
	return nil
}

// inboxUser is the user whose inbox a subject is: "acme" of _INBOX_store.acme.x.
func (space Space) inboxUser(subject string) (user string, isInbox bool) {
	rest, isInbox := strings.CutPrefix(subject, inboxPrefix+"_")
	if isInbox {
		rest, isInbox = strings.CutPrefix(rest, space.Prefix())
	}
	if isInbox {
		rest, isInbox = strings.CutPrefix(rest, ".")
	}
	user, _, _ = strings.Cut(rest, ".")
	return user, isInbox
}

// inboxOwner is the first user who may wait for the reply to a request: the tenant of
// its namespace, or an operator. It is empty for a request of no namespace.
func (space Space) inboxOwner(request string) string {
	rest, found := strings.CutPrefix(request, space.Prefix()+".")
	namespace, _, _ := strings.Cut(rest, ".")
	switch {
	case !found || namespace != adminToken && checkNamespace(namespace) != nil:
		return ""
	case namespace == adminToken:
		return UserOperator
	}
	return namespace
}

// isOf reports whether a user is the owner, or one of its others: acme_consumer is of
// acme, and acme2 is not.
func isOf(user, owner string) bool {
	rest, found := strings.CutPrefix(user, owner)
	return found && (rest == "" || rest[0] == '_')
}

// isOwnUser reports whether a user is the sidecar's or an operator, though its name
// begins like one of a tenant who is called storebus.
func isOwnUser(user string) bool {
	return isOf(user, UserRequests) || isOf(user, UserEvents) || isOf(user, UserOperator)
}
