// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"strings"
	"text/template"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/subjects"
)

func permissionsCommand() *clientCommand {
	return &clientCommand{
		name:  "permissions",
		usage: "print what a NATS server has to permit, and to whom",
		description: "Prints the users of a NATS server with their permissions: the sidecar's two connections, an operator, and for " +
			"each namespace a tenant and a consumer who only reads. It is a part of the server's configuration in which each password " +
			"is a variable, to be defined there or in the server's environment. Each client has to begin its inboxes with the prefix " +
			"that stands with its user. --json prints the same as a list.",
		words: []string{"NAMESPACE..."},
		examples: []string{
			"storebus permissions acme",
			"storebus permissions acme other --prefix berlin",
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
	users, err := handler.Users(space, call.words...)
	if err != nil {
		return call.declared.usageError(err.Error())
	}
	if call.json {
		return call.printJSON(brokerUsers(users))
	}
	return authorisation.Execute(call.output, users)
}

// brokerUser is a user as the configuration of a NATS server has it.
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

// allowOnly permits what is named. A server takes a list that permits nothing for
// none, and permits everything.
func allowOnly(names []string) brokerSubjects {
	if len(names) == 0 {
		return brokerSubjects{Deny: []string{">"}}
	}
	return brokerSubjects{Allow: names}
}

// authorisation is the part of a configuration. Names are in quotes: one that is a
// number would be taken for it.
var authorisation = template.Must(template.New("").Funcs(template.FuncMap{"list": subjectList}).Parse(`authorization {
  users = [
{{- range .}}
    # {{.Purpose}}{{with .InboxPrefix}}, with inboxes {{.}}{{end}}
    { user: "{{.Name}}", password: ${{.Name}}_password, permissions: {
        publish: {{list .Publish}}
        subscribe: {{list .Subscribe}} } }
{{- end}}
  ]
}
`))

func subjectList(names []string) string {
	if len(names) == 0 {
		return `{ deny: ">" }`
	}
	return `["` + strings.Join(names, `", "`) + `"]`
}
