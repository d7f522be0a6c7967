// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// journalTokenVariable holds the token itself. A flag would show it to every user of the
// machine.
const journalTokenVariable = "STOREBUS_JOURNAL_TOKEN"

// The categories of flags in the help.
const (
	storeCategory   = "Store"
	brokerCategory  = "Broker"
	serviceCategory = "Service"
	journalCategory = "Journal"
	logCategory     = "Log"
)

func serveFlags() []cli.Flag {
	flags := append(storeFlags(), brokerFlags()...)
	// check has no variable: a service with it would never start.
	check := &cli.BoolFlag{Name: checkFlag, Usage: "check everything that a start needs, print the result and end; nothing is created or changed"}
	return append(slices.Concat(flags, serviceFlags(), journalFlags(), logFlags()), check)
}

func storeFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(storeCategory, "database", storebus.DefaultDatabasePath, "SQLite `FILE` of the store, created if it is missing; "+store.MemoryDatabase+" keeps nothing on disk"),
		stringFlag(storeCategory, "durability", string(store.DurabilityFull),
			"what a success reply means, a `LEVEL`: full, the write is on disk; relaxed, it survives a crash of storebus, not of the machine"),
		durationFlag(storeCategory, "purge-interval", store.DefaultPurgeInterval, "`TIME` between two searches for expired keys that no timer has caught"),
		durationFlag(storeCategory, "change-retention-age", store.DefaultRetentionAge, "`TIME` after which a change leaves the log"),
		&cli.Uint64Flag{
			Category: storeCategory, Config: decimalDigits, Name: "change-retention-count", Value: store.DefaultRetentionCount,
			Sources: variable("change-retention-count"), Usage: "largest `NUMBER` of changes in the log",
		},
		sizeFlag(storeCategory, "change-retention-bytes", store.DefaultRetentionBytes, "largest `SIZE` of the log"),
		numberLimit("keys", "largest `NUMBER` of keys"),
		numberLimit("groups", "largest `NUMBER` of groups"),
		sizeFlag(storeCategory, defaultQuota+"bytes", 0, "largest `SIZE` of groups, keys and values together"+ofEachNamespace),
		sizeFlag(storeCategory, defaultQuota+"value-bytes", 0, "largest `SIZE` of a value"+ofEachNamespace),
		sizeFlag(storeCategory, defaultQuota+"journal-bytes", 0, "largest `SIZE` of journal entries"+ofEachNamespace),
		sizeFlag(storeCategory, defaultQuota+"workspace-bytes", 0, "largest `SIZE` of the files of workspaces"+ofEachNamespace),
		sizeFlag(storeCategory, defaultQuota+"log-bytes", 0, "`SIZE` of the newest changes that the log keeps"+ofEachNamespace),
		sizeFlag(storeCategory, "cache-bytes", store.DefaultCacheBytes, "`SIZE` of the memory for cached entries"),
		&cli.StringFlag{
			Category: storeCategory, Name: "state-directory", Sources: variable("state-directory"), Usage: "`FOLDER` of the open workspaces, and of JetStream",
			DefaultText: storebus.DefaultStateDirectory + "; with --database FILE, FILE.workspaces",
		},
		stringFlag(storeCategory, "archive-directory", "./data/archive", "`FOLDER` that storebus compact writes archives to; '' refuses compactions"),
		stringFlag(storeCategory, "backup-directory", "./data/backup", "`FOLDER` that storebus backup writes to; '' refuses backups"),
	}
}

// defaultQuota begins the flags of the quota that holds for each namespace without one.
const (
	defaultQuota    = "default-quota-"
	ofEachNamespace = " of each namespace without a quota of its own; 0 is no limit"
)

func numberLimit(name, usage string) cli.Flag {
	return &cli.Int64Flag{Category: storeCategory, Config: decimalDigits, Name: defaultQuota + name, Sources: variable(defaultQuota + name), Usage: usage + ofEachNamespace}
}

func defaultQuotaOf(command *cli.Command) store.Quota {
	return store.Quota{
		MaxKeys: command.Int64(defaultQuota + "keys"), MaxGroups: command.Int64(defaultQuota + "groups"),
		MaxBytes: sizeOf(command, defaultQuota+"bytes"), MaxValueBytes: sizeOf(command, defaultQuota+"value-bytes"),
		MaxJournalBytes: sizeOf(command, defaultQuota+"journal-bytes"), MaxWorkspaceBytes: sizeOf(command, defaultQuota+"workspace-bytes"),
		MaxLogBytes: sizeOf(command, defaultQuota+"log-bytes"),
	}
}

func brokerFlags() []cli.Flag {
	flags := []cli.Flag{
		stringFlag(brokerCategory, "listen", storebus.DefaultListen, "`ADDRESS` of the embedded broker; port 0 picks a free port"),
		&cli.BoolFlag{
			Category: brokerCategory, Name: "insecure", Sources: variable("insecure"),
			Usage: "let an embedded broker without users listen beyond loopback, although whoever reaches it may read and change everything",
		},
		stringFlag(brokerCategory, "broker-config", "", "`FILE` with the embedded broker's configuration, as nats-server reads it; SIGHUP reads it again"),
		&cli.BoolFlag{Category: brokerCategory, Name: "jetstream", Sources: variable("jetstream"), Usage: "turn JetStream on in the embedded broker, in the state directory"},
		stringFlag(brokerCategory, "nats", "", "`URL` of an outside broker, used instead of the embedded one; separate several with commas"),
		// The flag has no variable: a context chosen for a shell must not move a store.
		&cli.StringFlag{Category: brokerCategory, Name: "context", Usage: "`NAME` of a NATS context with an outside broker, used instead of the embedded one"},
	}
	flags = append(flags, credentialsFlags("", "the sidecar")...)
	flags = append(flags, credentialsFlags("events-", "the connection for events")...)
	return append(flags,
		stringFlag(brokerCategory, "tlscert", "", "`FILE` with the client certificate for the outside broker, in PEM"),
		stringFlag(brokerCategory, "tlskey", "", "`FILE` with the private key of the client certificate, in PEM"),
		&cli.StringFlag{
			Category: brokerCategory, Name: "tlsca", Sources: variable("tlsca"), Usage: "`FILE` with the authorities for the outside broker's certificate, in PEM",
			DefaultText: "the system's authorities",
		},
		&cli.StringFlag{
			Category: brokerCategory, Name: "inbox-prefix", Sources: variable("inbox-prefix"), Usage: "`SUBJECT` that the sidecar's inboxes begin with",
			DefaultText: "_INBOX",
		},
	)
}

// credentialsFlags are the flags for the credentials of one of the connections.
func credentialsFlags(prefix, owner string) []cli.Flag {
	const beside = "; a flag is visible to every user of the machine, so use the variable or --"
	return []cli.Flag{
		stringFlag(brokerCategory, prefix+"creds", "", "credentials `FILE` of "+owner),
		stringFlag(brokerCategory, prefix+"nkey", "", "`FILE` with the NKey seed of "+owner),
		stringFlag(brokerCategory, prefix+"user", "", "`NAME` of the user that "+owner+" connects as"),
		stringFlag(brokerCategory, prefix+"password", "", "`PASSWORD` of --"+prefix+"user"+beside+prefix+"password-file"),
		stringFlag(brokerCategory, prefix+"password-file", "", "`FILE` with the password of --"+prefix+"user"),
		stringFlag(brokerCategory, prefix+"token", "", "`TOKEN` of "+owner+beside+prefix+"token-file"),
		stringFlag(brokerCategory, prefix+"token-file", "", "`FILE` with the token of "+owner),
	}
}

func serviceFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(serviceCategory, "prefix", subjects.DefaultPrefix, "`PREFIX` of every subject of this storebus"),
		&cli.IntFlag{
			Category: serviceCategory, Config: decimalDigits, Name: "queue-limit", Value: handler.DefaultQueueLimit,
			Sources: variable("queue-limit"), Usage: "largest `NUMBER` of requests in hand, shared out among the namespaces; a further request is answered 503",
		},
		sizeFlag(serviceCategory, "queue-bytes", handler.DefaultQueueBytes, "largest `SIZE` of all requests in hand, and of all replies that wait to be sent"),
		stringFlag(serviceCategory, "http", storebus.DefaultHTTPAddress, "`ADDRESS` of the page, health and metrics; '' turns HTTP off; if the default address is in use, HTTP takes a free port"),
		stringFlag(serviceCategory, "http-token-file", "", "`FILE` with the token that lets HTTP show everything, 16 characters or more"),
	}
}

func journalFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(journalCategory, "journal-url", "", "`URL` of the InfluxDB-compatible endpoint that the journal delivers points to"),
		stringFlag(journalCategory, "journal-organisation", "", "`NAME` of the organisation at the journal's endpoint"),
		stringFlag(journalCategory, "journal-bucket", "", "`NAME` of the bucket at the journal's endpoint"),
		stringFlag(journalCategory, "journal-token-file", "",
			"`FILE` with the token for the journal's endpoint, read again if the endpoint refuses the token; "+journalTokenVariable+" holds the token itself"),
	}
}

func logFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(logCategory, logLevelFlag, defaultLevel, "lowest `LEVEL` of the lines on standard error: "+alternatives(logLevels)),
		stringFlag(logCategory, logFormatFlag, defaultFormat, "`FORMAT` of standard error: "+alternatives(logFormats)+", one object a line"),
	}
}

// serveConfig reads the flags. Start checks whether they fit together.
func serveConfig(command *cli.Command) (storebus.Config, error) {
	config := storebus.Config{
		DatabasePath:  command.String("database"),
		Durability:    store.Durability(command.String("durability")),
		PurgeInterval: command.Duration("purge-interval"),
		Retention: store.Retention{
			Age:   command.Duration("change-retention-age"),
			Count: command.Uint64("change-retention-count"),
			Bytes: uint64(sizeOf(command, "change-retention-bytes")),
		},
		DefaultQuota:     defaultQuotaOf(command),
		CacheBytes:       sizeOf(command, "cache-bytes"),
		NATS:             natsConfig(command),
		Insecure:         command.Bool("insecure"),
		BrokerConfigFile: command.String("broker-config"),
		JetStream:        command.Bool("jetstream"),
		EventsNATS:       natsCredentials(command, "events-"),
		Prefix:           command.String("prefix"),
		QueueLimit:       command.Int("queue-limit"),
		QueueBytes:       sizeOf(command, "queue-bytes"),
		HTTPAddress:      command.String("http"),
		HTTPAnyPort:      !command.IsSet("http"),
		HTTPTokenFile:    command.String("http-token-file"),
		StateDirectory:   command.String("state-directory"),
		ArchiveDirectory: command.String("archive-directory"),
		BackupDirectory:  command.String("backup-directory"),
		Journal:          journalConfig(command),
	}
	return config, takeListen(command, &config)
}

// takeListen reads --listen. Its default applies only if neither an outside broker nor a file has the
// address.
func takeListen(command *cli.Command, config *storebus.Config) error {
	outside := config.NATS.URL != "" || config.NATS.Context != ""
	given := command.IsSet("listen") && command.String("listen") != ""
	switch {
	case outside && given:
		return fmt.Errorf("%w: --listen is the address of the broker inside this program, and --nats or --context names another: give one of them", errUsage)
	case config.BrokerConfigFile != "" && given:
		return fmt.Errorf("%w: --listen is the address of the embedded broker, and the file of --broker-config gives it another: give one of them", errUsage)
	case !outside && config.BrokerConfigFile == "":
		config.Listen = command.String("listen")
	}
	return nil
}

func natsConfig(command *cli.Command) storebus.NATSConfig {
	return storebus.NATSConfig{
		URL:             command.String("nats"),
		Context:         command.String("context"),
		NATSCredentials: natsCredentials(command, ""),
		CertificateFile: command.String("tlscert"),
		KeyFile:         command.String("tlskey"),
		AuthorityFile:   command.String("tlsca"),
		InboxPrefix:     command.String("inbox-prefix"),
	}
}

// natsCredentials reads the flags with the prefix "" or "events-".
func natsCredentials(command *cli.Command, prefix string) storebus.NATSCredentials {
	return storebus.NATSCredentials{
		CredentialsFile: command.String(prefix + "creds"),
		SeedFile:        command.String(prefix + "nkey"),
		User:            command.String(prefix + "user"),
		Password:        command.String(prefix + "password"),
		PasswordFile:    command.String(prefix + "password-file"),
		Token:           command.String(prefix + "token"),
		TokenFile:       command.String(prefix + "token-file"),
	}
}

// journalConfig reads the flags of the journal. A token file overrides the token's
// variable.
func journalConfig(command *cli.Command) storebus.JournalConfig {
	config := storebus.JournalConfig{
		URL:          command.String("journal-url"),
		Organisation: command.String("journal-organisation"),
		Bucket:       command.String("journal-bucket"),
		TokenFile:    command.String("journal-token-file"),
	}
	if config.TokenFile == "" {
		config.Token = os.Getenv(journalTokenVariable)
	}
	return config
}

func stringFlag(category, name, value, usage string) cli.Flag {
	return &cli.StringFlag{Category: category, Name: name, Value: value, Sources: variable(name), Usage: usage}
}

func durationFlag(category, name string, value time.Duration, usage string) cli.Flag {
	return &cli.DurationFlag{Category: category, Name: name, Value: value, Sources: variable(name), Usage: usage}
}

func sizeFlag(category, name string, value int64, usage string) cli.Flag {
	size := byteSize(value)
	return &cli.GenericFlag{Category: category, Name: name, Value: &size, Sources: variable(name), Usage: usage}
}

func sizeOf(command *cli.Command, name string) int64 {
	size, ok := command.Generic(name).(*byteSize)
	if !ok {
		return 0
	}
	return int64(*size)
}

// variable is the environment variable of a flag.
func variable(name string) cli.ValueSourceChain {
	return cli.EnvVars("STOREBUS_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
}
