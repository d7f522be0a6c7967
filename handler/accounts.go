// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"fmt"
	"slices"

	"dappco.re/go/storebus/subjects"
)

// SidecarAccount is the account of the sidecar and its operators. No namespace has an
// underscore, so no tenant's account has this name.
const SidecarAccount = ServiceName + "_sidecar"

// Account is an account of a broker: a subject space of its own, which shares with other
// accounts what it exports to them and imports from them.
type Account struct {
	Name string
	// Purpose says whose it is: "the tenant acme".
	Purpose string
	Users   []User
	Exports []Export
	Imports []Import
}

// Export is a subject of an account that other accounts may import.
type Export struct {
	// Subject may have wildcards: "store.acme.>".
	Subject string
	// Stream says that the account publishes there; otherwise it is a service, which
	// answers requests.
	Stream bool
	// Accounts are the names of those that may import it.
	Accounts []string
}

// Import is a subject of another account that the account uses like one of its own.
type Import struct {
	Subject string
	Stream  bool
	// Account is the name of the one that exports it.
	Account string
}

// Accounts gives the users of Users in accounts of their own: one for the sidecar and
// its operator, and for each namespace one for the tenant and one for a mere consumer. A
// namespace that is none is ErrBadRequest.
//
//	accounts, err := handler.Accounts(subjects.Space{}, "acme", "other")
func Accounts(space subjects.Space, namespaces ...string) ([]Account, error) {
	sidecar := Account{Name: SidecarAccount, Purpose: "the sidecar and its operator", Users: ownUsers(space)}
	sidecar.permitReplies()
	var others []Account
	for _, namespace := range namespaces {
		users, err := usersOf(space, namespace)
		if err != nil {
			return nil, fmt.Errorf("handler.Accounts: %w", err)
		}
		for _, user := range users {
			others = append(others, sidecar.serve(user, space.Events(namespace)))
		}
	}
	return append([]Account{sidecar}, others...), nil
}

// permitReplies lets the sidecar answer requests from other accounts, whose reply
// subjects the broker makes. A client of the account cannot name one.
func (account *Account) permitReplies() {
	for index := range account.Users {
		if user := &account.Users[index]; user.Name == subjects.UserRequests {
			user.Publish = append(user.Publish, subjects.ServiceReplyPrefix+">")
		}
	}
}

// serve gives the account of a user, and exports to it the requests that the user may
// make and the events.
func (account *Account) serve(user User, events string) Account {
	served := Account{Name: user.Name, Purpose: user.Purpose, Users: []User{user}}
	for _, request := range user.Publish {
		served.Imports = append(served.Imports, Import{Subject: request, Account: account.Name})
		account.export(Export{Subject: request}, user.Name)
	}
	served.Imports = append(served.Imports, Import{Subject: events, Stream: true, Account: account.Name})
	account.export(Export{Subject: events, Stream: true}, user.Name)
	return served
}

// export adds an account to those that may import a subject: a broker takes each
// subject once.
func (account *Account) export(export Export, name string) {
	index := slices.IndexFunc(account.Exports, func(there Export) bool {
		return there.Subject == export.Subject && there.Stream == export.Stream
	})
	if index < 0 {
		index, account.Exports = len(account.Exports), append(account.Exports, export)
	}
	account.Exports[index].Accounts = append(account.Exports[index].Accounts, name)
}
