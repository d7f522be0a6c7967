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

// defaultInboxes are the inboxes of everybody who was told no prefix of their own.
const defaultInboxes = "_INBOX.>"

// User is somebody whom a broker lets in, and everything that it should permit them:
// an entry of its configuration, without the secret.
type User struct {
	// Name is what the user is called there.
	Name string
	// Purpose says who that is: "the tenant acme".
	Purpose string
	// InboxPrefix is what the client has to begin its inboxes with, so that nobody else
	// reads them: "_INBOX_store.acme". It is empty for a user without inboxes.
	InboxPrefix string
	// Publish and Subscribe are what the user may do, as the configuration of a broker
	// has it: "store.*.* storebus" is for members of the queue group storebus alone. An
	// empty list permits nothing.
	Publish, Subscribe []string
}

// Users gives everybody who has to do with a subject space: the sidecar's two
// connections, an operator, and for each namespace a tenant and a mere consumer, who
// reads and follows. A namespace that is none is ErrBadRequest.
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

// ownUsers are the sidecar's two connections and an operator.
func ownUsers(space subjects.Space) []User {
	return []User{requestsUser(space), eventsUser(space), operatorUser(space)}
}

// usersOf are a tenant and a mere consumer.
func usersOf(space subjects.Space, namespace string) ([]User, error) {
	if err := subjects.CheckNamespace(namespace); err != nil {
		return nil, err
	}
	return []User{tenantUser(space, namespace), consumerUser(space, namespace)}, nil
}

// requestsUser takes requests in its queue group, replies to inboxes and nowhere else,
// and looks for other sidecars. It replies to inboxes of the default prefix too: a
// sidecar that was started with other credentials must hear from this one.
func requestsUser(space subjects.Space) User {
	user := newUser(space, subjects.UserRequests, "the sidecar's connection for requests")
	user.Publish = []string{space.InboxPrefix(">"), defaultInboxes, micro.APIPrefix + ".INFO." + ServiceName}
	user.Subscribe = append(user.Subscribe,
		space.RequestPattern("*")+" "+ServiceName, space.RawPattern("*")+" "+ServiceName, micro.APIPrefix+".>")
	return user
}

// eventsUser publishes, and waits for the answer to a flush, which is no message.
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

// newUser makes a user with inboxes. No name but a tenant's is without an underscore,
// which no namespace has: no two users share their inboxes.
func newUser(space subjects.Space, name, purpose string) User {
	prefix := space.InboxPrefix(name)
	return User{Name: name, Purpose: purpose, InboxPrefix: prefix, Subscribe: []string{prefix + ".>"}}
}

// refusedSince gives what the broker did not permit since before, which was the
// connection's last error then; nil where there is nothing.
func (service *Service) refusedSince(before error) error {
	latest := service.connection.LastError()
	if latest == before || !errors.Is(latest, nats.ErrPermissionViolation) { //nolint:errorlint // identity is meant
		return nil
	}
	return latest
}

// isRefusedReply reports whether the broker has refused a publication. While requests
// come in that is a reply to where its requester had it go, and says nothing of what
// the sidecar needs. The broker tells one refusal from another in words only.
func isRefusedReply(refusal error) bool {
	return strings.Contains(refusal.Error(), "Permissions Violation for Publish")
}
