// SPDX-License-Identifier: EUPL-1.2

package storebus_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
)

// write replaces a file in one step.
func write(t testing.TB, path, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(content), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
}

// nkey gives a new user: the public key, and the seed for its file.
func nkey(t testing.TB) (public, seed string) {
	t.Helper()
	pair, err := nkeys.CreateUser()
	require.NoError(t, err)
	public, err = pair.PublicKey()
	require.NoError(t, err)
	secret, err := pair.Seed()
	require.NoError(t, err)
	return public, string(secret)
}

// rotation is one kind of secret in files for both connections. A test rotates it at the
// broker and then in the files.
type rotation struct {
	broker *server.Server
	config storebus.NATSConfig
	events storebus.NATSCredentials
	// refuse makes the broker accept only the new secrets; renew writes them to the files.
	refuse, renew func()
	// client connects as somebody else.
	client func() *nats.Conn
}

func startRotation(t *testing.T, options *server.Options, configure func(*server.Options, string), client func(string) *nats.Conn) *rotation {
	t.Helper()
	configure(options, "old")
	broker := startBroker(t, options)
	return &rotation{
		broker: broker,
		config: storebus.NATSConfig{URL: broker.ClientURL()},
		refuse: func() {
			changed := options.Clone()
			configure(changed, "new")
			require.NoError(t, broker.ReloadOptions(changed))
		},
		client: func() *nats.Conn { return client(broker.ClientURL()) },
	}
}

// clientUser is a user that is not rotated.
var clientUser = &server.User{Username: "client", Password: "c"}

func asClient(t *testing.T) func(url string) *nats.Conn {
	t.Helper()
	return func(url string) *nats.Conn { return connect(t, url, nats.UserInfo("client", "c")) }
}

func rotatedNKeys(t *testing.T) *rotation {
	t.Helper()
	folder := t.TempDir()
	files := map[string]string{"requests": filepath.Join(folder, "requests.nk"), "events": filepath.Join(folder, "events.nk")}
	publics, seeds := map[string]string{}, map[string]string{}
	for purpose, file := range files {
		for _, age := range []string{"old", "new"} {
			publics[age+purpose], seeds[age+purpose] = nkey(t)
		}
		write(t, file, seeds["old"+purpose])
	}
	rotation := startRotation(t, &server.Options{}, func(options *server.Options, age string) {
		options.Users = []*server.User{clientUser}
		options.Nkeys = []*server.NkeyUser{{Nkey: publics[age+"requests"]}, {Nkey: publics[age+"events"]}}
	}, asClient(t))
	rotation.config.SeedFile, rotation.events.SeedFile = files["requests"], files["events"]
	rotation.renew = func() {
		for purpose, file := range files {
			write(t, file, seeds["new"+purpose])
		}
	}
	return rotation
}

// rotatedPasswords starts a broker with passwords. place puts the secrets into files or
// elsewhere.
func rotatedPasswords(t *testing.T, place func(rotation *rotation, password string)) *rotation {
	t.Helper()
	rotation := startRotation(t, &server.Options{}, func(options *server.Options, age string) {
		options.Users = []*server.User{clientUser, {Username: "sidecar", Password: age + "-secret"}}
	}, asClient(t))
	place(rotation, "old-secret")
	rotation.renew = func() { place(rotation, "new-secret") }
	return rotation
}

func passwordFile(t *testing.T) func(*rotation, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	return func(rotation *rotation, password string) {
		write(t, file, password+"\n")
		rotation.config.User, rotation.config.PasswordFile = "sidecar", file
	}
}

func contextFile(t *testing.T, inURL bool) func(*rotation, string) {
	t.Helper()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	return func(rotation *rotation, password string) {
		settings := map[string]string{"url": rotation.broker.ClientURL(), "user": "sidecar", "password": password}
		if inURL {
			settings = map[string]string{"url": strings.Replace(rotation.broker.ClientURL(), "nats://", "nats://sidecar:"+password+"@", 1)}
		}
		saveContext(t, "rotated", settings)
		rotation.config.URL, rotation.config.Context = "", "rotated"
	}
}

func rotatedToken(t *testing.T) *rotation {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	age := "old"
	rotation := startRotation(t, &server.Options{}, func(options *server.Options, given string) {
		age = given
		options.Authorization = given + "-secret"
	}, func(url string) *nats.Conn { return connect(t, url, nats.Token(age+"-secret")) })
	write(t, file, "old-secret")
	rotation.config.TokenFile = file
	rotation.renew = func() { write(t, file, "new-secret") }
	return rotation
}

// rotatedCredentials starts a broker with an operator whose account revokes a user.
func rotatedCredentials(t *testing.T) *rotation {
	t.Helper()
	operator, err := nkeys.CreateOperator()
	require.NoError(t, err)
	account, err := nkeys.CreateAccount()
	require.NoError(t, err)
	operatorKey, err := operator.PublicKey()
	require.NoError(t, err)
	accountKey, err := account.PublicKey()
	require.NoError(t, err)
	credentials := func() (public, content string) {
		public, seed := nkey(t)
		token, err := jwt.NewUserClaims(public).Encode(account)
		require.NoError(t, err)
		decorated, err := jwt.FormatUserConfig(token, []byte(seed))
		require.NoError(t, err)
		return public, string(decorated)
	}
	oldKey, oldContent := credentials()
	_, newContent := credentials()
	_, clientContent := credentials()
	file, clientFile := filepath.Join(t.TempDir(), "sidecar.creds"), filepath.Join(t.TempDir(), "client.creds")
	write(t, file, oldContent)
	write(t, clientFile, clientContent)
	claims, resolver := jwt.NewAccountClaims(accountKey), &server.MemAccResolver{}
	encoded, err := claims.Encode(operator)
	require.NoError(t, err)
	require.NoError(t, resolver.Store(accountKey, encoded))
	broker := startBroker(t, &server.Options{TrustedKeys: []string{operatorKey}, AccountResolver: resolver})
	return &rotation{
		broker: broker,
		config: storebus.NATSConfig{URL: broker.ClientURL(), NATSCredentials: storebus.NATSCredentials{CredentialsFile: file}},
		refuse: func() {
			claims.Revoke(oldKey)
			encoded, err := claims.Encode(operator)
			require.NoError(t, err)
			require.NoError(t, resolver.Store(accountKey, encoded))
			known, err := broker.LookupAccount(accountKey)
			require.NoError(t, err)
			broker.UpdateAccountClaims(known, claims)
		},
		renew:  func() { write(t, file, newContent) },
		client: func() *nats.Conn { return connect(t, broker.ClientURL(), nats.UserCredentials(clientFile)) },
	}
}

// If secrets are rotated in their files, both connections use the new ones without a
// restart. Nothing is lost meanwhile. The log has a line for each connection when the
// broker begins to refuse it, and one when it is accepted again.
func TestRotation_Secrets_Ugly(t *testing.T) {
	for name, begin := range map[string]func(*testing.T) *rotation{
		"NKeys":                       rotatedNKeys,
		"PasswordInAFile":             rotatedPasswordInAFile,
		"PasswordInAContext":          rotatedPasswordInAContext,
		"PasswordInTheURLOfAContext":  rotatedPasswordInAURL,
		"TokenInAFile":                rotatedToken,
		"CredentialsOfARevokedUser":   rotatedCredentials,
		"PasswordWhoseFileIsAwayOnce": rotatedPasswordsWithAGap,
	} {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(name, "Context") { // contexts are in a folder that a variable names
				t.Parallel()
			}
			rotation, logs := begin(t), newLogs()
			sidecar := start(t, storebus.Config{NATS: rotation.config, EventsNATS: rotation.events, Logger: logs.logger()})
			client := rotation.client()
			assert.Equal(t, `{"revision":1,"created":true}`, request(t, client, "store.acme.set.g.k", "v"))
			rotation.refuse()
			logs.waitFor(t, "the broker refuses who connects")
			logs.waitFor(t, "the broker refuses who connects")
			rotation.renew()
			logs.waitFor(t, "the broker is back")
			logs.waitFor(t, "the broker is back")

			client = rotation.client()
			events, err := client.SubscribeSync("store.events.>")
			require.NoError(t, err)
			require.NoError(t, client.Flush())
			require.Eventually(t, func() bool {
				_, err := client.Request("store.acme.exists.g.k", nil, patience)
				return err == nil
			}, patience, time.Millisecond)
			assert.Equal(t, `{"revision":2,"created":false}`, request(t, client, "store.acme.set.g.k", "w"))
			_, err = events.NextMsg(patience)
			require.NoError(t, err)
			require.NoError(t, sidecar.Close())
			for _, line := range []string{"the broker refuses who connects", "the broker is back"} {
				assert.Equal(t, 2, strings.Count(logs.String(), line), "one for each connection:\n%s", logs)
			}
			// A broker may end the line before it says why.
			assert.LessOrEqual(t, strings.Count(logs.String(), "connection="), 6, "%s", logs)
			assert.NotContains(t, logs.String(), "new-secret")
		})
	}
}

func rotatedPasswordInAFile(t *testing.T) *rotation {
	t.Helper()
	return rotatedPasswords(t, passwordFile(t))
}

func rotatedPasswordInAContext(t *testing.T) *rotation {
	t.Helper()
	return rotatedPasswords(t, contextFile(t, false))
}

func rotatedPasswordInAURL(t *testing.T) *rotation {
	t.Helper()
	return rotatedPasswords(t, contextFile(t, true))
}

// rotatedPasswordsWithAGap has the file away when the old password is refused.
func rotatedPasswordsWithAGap(t *testing.T) *rotation {
	t.Helper()
	place := passwordFile(t)
	rotation := rotatedPasswords(t, place)
	refuse := rotation.refuse
	rotation.refuse = func() {
		require.NoError(t, os.Remove(rotation.config.PasswordFile))
		refuse()
	}
	return rotation
}

// A file that cannot be read at the start is an error, and one without a secret.
func TestRotation_Secrets_Bad(t *testing.T) {
	broker := startBroker(t, &server.Options{Users: []*server.User{clientUser}})
	folder := t.TempDir()
	empty, missing := filepath.Join(folder, "empty"), filepath.Join(folder, "missing")
	write(t, empty, "\n")
	for name, credentials := range map[string]storebus.NATSCredentials{
		"EmptyPassword":   {User: "client", PasswordFile: empty},
		"MissingPassword": {User: "client", PasswordFile: missing},
		"EmptyToken":      {TokenFile: empty},
		"MissingToken":    {TokenFile: missing},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := storebus.Start(t.Context(), storebus.Config{
				DatabasePath: store.MemoryDatabase, NATS: storebus.NATSConfig{URL: broker.ClientURL(), NATSCredentials: credentials},
			})
			require.ErrorContains(t, err, folder)
		})
	}
}

// authority is a certificate authority.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(encoded)
	require.NoError(t, err)
	return &authority{certificate: certificate, key: key}
}

func (authority *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.certificate.Raw}))
}

// issue makes a certificate for a server and a client on this machine.
func (authority *authority) issue(t testing.TB) (certificate, key string) {
	t.Helper()
	return authority.issueFor(t, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
}

func (authority *authority) issueFor(t testing.TB, from, to time.Time) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: from, NotAfter: to,
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, authority.certificate, &private.PublicKey, authority.key)
	require.NoError(t, err)
	encodedKey, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encoded})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encodedKey}))
}

// options are the options of a broker that accepts clients with a certificate of the
// authority.
func (authority *authority) options(t testing.TB, port int) *server.Options {
	t.Helper()
	certificate, key := authority.issue(t)
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(authority.certificate)
	return &server.Options{Port: port, TLS: true, TLSVerify: true, TLSTimeout: 10, TLSConfig: &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	}}
}

// Certificates, keys and authorities in files can be replaced too. The broker restarts with
// new ones and refuses the old ones.
func TestRotation_Certificates_Ugly(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	files := storebus.NATSConfig{
		CertificateFile: filepath.Join(folder, "certificate.pem"), KeyFile: filepath.Join(folder, "key.pem"), AuthorityFile: filepath.Join(folder, "authority.pem"),
	}
	install := func(authority *authority, trusted ...string) {
		certificate, key := authority.issue(t)
		write(t, files.CertificateFile, certificate)
		write(t, files.KeyFile, key)
		write(t, files.AuthorityFile, strings.Join(trusted, ""))
	}
	before, after := newAuthority(t, "before"), newAuthority(t, "after")
	install(before, before.pem(), after.pem())
	broker := startBroker(t, before.options(t, 0))
	port, logs := portOf(t, broker), newLogs()
	files.URL = fmt.Sprintf("tls://127.0.0.1:%d", port)
	sidecar := start(t, storebus.Config{NATS: files, Logger: logs.logger()})
	broker.Shutdown()
	broker.WaitForShutdown()
	broker = startBroker(t, after.options(t, port))
	logs.waitFor(t, "the broker refuses who connects")
	logs.waitFor(t, "the broker refuses who connects")
	install(after, after.pem())
	logs.waitFor(t, "the broker is back")
	logs.waitFor(t, "the broker is back")
	client := connect(t, files.URL, nats.RootCAs(files.AuthorityFile), nats.ClientCert(files.CertificateFile, files.KeyFile))
	require.Eventually(t, func() bool {
		_, err := client.Request("store.acme.exists.g.k", nil, patience)
		return err == nil
	}, patience, time.Millisecond)
	require.NoError(t, sidecar.Close())
	assert.NotZero(t, broker.NumClients())
	assert.LessOrEqual(t, strings.Count(logs.String(), "connection="), 6, "%s", logs)
}
