// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"strings"
	"text/template"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

// accountsFlag divides the users into accounts.
const accountsFlag = "accounts"

func permissionsCommand() *clientCommand {
	return &clientCommand{
		name:  "permissions",
		usage: "print the permissions that a NATS server must give to each user",
		description: "Prints users for the configuration of a NATS server, each with its permissions: the two connections of the sidecar, an operator, and a tenant and a read-only consumer for each NAMESPACE. " +
			"Passwords are variables: define them in the configuration, or in the environment of the server. Each client must use the inbox prefix that is printed with its user. " +
			"With --accounts, each tenant and each consumer gets an account of its own, which imports the subjects that the account of the sidecar exports. With JSON the users are a list.",
		words: []string{"NAMESPACE..."},
		flags: []cli.Flag{newPrefixFlag(), &cli.BoolFlag{Name: accountsFlag, Usage: "put each tenant and each consumer into an account of its own"}},
		examples: []string{
			"storebus permissions acme",
			"storebus permissions acme other --prefix berlin",
			"storebus permissions acme other --accounts",
			"storebus permissions acme --json | jq '.[] | select(.user == \"acme\")'",
		},
		local: true,
		run:   permissions,
	}
}

func permissions(_ context.Context, call *call) error {
	space, err := subjects.NewSpace(call.command.String(prefixFlag))
	if err != nil {
		return call.declared.usageError(err.Error())
	}
	if call.command.Bool(accountsFlag) {
		return printGranted(call, space, handler.Accounts, brokerAccounts, accountsConfiguration)
	}
	return printGranted(call, space, handler.Users, brokerUsers, authorisation)
}

// printGranted prints the permissions for the call's namespaces: as JSON, or as a part of a
// configuration.
func printGranted[Granted, Shown any](
	call *call, space subjects.Space, grant func(subjects.Space, ...string) ([]Granted, error), show func([]Granted) []Shown,
	configuration *template.Template,
) error {
	granted, err := grant(space, call.words...)
	if err != nil {
		return call.declared.usageError(err.Error())
	}
	if call.json {
		return call.printJSON(show(granted))
	}
	return configuration.Execute(call.output, granted)
}

// brokerUser is a user in the form of a NATS server's configuration.
type brokerUser struct {
	User        string            `json:"user"`
	Purpose     string            `json:"purpose"`
	InboxPrefix string            `json:"inbox_prefix,omitempty"`
	Permissions brokerPermissions `json:"permissions"`
}

type brokerPermissions struct {
	Publish   brokerSubjects `json:"publish"`
	Subscribe brokerSubjects `json:"subscribe"`
}

type brokerSubjects struct {
	Allow []string `json:"allow,omitempty"`
	Deny  []string `json:"deny,omitempty"`
}

func brokerUsers(users []handler.User) []brokerUser {
	list := make([]brokerUser, len(users))
	for index, user := range users {
		list[index] = brokerUser{User: user.Name, Purpose: user.Purpose, InboxPrefix: user.InboxPrefix, Permissions: brokerPermissions{
			Publish: allowOnly(user.Publish), Subscribe: allowOnly(user.Subscribe),
		}}
	}
	return list
}

// allowOnly permits the named subjects and no others. A server treats an empty list as no
// list, and permits everything; so an empty list becomes a denial of all.
func allowOnly(names []string) brokerSubjects {
	if len(names) == 0 {
		return brokerSubjects{Deny: []string{">"}}
	}
	return brokerSubjects{Allow: names}
}

// authorisation prints the authorization section of a server's configuration. Names are in
// quotes: otherwise a name such as 10k would be read as a number.
var authorisation = newConfiguration(`authorization {
{{users . "  "}}
}
`)

// userList prints the users of the authorization section, or of an account.
var userList = template.Must(template.New("").Funcs(template.FuncMap{"permitted": permittedSubjects}).Parse(`users = [
{{- range .}}
  # {{.Purpose}}{{with .InboxPrefix}}, with inboxes {{.}}{{end}}
  { user: "{{.Name}}", password: ${{.Name}}_password, permissions: {
      publish: {{permitted .Publish}}
      subscribe: {{permitted .Subscribe}} } }
{{- end}}
]`))

func newConfiguration(text string) *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{"users": users, "list": quotedList}).Parse(text))
}

// users writes the list of users, with an indent before each line.
func users(users []handler.User, indent string) (string, error) {
	var text strings.Builder
	err := userList.Execute(&text, users)
	return indent + strings.ReplaceAll(text.String(), "\n", "\n"+indent), err
}

func permittedSubjects(names []string) string {
	if len(names) == 0 {
		return `{ deny: ">" }`
	}
	return quotedList(names)
}

func quotedList(names []string) string {
	return `["` + strings.Join(names, `", "`) + `"]`
}
