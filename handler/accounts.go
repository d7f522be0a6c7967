// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"fmt"
	"slices"

	"dappco.re/go/storebus/subjects"
)

// SidecarAccount is the name of the account of the sidecar and its operators. A namespace
// has no underscore, so no tenant's account has this name.
const SidecarAccount = ServiceName + "_sidecar"

// Account is an account of a broker: a subject space of its own. It shares subjects with
// other accounts by exports and imports.
type Account struct {
	Name string
	// Purpose says who uses the account: "the tenant acme".
	Purpose string
	Users   []User
	Exports []Export
	Imports []Import
}

// Export is a subject of an account that other accounts may import.
type Export struct {
	// Subject may have wildcards: "store.acme.>".
	Subject string
	// Stream says that the account publishes on the subject. Otherwise the subject is a
	// service, on which the account answers requests.
	Stream bool
	// Accounts are the names of the accounts that may import the subject.
	Accounts []string
}

// Import is a subject of another account that the account uses like one of its own.
type Import struct {
	Subject string
	Stream  bool
	// Account is the name of the account that exports the subject.
	Account string
}

// Accounts returns the users of Users in accounts of their own: one account for the
// sidecar and its operator, and for each namespace one for the tenant and one for a
// consumer. It returns ErrBadRequest for an invalid namespace.
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

// permitReplies lets the sidecar answer requests from other accounts. The broker makes
// the reply subjects of such requests, and lets no client of the account name one.
func (account *Account) permitReplies() {
	for index := range account.Users {
		if user := &account.Users[index]; user.Name == subjects.UserRequests {
			user.Publish = append(user.Publish, subjects.ServiceReplyPrefix+">")
		}
	}
}

// serve returns the account of a user, and exports the user's requests and events to it.
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

// export adds an account to the importers of a subject, because a broker accepts each
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
