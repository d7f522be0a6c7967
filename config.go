// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/journal"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// Version is the version of this program, in SemVer.
const Version = "0.1.0"

// Defaults of Config.
const (
	DefaultDatabasePath = "./data/storebus.db"
	DefaultListen       = "127.0.0.1:4222"
	// DefaultHTTPAddress is the address that the command serve uses. The zero Config serves no
	// HTTP.
	DefaultHTTPAddress = "127.0.0.1:4280"
	// DefaultStateDirectory belongs to DefaultDatabasePath.
	DefaultStateDirectory = "./data/state"
)

// Config configures a sidecar. The zero value serves DefaultDatabasePath on a broker of its own
// at DefaultListen.
//
//	storebus.Config{DatabasePath: "./data/storebus.db", Listen: "127.0.0.1:0"}
type Config struct {
	// DatabasePath is the SQLite file, or store.MemoryDatabase; empty is
	// DefaultDatabasePath. Missing folders are created, for their owner only.
	DatabasePath string
	// Durability decides the meaning of a success reply. Empty is store.DurabilityFull.
	Durability store.Durability
	// PurgeInterval is the time between two sweeps for expired keys that no timer
	// caught; 0 is store.DefaultPurgeInterval.
	PurgeInterval time.Duration
	// Retention bounds the change log. Zero fields are the defaults of the store.
	Retention store.Retention
	// DefaultQuota is the quota of each namespace without a quota of its own, as long as nobody has
	// given the namespace * a quota over the bus. A zero field is no limit.
	DefaultQuota store.Quota
	// CacheBytes bounds the bytes of entries in memory; 0 is store.DefaultCacheBytes.
	CacheBytes int64

	// NATS names the broker. Without URL and without Context, the sidecar starts a broker of
	// its own.
	NATS NATSConfig
	// Listen is the address of the sidecar's own broker. Empty is DefaultListen; port 0 picks a
	// free port. It is on loopback unless Insecure is set. Do not set it together with an
	// outside broker.
	Listen string
	// Insecure permits an address that other machines reach, of a broker that asks nobody for
	// credentials: everybody there may read, write and delete everything.
	Insecure bool
	// BrokerConfigFile is a configuration file of nats-server for the sidecar's own broker: its
	// address, users, TLS, WebSocket, JetStream, leaf nodes, cluster and more. The sidecar connects
	// within the process, with the credentials of NATS and EventsNATS. ReloadBroker reads the file
	// again. Do not set it together with Listen or JetStream.
	BrokerConfigFile string
	// JetStream turns JetStream on in the sidecar's own broker. Its files are in the folder jetstream
	// of the state directory.
	JetStream bool
	// EventsNATS has credentials for the connection that publishes events. A broker can then
	// permit it to publish events and nothing else. Empty uses the credentials of NATS.
	EventsNATS NATSCredentials
	// Prefix begins every subject; empty is subjects.DefaultPrefix.
	Prefix string
	// QueueLimit bounds the number of requests in hand; 0 is handler.DefaultQueueLimit. Of this
	// bound and of QueueBytes, a namespace may take more while it holds no more than is still
	// free.
	QueueLimit int
	// QueueBytes bounds the bytes of requests in hand. The same bound holds, separately, for
	// the bytes of results that wait to be sent. 0 is handler.DefaultQueueBytes.
	QueueBytes int64

	// HTTPAddress is the host and port of health, metrics and the page, such as
	// DefaultHTTPAddress. Port 0 picks a free port. Empty serves no HTTP.
	HTTPAddress string
	// HTTPAnyPort takes a free port of the same host if the port of HTTPAddress is in use.
	HTTPAnyPort bool
	// HTTPTokenFile holds a token of web.MinTokenBytes or more. A request with the token sees
	// everything that HTTP does not show to everybody. The file is read again when it has
	// changed. Empty is no token.
	HTTPTokenFile string
	// Journal names the endpoint for journal entries.
	Journal JournalConfig
	// StateDirectory holds the workspaces, and belongs to one sidecar at a time. It is created
	// when it is needed, for its owner only. If it is empty, DefaultDatabasePath uses
	// DefaultStateDirectory, and another database uses its path and ".workspaces".
	// store.MemoryDatabase uses a temporary folder, which is removed with the sidecar.
	StateDirectory string
	// ArchiveDirectory holds the archives of the journal. It is created if it is missing. Empty
	// refuses compactions.
	ArchiveDirectory string
	// BackupDirectory holds backups. It is created if it is missing. Empty refuses backups.
	BackupDirectory string

	// Instance names this process; empty makes a random name.
	Instance string
	// Logger receives messages for the operator; nil discards them.
	Logger *slog.Logger
	// Clock tells the time of day. Elapsed tells the time since some moment, whatever Clock is
	// set to. Nil is as in store.StoreConfig.
	Clock   func() time.Time
	Elapsed func() time.Duration
}

// NATSConfig configures the connection to a broker.
type NATSConfig struct {
	// URL is one broker or several, with commas between them.
	URL string
	// Context is the name of a context of the nats command line tool. Do not set it together
	// with URL. The other fields override it.
	Context string
	// NATSCredentials says which user connects.
	NATSCredentials
	// CertificateFile and KeyFile are the certificate and the key of the client, in PEM. Set
	// both or neither.
	CertificateFile string
	KeyFile         string
	// AuthorityFile holds the certificate authorities that check the broker's certificate, in
	// PEM. Empty uses the authorities of the system.
	AuthorityFile string
	// InboxPrefix begins every inbox; empty is _INBOX.
	InboxPrefix string
}

// NATSCredentials says which user connects to a broker, in one of these ways. They replace the
// credentials in a URL or a context. They are never shown.
//
//	storebus.NATSCredentials{CredentialsFile: "/etc/storebus/events.creds"}
type NATSCredentials struct {
	// CredentialsFile is a .creds file.
	CredentialsFile string
	// SeedFile holds the seed of an NKey.
	SeedFile string
	// Set User and Password, or Token. Give a secret itself, or the file that holds it. A file
	// is read again before each attempt to connect again.
	User         string
	Password     string
	PasswordFile string
	Token        string
	TokenFile    string
}

// JournalConfig names an InfluxDB-compatible endpoint.
type JournalConfig struct {
	// URL is the endpoint, http or https; empty is none.
	URL          string
	Organisation string
	Bucket       string
	// Token authorises requests, or the token in TokenFile. The file is read again when the
	// endpoint refuses the token. The token is never shown.
	Token     string
	TokenFile string
}

// outside reports whether the sidecar connects to a broker that is there.
func (config *NATSConfig) outside() bool { return config.URL != "" || config.Context != "" }

// withDefaults checks the configuration and returns a copy with the defaults filled in.
// Defaults that only the store knows are left to the store.
func (config Config) withDefaults() (Config, error) {
	if err := config.check(); err != nil {
		return config, err
	}
	return config.filled(), nil
}

// filled returns a copy with its defaults filled in.
func (config Config) filled() Config {
	config.DatabasePath = cmp.Or(config.DatabasePath, DefaultDatabasePath)
	if config.DatabasePath == DefaultDatabasePath {
		config.StateDirectory = cmp.Or(config.StateDirectory, DefaultStateDirectory)
	}
	config.Prefix = cmp.Or(config.Prefix, subjects.DefaultPrefix)
	config.Logger = logging.Throttle(config.Logger)
	config.EventsNATS = cmp.Or(config.EventsNATS, config.NATS.NATSCredentials)
	if !config.NATS.outside() && config.BrokerConfigFile == "" {
		config.Listen = cmp.Or(config.Listen, DefaultListen)
	}
	return config
}

func (config *Config) check() error {
	failures := config.checkNumbers()
	if !slices.Contains([]store.Durability{"", store.DurabilityFull, store.DurabilityRelaxed}, config.Durability) {
		failures = append(failures, fmt.Errorf("Durability is %q: use %q or %q", config.Durability, store.DurabilityFull, store.DurabilityRelaxed))
	}
	failures = append(failures, config.checkBroker())
	if config.HTTPAddress == "" && (config.HTTPTokenFile != "" || config.HTTPAnyPort) {
		failures = append(failures, errors.New("HTTPTokenFile and HTTPAnyPort need HTTPAddress"))
	}
	if config.Prefix != "" {
		_, err := subjects.NewSpace(config.Prefix)
		failures = append(failures, err)
	}
	return errors.Join(append(failures, config.NATS.check(), config.EventsNATS.check("EventsNATS"), checkAddress("Listen", config.Listen),
		checkAddress("HTTPAddress", config.HTTPAddress), config.Journal.check())...)
}

// isLoopback reports whether only this machine can reach an address. It reports true if the
// address is empty, which is the default, or invalid.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err != nil || host == "localhost" || net.ParseIP(host).IsLoopback()
}

func (config *Config) checkNumbers() (failures []error) {
	if config.QueueLimit < 0 || config.QueueBytes < 0 || config.CacheBytes < 0 {
		failures = append(failures, fmt.Errorf("QueueLimit %d, QueueBytes %d and CacheBytes %d may not be negative",
			config.QueueLimit, config.QueueBytes, config.CacheBytes))
	}
	if config.PurgeInterval < 0 || config.Retention.Age < 0 {
		failures = append(failures, fmt.Errorf("PurgeInterval %s and Retention.Age %s may not be negative", config.PurgeInterval, config.Retention.Age))
	}
	return failures
}

func (config *NATSConfig) check() error {
	switch {
	case config.URL != "" && config.Context != "":
		return errors.New("NATS.URL and NATS.Context both name a broker: give one of them")
	case slices.ContainsFunc(strings.Split(config.URL, ","), isNoAddress):
		return errors.New("NATS.URL holds an address that is no URL") // and perhaps a password
	case (config.CertificateFile == "") != (config.KeyFile == ""):
		return errors.New("NATS.CertificateFile and NATS.KeyFile belong together")
	}
	return config.NATSCredentials.check("NATS")
}

func (credentials *NATSCredentials) check(field string) error {
	switch {
	case credentials.Password+credentials.PasswordFile != "" && credentials.User == "":
		return fmt.Errorf("%s.Password needs %s.User", field, field)
	case credentials.Password != "" && credentials.PasswordFile != "":
		return fmt.Errorf("%s.Password and %s.PasswordFile are both given: give one of them", field, field)
	case credentials.Token != "" && credentials.TokenFile != "":
		return fmt.Errorf("%s.Token and %s.TokenFile are both given: give one of them", field, field)
	}
	return nil
}

func (config *JournalConfig) check() error {
	if config.URL == "" && config.TokenFile == "" {
		return nil
	}
	if config.URL == "" {
		return errors.New("JournalConfig: TokenFile needs URL, the endpoint that the token is for")
	}
	endpoint := journal.Config{URL: config.URL, Bucket: config.Bucket, Token: config.Token, TokenFile: config.TokenFile}
	if err := endpoint.CheckEndpoint(); err != nil {
		return fmt.Errorf("JournalConfig: %w", err)
	}
	return nil
}

// checkAddress checks a host and a port; no address is none.
func checkAddress(field, address string) error {
	if address == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s %q: use host:port: %w", field, address, err)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%s %q: the port is a number from 0 to 65535, not %q", field, address, port)
	}
	return nil
}

// folders are the folders that must exist.
func (config *Config) folders() (folders []string) {
	if config.DatabasePath != store.MemoryDatabase {
		folders = append(folders, filepath.Dir(config.DatabasePath))
	}
	for _, folder := range []string{config.BackupDirectory, config.ArchiveDirectory} {
		if folder != "" {
			folders = append(folders, folder)
		}
	}
	return folders
}

// storeConfig is the configuration of the store, before the limits of the broker are known.
func (config *Config) storeConfig() store.StoreConfig {
	return store.StoreConfig{
		DatabasePath:  config.DatabasePath,
		Durability:    config.Durability,
		PurgeInterval: config.PurgeInterval,
		Journal: store.JournalConfiguration{
			EndpointURL: config.Journal.URL, BucketName: config.Journal.Bucket,
			Organisation: cmp.Or(config.Journal.Organisation, store.NoOrganisation),
		},
		Retention:    config.Retention,
		DefaultQuota: config.DefaultQuota,
		CacheBytes:   int(config.CacheBytes),
		Logger:       config.Logger,
		Clock:        config.Clock,
		Elapsed:      config.Elapsed,

		WorkspaceStateDirectory: config.StateDirectory,
	}
}

// handlerConfig is how the service is started.
func (config *Config) handlerConfig() handler.Config {
	return handler.Config{
		Instance:     config.Instance,
		Version:      Version,
		QueueLimit:   config.QueueLimit,
		QueueBytes:   config.QueueBytes,
		AloneAtStart: !config.NATS.outside(),
		Logger:       config.Logger,

		BackupDirectory:  config.BackupDirectory,
		ArchiveDirectory: config.ArchiveDirectory,
	}
}
