// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"

	"dappco.re/go/storebus"
)

// credentials returns the credentials of the connection. A flag comes before a variable. A
// user without a password is a token, as for the nats tool.
func (call *call) credentials() (credentials storebus.NATSCredentials, err error) {
	way, err := call.credentialsFlag(true)
	if way == "" && err == nil {
		way, err = call.credentialsFlag(false)
	}
	switch value := call.setting(way); {
	case err != nil || way == "":
	case way == credsFlag:
		credentials.CredentialsFile = value
	case way == nkeyFlag:
		credentials.SeedFile = value
	case call.setting(passwordFlag) == "":
		credentials.Token = value
	default:
		credentials.User, credentials.Password = value, call.setting(passwordFlag)
	}
	return credentials, err
}

// credentialsFlag returns the flag with the credentials, from the command line or from a
// variable. It returns "" if there is none.
func (call *call) credentialsFlag(onCommandLine bool) (way string, err error) {
	for _, flag := range []string{userFlag, credsFlag, nkeyFlag} {
		if call.given[flag] != onCommandLine || call.setting(flag) == "" {
			continue
		}
		if way != "" {
			return "", call.declared.usageError(fmt.Sprintf("--%s and --%s both say who connects", way, flag))
		}
		way = flag
	}
	return way, nil
}
