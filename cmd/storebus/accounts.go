// SPDX-License-Identifier: EUPL-1.2

package main

import "dappco.re/go/storebus/handler"

// brokerAccount is an account in the form of a NATS server's configuration.
type brokerAccount struct {
	Account string         `json:"account"`
	Purpose string         `json:"purpose"`
	Users   []brokerUser   `json:"users"`
	Exports []brokerExport `json:"exports,omitempty"`
	Imports []brokerImport `json:"imports,omitempty"`
}

// brokerExport is either a service or a stream; so is brokerImport.
type brokerExport struct {
	Service  string   `json:"service,omitempty"`
	Stream   string   `json:"stream,omitempty"`
	Accounts []string `json:"accounts"`
}

type brokerImport struct {
	Service *importedSubject `json:"service,omitempty"`
	Stream  *importedSubject `json:"stream,omitempty"`
}

type importedSubject struct {
	Account string `json:"account"`
	Subject string `json:"subject"`
}

func brokerAccounts(accounts []handler.Account) []brokerAccount {
	list := make([]brokerAccount, len(accounts))
	for index, account := range accounts {
		converted := brokerAccount{Account: account.Name, Purpose: account.Purpose, Users: brokerUsers(account.Users)}
		for _, export := range account.Exports {
			converted.Exports = append(converted.Exports, newBrokerExport(export))
		}
		for _, imported := range account.Imports {
			converted.Imports = append(converted.Imports, newBrokerImport(imported))
		}
		list[index] = converted
	}
	return list
}

func newBrokerExport(export handler.Export) brokerExport {
	if export.Stream {
		return brokerExport{Stream: export.Subject, Accounts: export.Accounts}
	}
	return brokerExport{Service: export.Subject, Accounts: export.Accounts}
}

func newBrokerImport(imported handler.Import) brokerImport {
	subject := &importedSubject{Account: imported.Account, Subject: imported.Subject}
	if imported.Stream {
		return brokerImport{Stream: subject}
	}
	return brokerImport{Service: subject}
}

// accountsConfiguration prints the accounts section of a server's configuration.
var accountsConfiguration = newConfiguration(`accounts {
{{- range .}}
  # {{.Purpose}}
  "{{.Name}}": {
{{users .Users "    "}}
{{- with .Exports}}
    exports = [
{{- range .}}
      { {{if .Stream}}stream{{else}}service{{end}}: "{{.Subject}}", accounts: {{list .Accounts}} }
{{- end}}
    ]
{{- end}}
{{- with .Imports}}
    imports = [
{{- range .}}
      { {{if .Stream}}stream{{else}}service{{end}}: { account: "{{.Account}}", subject: "{{.Subject}}" } }
{{- end}}
    ]
{{- end}}
  }
{{- end}}
}
`)
