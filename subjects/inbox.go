// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"strings"
)

// The users of a broker that are not tenants. A namespace has no underscore, so no tenant
// can have one of these names.
const (
	UserRequests = "storebus_requests"
	UserEvents   = "storebus_events"
	UserOperator = "storebus_operator"
)

// ServiceReplyPrefix is the prefix of the reply subjects that a broker makes for requests
// from another account. The broker lets no client use such a subject.
const ServiceReplyPrefix = "_R_."

// InboxPrefix returns the prefix of the inboxes of one user of a broker. All users share
// the root _INBOX_store. So the sidecar may reply to a tenant that is added later, and a
// user who may subscribe to _INBOX.> reads no reply.
//
//	space.InboxPrefix("acme")  // _INBOX_store.acme
func (space Space) InboxPrefix(user string) string {
	return inboxPrefix + "_" + space.Prefix() + "." + user
}

// checkInbox checks a reply subject below the root of the inboxes, _INBOX_store. It
// accepts the inboxes of users of the request's own namespace, and of an operator for an
// operator's request. It refuses all others.
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

// inboxUser returns the user that owns an inbox: "acme" for _INBOX_store.acme.x.
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

// inboxOwner returns the user that a request belongs to: the tenant of its namespace, or
// the operator. It is empty for a request without a namespace.
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

// isOf reports whether a user is the owner or one of the owner's other users:
// acme_consumer belongs to acme, and acme2 does not.
func isOf(user, owner string) bool {
	rest, found := strings.CutPrefix(user, owner)
	return found && (rest == "" || rest[0] == '_')
}

// isOwnUser reports whether a user belongs to the sidecar or to an operator. Its name may
// look like one of a tenant called storebus.
func isOwnUser(user string) bool {
	return isOf(user, UserRequests) || isOf(user, UserEvents) || isOf(user, UserOperator)
}
