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

// journalTokenVariable holds the token itself: a flag would show it to everybody on
// the machine.
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
	// No variable: a service with it would never start.
	check := &cli.BoolFlag{Name: checkFlag, Usage: "look at everything that a start needs, print what was found, and end; nothing is created or changed"}
	return append(slices.Concat(flags, serviceFlags(), journalFlags(), logFlags()), check)
}

func storeFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(storeCategory, "database", storebus.DefaultDatabasePath, "the SQLite `FILE`, created where it is missing; "+store.MemoryDatabase+" keeps nothing on disk"),
		stringFlag(storeCategory, "durability", string(store.DurabilityFull), "what a success means: full, it is on disk; relaxed, it survives the process (`LEVEL`)"),
		durationFlag(storeCategory, "purge-interval", store.DefaultPurgeInterval, "the `TIME` between two sweeps for expired keys that no timer caught"),
		durationFlag(storeCategory, "change-retention-age", store.DefaultRetentionAge, "how long changes can be replayed, a `TIME`"),
		&cli.Uint64Flag{
			Category: storeCategory, Config: decimalDigits, Name: "change-retention-count", Value: store.DefaultRetentionCount,
			Sources: variable("change-retention-count"), Usage: "how many changes can be replayed, a `NUMBER`",
		},
		sizeFlag(storeCategory, "change-retention-bytes", store.DefaultRetentionBytes, "how much of the log is kept, a `SIZE`"),
		sizeFlag(storeCategory, "cache-bytes", store.DefaultCacheBytes, "how much memory entries are kept in, a `SIZE`"),
		stringFlag(storeCategory, "state-directory", "", "the `FOLDER` of the workspaces (default: "+storebus.DefaultStateDirectory+", and of another database its file with .workspaces behind it)"),
		stringFlag(storeCategory, "archive-directory", "./data/archive", "the `FOLDER` of what compaction has moved out"),
		stringFlag(storeCategory, "backup-directory", "./data/backup", "the `FOLDER` of the backups"),
	}
}

func brokerFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(brokerCategory, "listen", storebus.DefaultListen, "the `ADDRESS` of the broker inside this program; port 0 picks a free one"),
		&cli.BoolFlag{
			Category: brokerCategory, Name: "insecure", Sources: variable("insecure"),
			Usage: "let the broker inside this program listen beyond this machine, where everybody may then read and change everything",
		},
		stringFlag(brokerCategory, "nats", "", "the `URL` of a broker to use instead, or several with commas between them"),
		// No variable: a context that is selected for a shell must not move a store.
		&cli.StringFlag{Category: brokerCategory, Name: "context", Usage: "the `NAME` of a NATS context to use instead"},
		stringFlag(brokerCategory, "creds", "", "a credentials `FILE`"),
		stringFlag(brokerCategory, "nkey", "", "a `FILE` with the seed of an NKey"),
		stringFlag(brokerCategory, "user", "", "the `NAME` of a user"),
		stringFlag(brokerCategory, "password", "", "the user's `PASSWORD`; better in its variable, where nobody else sees it"),
		stringFlag(brokerCategory, "password-file", "", "a `FILE` with the user's password, read again when the connection is made again"),
		stringFlag(brokerCategory, "token", "", "a `TOKEN`; better in its variable"),
		stringFlag(brokerCategory, "token-file", "", "a `FILE` with the token"),
		stringFlag(brokerCategory, "events-creds", "", "a credentials `FILE` for the connection that publishes events; without one of these it connects like the other"),
		stringFlag(brokerCategory, "events-nkey", "", "a `FILE` with the seed of its NKey"),
		stringFlag(brokerCategory, "events-user", "", "the `NAME` of its user"),
		stringFlag(brokerCategory, "events-password", "", "that user's `PASSWORD`; better in its variable"),
		stringFlag(brokerCategory, "events-password-file", "", "a `FILE` with that user's password"),
		stringFlag(brokerCategory, "events-token", "", "its `TOKEN`; better in its variable"),
		stringFlag(brokerCategory, "events-token-file", "", "a `FILE` with its token"),
		stringFlag(brokerCategory, "tlscert", "", "a `FILE` with the client's certificate"),
		stringFlag(brokerCategory, "tlskey", "", "a `FILE` with the key of the client's certificate"),
		stringFlag(brokerCategory, "tlsca", "", "a `FILE` with the authorities to check the broker's certificate with"),
		stringFlag(brokerCategory, "inbox-prefix", "", "what inboxes begin with, a `SUBJECT`"),
	}
}

func serviceFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(serviceCategory, "prefix", subjects.DefaultPrefix, "what every subject begins with, a `PREFIX`"),
		&cli.IntFlag{
			Category: serviceCategory, Config: decimalDigits, Name: "queue-limit", Value: handler.DefaultQueueLimit,
			Sources: variable("queue-limit"), Usage: "the largest `NUMBER` of requests in hand, shared out among namespaces; more are answered 503 at once",
		},
		sizeFlag(serviceCategory, "queue-bytes", handler.DefaultQueueBytes, "the largest `SIZE` of the requests in hand, and of results that wait to be sent"),
		stringFlag(serviceCategory, "http", storebus.DefaultHTTPAddress, "the `ADDRESS` of the page, health and metrics; if it is not given and in use, another port; '' is none"),
		stringFlag(serviceCategory, "http-token-file", "", "a `FILE` with the token for values beyond what HTTP shows to everybody on this machine"),
	}
}

func journalFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(journalCategory, "journal-url", "", "the `URL` of an InfluxDB-compatible endpoint"),
		stringFlag(journalCategory, "journal-organisation", "", "its organisation, a `NAME`"),
		stringFlag(journalCategory, "journal-bucket", "", "its bucket, a `NAME`"),
		stringFlag(journalCategory, "journal-token-file", "", "a `FILE` with its token, read again when it is refused; the token itself may stand in "+journalTokenVariable),
	}
}

func logFlags() []cli.Flag {
	return []cli.Flag{
		stringFlag(logCategory, logLevelFlag, "info", "the least `LEVEL` of the lines on standard error: "+alternatives(logLevels)),
		stringFlag(logCategory, logFormatFlag, "text", "the `FORMAT` of standard error: "+alternatives(logFormats)+", an object a line"),
	}
}

// serveConfig reads the flags. What may be configured together is checked by Start.
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
		CacheBytes:       sizeOf(command, "cache-bytes"),
		NATS:             natsConfig(command),
		Insecure:         command.Bool("insecure"),
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

// takeListen reads --listen, whose default is for a program without another broker.
func takeListen(command *cli.Command, config *storebus.Config) error {
	outside := config.NATS.URL != "" || config.NATS.Context != ""
	given := command.IsSet("listen") && command.String("listen") != ""
	switch {
	case outside && given:
		return fmt.Errorf("%w: --listen is the address of the broker inside this program, and --nats or --context names another: give one of them", errUsage)
	case !outside:
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

// natsCredentials reads the flags whose names begin with prefix: "" or "events-".
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

// journalConfig reads the flags of the journal. A file of the token comes before its variable.
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

// variable is the one that a flag can be given by.
func variable(name string) cli.ValueSourceChain {
	return cli.EnvVars("STOREBUS_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
}
