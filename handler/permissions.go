// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"dappco.re/go/storebus/subjects"
)

// defaultInboxes are the inboxes of clients without an inbox prefix of their own.
const defaultInboxes = "_INBOX.>"

// User is a user of a broker with all permissions that the user needs: an entry of the
// broker's configuration, without the secret.
type User struct {
	// Name is the name of the user at the broker.
	Name string
	// Purpose says who the user is: "the tenant acme".
	Purpose string
	// InboxPrefix is the prefix that the client must give its inboxes, so that no other
	// user reads them: "_INBOX_store.acme". It is empty for a user without inboxes.
	InboxPrefix string
	// Publish and Subscribe are the permissions in the form of a broker's configuration.
	// "store.*.* storebus" permits only members of the queue group storebus. An empty
	// list permits nothing.
	Publish, Subscribe []string
}

// Users returns all users of a subject space: the sidecar's two connections, an operator,
// and for each namespace a tenant and a consumer. The consumer reads and follows. Users
// returns ErrBadRequest for an invalid namespace.
//
//	users, err := handler.Users(subjects.Space{}, "acme", "other")
func Users(space subjects.Space, namespaces ...string) ([]User, error) {
	users := ownUsers(space)
	for _, namespace := range namespaces {
		more, err := usersOf(space, namespace)
		if err != nil {
			return nil, fmt.Errorf("handler.Users: %w", err)
		}
		users = append(users, more...)
	}
	return users, nil
}

// ownUsers returns the sidecar's two connections and an operator.
func ownUsers(space subjects.Space) []User {
	return []User{requestsUser(space), eventsUser(space), operatorUser(space)}
}

// usersOf returns a tenant and a consumer.
func usersOf(space subjects.Space, namespace string) ([]User, error) {
	if err := subjects.CheckNamespace(namespace); err != nil {
		return nil, err
	}
	return []User{tenantUser(space, namespace), consumerUser(space, namespace)}, nil
}

// requestsUser takes requests in its queue group, replies only to inboxes, and looks for
// other sidecars. It also replies to inboxes of the default prefix: a sidecar that was
// started with other credentials must hear from this one.
func requestsUser(space subjects.Space) User {
	user := newUser(space, subjects.UserRequests, "the sidecar's connection for requests")
	user.Publish = []string{space.InboxPrefix(">"), defaultInboxes, micro.APIPrefix + ".INFO." + ServiceName}
	user.Subscribe = append(user.Subscribe,
		space.RequestPattern("*")+" "+ServiceName, space.RawPattern("*")+" "+ServiceName, micro.APIPrefix+".>")
	return user
}

// eventsUser publishes events. It waits for the answer to a flush, which is no message.
func eventsUser(space subjects.Space) User {
	return User{
		Name:    subjects.UserEvents,
		Purpose: "the sidecar's connection for events",
		Publish: []string{space.Prefix() + ".events.>"},
	}
}

func operatorUser(space subjects.Space) User {
	user := newUser(space, subjects.UserOperator, "an operator")
	user.Publish = []string{space.Admin(">"), micro.APIPrefix + ".>"}
	return user
}

func tenantUser(space subjects.Space, namespace string) User {
	user := newUser(space, namespace, "the tenant "+namespace)
	user.Publish = []string{space.Request(namespace, ">")}
	user.Subscribe = append(user.Subscribe, space.Events(namespace))
	return user
}

func consumerUser(space subjects.Space, namespace string) User {
	user := newUser(space, namespace+"_consumer", "a consumer of "+namespace)
	for _, verb := range []subjects.Verb{subjects.VerbChanges, subjects.VerbScan, subjects.VerbGet} {
		user.Publish = append(user.Publish, space.Request(namespace, verb))
	}
	user.Subscribe = append(user.Subscribe, space.Events(namespace))
	return user
}

// newUser makes a user with inboxes. Every name but a tenant's has an underscore, and a
// namespace has none. So no two users share their inboxes.
func newUser(space subjects.Space, name, purpose string) User {
	prefix := space.InboxPrefix(name)
	return User{Name: name, Purpose: purpose, InboxPrefix: prefix, Subscribe: []string{prefix + ".>"}}
}

// refusedSince returns the broker's refusal since before, which was the connection's last
// error then. It returns nil if there is none.
func (service *Service) refusedSince(before error) error {
	latest := service.connection.LastError()
	if latest == before || !errors.Is(latest, nats.ErrPermissionViolation) { //nolint:errorlint // identity is meant
		return nil
	}
	return latest
}

// isRefusedReply reports whether the broker has refused a publication. While requests
// come in, this is a reply to a subject that the requester chose. It says nothing about
// the permissions that the sidecar needs. The broker's refusals differ only in their
// words.
func isRefusedReply(refusal error) bool {
	return strings.Contains(refusal.Error(), "Permissions Violation for Publish")
}
