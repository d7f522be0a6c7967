// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestConfig_WithDefaults_Good(t *testing.T) {
	config, err := Config{}.withDefaults()
	require.NoError(t, err)
	assert.Equal(t, DefaultDatabasePath, config.DatabasePath)
	assert.Equal(t, DefaultListen, config.Listen)
	assert.Equal(t, "store", config.Prefix)
	assert.Equal(t, DefaultStateDirectory, config.storeConfig().WorkspaceStateDirectory)

	config, err = Config{NATS: NATSConfig{URL: "nats://broker:4222"}}.withDefaults()
	require.NoError(t, err)
	assert.Empty(t, config.Listen)
	assert.Empty(t, config.EventsNATS)

	service, publisher := NATSCredentials{User: "service"}, NATSCredentials{Token: "publisher"}
	config, err = Config{NATS: NATSConfig{NATSCredentials: service}}.withDefaults()
	require.NoError(t, err)
	assert.Equal(t, service, config.EventsNATS, "both connect alike")
	config, err = Config{NATS: NATSConfig{NATSCredentials: service}, EventsNATS: publisher}.withDefaults()
	require.NoError(t, err)
	assert.Equal(t, publisher, config.EventsNATS)
	assert.Equal(t, 96<<10, limits(128<<10).EntryBytes)

	config, err = Config{DatabasePath: "other.db"}.withDefaults()
	require.NoError(t, err)
	assert.Empty(t, config.StateDirectory, "it is the store's to say, so that two databases never share one")
	config, err = Config{StateDirectory: "state"}.withDefaults()
	require.NoError(t, err)
	assert.Equal(t, "state", config.storeConfig().WorkspaceStateDirectory)
}

func TestConfig_WithDefaults_Bad(t *testing.T) {
	for text, config := range map[string]Config{
		"QueueLimit":       {QueueLimit: -1},
		"QueueBytes":       {QueueBytes: -1},
		"CacheBytes":       {CacheBytes: -1},
		"PurgeInterval":    {PurgeInterval: -1},
		"Retention.Age":    {Retention: store.Retention{Age: -1}},
		"Durability":       {Durability: store.DurabilityMemory},
		"prefix":           {Prefix: "a..b"},
		"Listen":           {Listen: "nowhere"},
		`not "65536"`:      {Listen: "127.0.0.1:65536"},
		`not "70000"`:      {HTTPAddress: "127.0.0.1:70000"},
		`not "http"`:       {HTTPAddress: "127.0.0.1:http"},
		"sidecar's own":    {Listen: "127.0.0.1:0", NATS: NATSConfig{URL: "nats://broker:4222"}},
		"and Insecure":     {Insecure: true, NATS: NATSConfig{URL: "nats://broker:4222"}},
		"Listen is :4222":  {Listen: ":4222"},
		"Listen is broker": {Listen: "broker.example:4222"},
		"everybody who":    {Listen: "0.0.0.0:4222", QueueLimit: -1},
		"NATS.Context":     {NATS: NATSConfig{URL: "nats://broker:4222", Context: "berlin"}},
		"NATS.KeyFile":     {NATS: NATSConfig{CertificateFile: "cert.pem"}},
		"NATS.User":        {NATS: NATSConfig{NATSCredentials: NATSCredentials{Password: "secret"}}},
		"PasswordFile are": {NATS: NATSConfig{NATSCredentials: NATSCredentials{User: "u", Password: "sezzret", PasswordFile: "f"}}},
		"Token and":        {EventsNATS: NATSCredentials{Token: "sezzret", TokenFile: "f"}},
		"EventsNATS.User":  {EventsNATS: NATSCredentials{Password: "secret"}},
		"NATS.URL holds":   {NATS: NATSConfig{URL: "nats://a:4222,nats://user:sec%zzret@b:4222"}},
		"HTTPAddress":      {HTTPAddress: "8080"},
		"JournalConfig":    {Journal: JournalConfig{URL: "influx"}},
		"JournalConfig: U": {Journal: JournalConfig{URL: "ftp://influx"}},
		"URL has a user":   {Journal: JournalConfig{URL: "http://user:sezzret@influx", Bucket: "b"}},
		"no Bucket":        {Journal: JournalConfig{URL: "http://influx"}},
		"read the token":   {Journal: JournalConfig{URL: "http://influx", Bucket: "b", TokenFile: "no/such/file"}},
		"TokenFile needs":  {Journal: JournalConfig{TokenFile: "no/such/file"}},
		"TokenFile are":    {Journal: JournalConfig{URL: "http://influx", Bucket: "b", TokenFile: "no/such/file", Token: "sezzret"}},
	} {
		_, err := config.withDefaults()
		require.ErrorContains(t, err, text)
		assert.NotContains(t, err.Error(), "zzret")
	}
}

func TestConfig_Listen_Good(t *testing.T) {
	for _, config := range []Config{
		{Listen: "127.0.0.1:4222"}, {Listen: "127.8.8.8:0"}, {Listen: "[::1]:0"}, {Listen: "localhost:0"},
		{Listen: "0.0.0.0:4222", Insecure: true}, {Listen: "127.0.0.1:0", Insecure: true},
	} {
		_, err := config.withDefaults()
		require.NoError(t, err, config.Listen)
	}
}

func TestRedact_Redact_Good(t *testing.T) {
	for address, shown := range map[string]string{
		"nats://broker:4222":                      "nats://broker:4222",
		"nats://user:secret@broker:4222":          "nats://user:xxxxx@broker:4222",
		"nats://token@broker:4222":                "nats://xxxxx@broker:4222",
		"user:secret@broker:4222":                 "nats://user:xxxxx@broker:4222",
		"nats://a:4222, tls://user:secret@b:4222": "nats://a:4222,tls://user:xxxxx@b:4222",
		"nats://user:sec%zzret@broker:4222":       "xxxxx",
	} {
		assert.Equal(t, shown, redact(address))
	}
}

func TestRedact_WithoutUser_Good(t *testing.T) {
	for address, bare := range map[string]string{
		"nats://broker:4222":                "nats://broker:4222",
		"broker:4222":                       "broker:4222",
		"nats://user:secret@broker:4222":    "nats://broker:4222",
		"wss://token@broker/path@x":         "wss://broker/path@x",
		"user:secret@broker:4222":           "nats://broker:4222",
		"nats://user:sec%zzret@broker:4222": "nats://user:sec%zzret@broker:4222",
	} {
		assert.Equal(t, bare, withoutUser(address))
	}
}

// TestConfig_StoreConfig_Good checks that the store accepts the configuration from the
// sidecar. An endpoint without organisations counts as one.
func TestConfig_StoreConfig_Good(t *testing.T) {
	for organisation, want := range map[string]string{"": store.NoOrganisation, "acme": "acme"} {
		config, err := Config{Journal: JournalConfig{URL: "http://127.0.0.1:8086", Organisation: organisation, Bucket: "journal"}}.withDefaults()
		require.NoError(t, err)
		require.NoError(t, config.storeConfig().Validate())
		assert.Equal(t, want, config.storeConfig().Journal.Organisation)
	}
}
