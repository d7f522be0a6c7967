// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"fmt"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// options returns the credentials as options of the NATS client.
func (credentials *NATSCredentials) options() ([]nats.Option, error) {
	if *credentials == (NATSCredentials{}) {
		return nil, nil
	}
	options := []nats.Option{asNobody}
	if credentials.CredentialsFile != "" {
		options = append(options, nats.UserCredentials(credentials.CredentialsFile))
	}
	if credentials.SeedFile != "" {
		seed, err := nats.NkeyOptionFromSeed(credentials.SeedFile)
		if err != nil {
			return nil, fmt.Errorf("NKey seed file %s: %w", credentials.SeedFile, err)
		}
		options = append(options, seed)
	}
	password, err := secretOf(credentials.Password, credentials.PasswordFile)
	if err != nil {
		return nil, fmt.Errorf("password file: %w", err)
	}
	token, err := secretOf(credentials.Token, credentials.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("token file: %w", err)
	}
	if credentials.User != "" {
		options = append(options, nats.UserInfo(credentials.User, password))
	}
	if token != "" {
		options = append(options, nats.Token(token))
	}
	return options, nil
}

// secretOf returns a secret, or the present content of its file.
func secretOf(secret, file string) (string, error) {
	if file == "" {
		return secret, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	secret = strings.TrimSpace(string(content))
	if secret == "" {
		return "", fmt.Errorf("%s is empty", file)
	}
	return secret, nil
}

// asNobody removes the credentials of a context and of the addresses. The client would
// otherwise send them beside later credentials, or instead.
func asNobody(options *nats.Options) error {
	options.User, options.Password, options.UserInfo = "", "", nil
	options.Token, options.TokenHandler = "", nil
	options.Nkey, options.UserJWT, options.SignatureCB = "", nil, nil
	for index, address := range options.Servers {
		options.Servers[index] = withoutUser(address)
	}
	return nil
}
