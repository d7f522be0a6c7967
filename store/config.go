// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"dappco.re/go/storebus/internal/logging"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/kv"
	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// MemoryDatabase is the DatabasePath of a store that keeps nothing on disk.
const MemoryDatabase = sqlite.MemoryPath

// StateDirectorySuffix follows the DatabasePath in the default of WorkspaceStateDirectory:
// "storebus.db.workspaces" for "storebus.db".
const StateDirectorySuffix = workspacefile.FolderSuffix

// Defaults of StoreConfig.
const (
	DefaultPurgeInterval  = time.Minute
	DefaultRetentionAge   = 24 * time.Hour
	DefaultRetentionCount = 1_000_000
	DefaultRetentionBytes = 1 << 30
	DefaultCacheBytes     = 192 << 20
	DefaultPendingBytes   = 64 << 20
	// DefaultTransactionTimeout bounds the callback of Store.Transaction.
	DefaultTransactionTimeout = 5 * time.Second
)

// Durability says what a successful write means.
type Durability string

const (
	// DurabilityFull means that the write is on disk, fsynced. It survives the loss of power.
	// It is the default.
	DurabilityFull Durability = "full"
	// DurabilityRelaxed means that the write survives the end of the process, but not of the
	// machine.
	DurabilityRelaxed Durability = "relaxed"
	// DurabilityMemory is reported by a store on MemoryDatabase, which keeps nothing on disk.
	DurabilityMemory Durability = "memory"
)

// StoreConfig configures a store. Every field but DatabasePath has its default as the zero
// value.
//
//	store.StoreConfig{DatabasePath: "./data/storebus.db", PurgeInterval: time.Minute}
type StoreConfig struct {
	// DatabasePath is the SQLite file, or MemoryDatabase. Required. The file is created if it
	// is missing; its folder must exist. A name that CheckFileName refuses is an error.
	DatabasePath string
	// Durability is DurabilityFull or DurabilityRelaxed; empty is DurabilityFull.
	Durability Durability
	// PurgeInterval is the time between two sweeps for expired keys that no timer
	// caught; 0 is DefaultPurgeInterval. It may not be negative.
	PurgeInterval time.Duration
	// WorkspaceStateDirectory holds the files of workspaces, and belongs to one store at
	// a time. It is made when it is needed. Empty is the DatabasePath with ".workspaces"
	// behind it; for MemoryDatabase it is a temporary folder that goes with the store.
	WorkspaceStateDirectory string
	// Journal names the endpoint for journal entries.
	Journal JournalConfiguration
	// Limits bounds the entries of namespaces.
	Limits kv.Limits
	// Retention bounds the change log.
	Retention Retention
	// DefaultQuota is the quota of AllNamespaces as long as SetQuota or SubmitQuota has given it no
	// limit. It is not kept in the database.
	DefaultQuota Quota
	// CacheBytes bounds the memory for hot entries; 0 is DefaultCacheBytes.
	CacheBytes int
	// PendingBytes bounds the memory for changes that are in the log and not yet in the tables;
	// 0 is DefaultPendingBytes.
	PendingBytes int
	// TransactionTimeout bounds the callback of Store.Transaction, for which all other callers
	// wait; 0 is DefaultTransactionTimeout. It may not be negative.
	TransactionTimeout time.Duration
	// Logger receives messages for the operator; nil discards them.
	Logger *slog.Logger
	// Clock tells the time of day; nil is time.Now. If Clock is behind the last commit, the
	// store uses the time that has elapsed since that commit.
	Clock func() time.Time
	// Elapsed tells the time since some moment, whatever Clock is set to. Nil is the monotonic
	// clock of the process or, with a Clock, the time by which Clock moves forward.
	Elapsed func() time.Duration

	// overLog, if not nil, puts another log before the one in the database.
	overLog func(changelog.Log) changelog.Log
}

// JournalConfiguration names the endpoint for journal entries. The store sends nothing: package
// journal does. It holds no secret.
//
//	store.JournalConfiguration{EndpointURL: "http://127.0.0.1:8086", Organisation: "acme", BucketName: "journal"}
type JournalConfiguration struct {
	// EndpointURL is the endpoint, http or https, without user, query and fragment. If it is
	// empty, no entry waits for delivery, and Compact archives entries that were never
	// delivered.
	EndpointURL string
	// Organisation and BucketName say where the endpoint puts the entries. An endpoint requires
	// both. Use NoOrganisation for an endpoint without organisations, such as InfluxDB 1.8 and
	// VictoriaMetrics.
	Organisation string
	// BucketName is also the bucket that a query of the journal must name. Empty allows any
	// name.
	BucketName string
}

// NoOrganisation is the Organisation of an endpoint without organisations.
const NoOrganisation = "-"

// Validate returns the error that New and NewConfigured would return for the configuration. It
// looks at no file.
//
//	err := store.StoreConfig{DatabasePath: "storebus.db"}.Validate()
func (config StoreConfig) Validate() error {
	if _, err := config.withDefaults(); err != nil {
		return fmt.Errorf("store.StoreConfig.Validate: %w", err)
	}
	return nil
}

// withDefaults checks the configuration and returns a copy with every zero
// field at its default.
func (config StoreConfig) withDefaults() (StoreConfig, error) {
	if config.DatabasePath == "" {
		return config, fmt.Errorf("DatabasePath is empty; use a file name or %q", MemoryDatabase)
	}
	if err := checkDatabaseName(filepath.Base(config.DatabasePath)); err != nil {
		return config, fmt.Errorf("DatabasePath: %w", err)
	}
	switch config.Durability {
	case "":
		config.Durability = DurabilityFull
	case DurabilityFull, DurabilityRelaxed:
	default:
		return config, fmt.Errorf("Durability is %q; use %q or %q", config.Durability, DurabilityFull, DurabilityRelaxed)
	}
	if config.DatabasePath == MemoryDatabase {
		config.Durability = DurabilityMemory
	} else if config.WorkspaceStateDirectory == "" {
		config.WorkspaceStateDirectory = config.DatabasePath + StateDirectorySuffix
	}
	if _, err := commands.QuotaAfter(changeTo(&config.DefaultQuota), Quota{}); err != nil {
		return config, fmt.Errorf("DefaultQuota: %w", err)
	}
	if config.PurgeInterval < 0 || config.Retention.Age < 0 {
		return config, fmt.Errorf("PurgeInterval %s and Retention.Age %s may not be negative", config.PurgeInterval, config.Retention.Age)
	}
	if config.TransactionTimeout < 0 {
		return config, fmt.Errorf("TransactionTimeout %s may not be negative", config.TransactionTimeout)
	}
	if err := cmp.Or(kv.CheckLimits(config.Limits), config.Journal.check()); err != nil {
		return config, err
	}
	if config.CacheBytes < 0 || config.PendingBytes < 0 {
		return config, fmt.Errorf("CacheBytes %d and PendingBytes %d may not be negative", config.CacheBytes, config.PendingBytes)
	}
	config.CacheBytes = cmp.Or(config.CacheBytes, DefaultCacheBytes)
	config.PendingBytes = cmp.Or(config.PendingBytes, DefaultPendingBytes)
	config.TransactionTimeout = cmp.Or(config.TransactionTimeout, DefaultTransactionTimeout)
	config.PurgeInterval = cmp.Or(config.PurgeInterval, DefaultPurgeInterval)
	config.Retention.Age = cmp.Or(config.Retention.Age, DefaultRetentionAge)
	config.Retention.Count = cmp.Or(config.Retention.Count, DefaultRetentionCount)
	config.Retention.Bytes = cmp.Or(config.Retention.Bytes, DefaultRetentionBytes)
	config.Logger = logging.Throttle(config.Logger)
	return config, nil
}

// check refuses an endpoint to which nothing could be delivered. The error does not repeat the
// address, which may hold a password.
func (journal JournalConfiguration) check() error {
	if journal.EndpointURL == "" {
		return nil
	}
	endpoint, err := url.Parse(journal.EndpointURL)
	switch {
	case err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https":
		return errors.New("Journal.EndpointURL is no http or https URL; use one like http://127.0.0.1:8086")
	case endpoint.User != nil || endpoint.RawQuery != "" || endpoint.Fragment != "":
		return errors.New("Journal.EndpointURL has a user, a query or a fragment; use scheme, host and path")
	case strings.TrimSpace(journal.Organisation) == "":
		return fmt.Errorf("Journal.Organisation is empty; name the one that owns the bucket, or use %q if the endpoint has none", NoOrganisation)
	case strings.TrimSpace(journal.BucketName) == "":
		return errors.New("Journal.BucketName is empty; name the bucket that the entries go to")
	default:
		return nil
	}
}
