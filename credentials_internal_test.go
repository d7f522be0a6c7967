// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// somebody has the options that a context and an address may have set before.
func somebody() nats.Options {
	options := nats.GetDefaultOptions()
	options.Servers = []string{"nats://somebody:secret@a:4222", "b:4222", "token@c:4222"}
	options.User, options.Password, options.Token, options.Nkey = "somebody", "secret", "secret", "U"
	options.UserInfo = func() (string, string) { return "somebody", "secret" }
	options.TokenHandler = func() string { return "secret" }
	options.UserJWT = func() (string, error) { return "somebody", nil }
	options.SignatureCB = func([]byte) ([]byte, error) { return nil, nil }
	return options
}

func applied(t *testing.T, credentials NATSCredentials) nats.Options {
	t.Helper()
	options := somebody()
	given, err := credentials.options()
	require.NoError(t, err)
	for _, option := range given {
		require.NoError(t, option(&options))
	}
	return options
}

func TestCredentials_Options_Good(t *testing.T) {
	t.Run("TakeThePlaceOfEverythingElse", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "publisher.creds")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		for _, credentials := range []NATSCredentials{{User: "publisher", Password: "p"}, {Token: "t"}, {CredentialsFile: file}} {
			options := applied(t, credentials)
			assert.Equal(t, []string{"nats://a:4222", "b:4222", "nats://c:4222"}, options.Servers)
			assert.Equal(t, []string{credentials.User, credentials.Password, credentials.Token}, []string{options.User, options.Password, options.Token})
			assert.Empty(t, options.Nkey)
			assert.Nil(t, options.UserInfo)
			assert.Nil(t, options.TokenHandler)
			assert.Equal(t, credentials.CredentialsFile != "", options.UserJWT != nil)
			assert.Equal(t, credentials.CredentialsFile != "", options.SignatureCB != nil)
		}
	})
	t.Run("NoneLeaveItAsItIs", func(t *testing.T) {
		options := applied(t, NATSCredentials{})
		assert.Equal(t, somebody().Servers, options.Servers)
		assert.Equal(t, "somebody", options.User)
	})
}

func TestCredentials_Options_Bad(t *testing.T) {
	credentials := NATSCredentials{SeedFile: filepath.Join(t.TempDir(), "none.nk"), Token: "secret"}
	_, err := credentials.options()
	require.ErrorContains(t, err, "none.nk")
	assert.NotContains(t, err.Error(), "secret")
}
