// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"

	"dappco.re/go/storebus/internal/platform"
	"dappco.re/go/storebus/store"
)

const (
	// brokerName is the name of the sidecar's own broker, if nobody gives it another.
	brokerName = "storebus"
	// jetStreamFolder is the folder of JetStream within the state directory.
	jetStreamFolder = "jetstream"
)

// brokerOptions returns the options of the sidecar's own broker: those of the file, or of Listen and
// JetStream.
func (config *Config) brokerOptions() (*server.Options, error) {
	if config.BrokerConfigFile != "" {
		return config.optionsOfFile()
	}
	host, port, err := net.SplitHostPort(config.Listen)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	if number == 0 {
		number = server.RANDOM_PORT
	}
	return &server.Options{ServerName: brokerName, Host: host, Port: number, NoSigs: true, JetStream: config.JetStream}, nil
}

// optionsOfFile reads the configuration of the broker. It refuses one that lets other machines in
// without credentials or certificates, unless Insecure is set. It also refuses users if the sidecar has
// no credentials: the sidecar could not connect.
func (config *Config) optionsOfFile() (*server.Options, error) {
	options, err := server.ProcessConfigFile(config.BrokerConfigFile)
	if err != nil {
		return nil, fmt.Errorf("%w: the configuration of the broker, %s: %w", ErrConfig, config.BrokerConfigFile, err)
	}
	options.NoSigs = true
	if options.ServerName == "" && options.Cluster.Port == 0 && options.Cluster.ListenStr == "" {
		options.ServerName = brokerName // members of a cluster have different names
	}
	switch users := hasUsers(options); {
	case !users && !options.TLSVerify && !config.Insecure && !isLoopback(addressOf(options)):
		return nil, fmt.Errorf("%w: %s listens at %s, and has no users", ErrOpenToAll, config.BrokerConfigFile, addressOf(options))
	case users && options.NoAuthUser == "" && config.NATS.NATSCredentials == NATSCredentials{}:
		return nil, fmt.Errorf("%w: %s has users, and the sidecar needs one of them: set NATS.User, or other credentials of NATS", ErrConfig, config.BrokerConfigFile)
	}
	return options, nil
}

// hasUsers reports whether a broker asks its clients for credentials.
func hasUsers(options *server.Options) bool {
	return options.Username != "" || options.Authorization != "" || len(options.Users)+len(options.Nkeys) > 0 ||
		len(options.TrustedOperators)+len(options.TrustedKeys) > 0 || options.AuthCallout != nil
}

// addressOf returns the address of a broker for clients. Port 0 is a free one.
func addressOf(options *server.Options) string {
	port := cmp.Or(options.Port, server.DEFAULT_PORT)
	if port == server.RANDOM_PORT {
		port = 0
	}
	return net.JoinHostPort(cmp.Or(options.Host, server.DEFAULT_HOST), strconv.Itoa(port))
}

// brokerAddress returns the address of the sidecar's own broker.
func (config *Config) brokerAddress() (string, error) {
	if config.BrokerConfigFile == "" {
		return config.Listen, nil
	}
	options, err := config.brokerOptions()
	if err != nil {
		return "", err
	}
	return addressOf(options), nil
}

// checkBroker checks what belongs to the sidecar's own broker.
func (config *Config) checkBroker() error {
	switch file := config.BrokerConfigFile != ""; {
	case config.NATS.outside() && (config.Listen != "" || config.Insecure || file || config.JetStream):
		return errors.New("the settings Listen, BrokerConfigFile, JetStream and Insecure are about the sidecar's own broker: it has none when it connects to another")
	case config.NATS.outside():
		return nil
	case file && config.Listen != "":
		return errors.New("both Listen and BrokerConfigFile give the address of the broker: give one of them")
	case file && config.JetStream:
		return fmt.Errorf("JetStream and BrokerConfigFile are both given: turn JetStream on in %s, with jetstream { store_dir: \"FOLDER\" }", config.BrokerConfigFile)
	case !file && !config.Insecure && !isLoopback(config.Listen):
		return fmt.Errorf("%w: Listen is %s, and the sidecar's own broker asks nobody for credentials", ErrOpenToAll, config.Listen)
	}
	return nil
}

// stateDirectory returns the state directory of a sidecar, "" if it keeps nothing on disk.
func (config *Config) stateDirectory() string {
	if config.StateDirectory == "" && config.DatabasePath != store.MemoryDatabase {
		return config.DatabasePath + store.StateDirectorySuffix
	}
	return config.StateDirectory
}

// giveJetStreamFolder gives JetStream its folder. If nothing is kept on disk, the folder is temporary
// and its path is returned.
func (config *Config) giveJetStreamFolder(options *server.Options) (temporary string, err error) {
	if !config.JetStream {
		return "", nil
	}
	state := config.stateDirectory()
	if state == "" {
		temporary, err = os.MkdirTemp("", "storebus-jetstream-")
		options.StoreDir = temporary
		return temporary, err
	}
	options.StoreDir = filepath.Join(state, jetStreamFolder)
	return "", platform.CreateFolder(options.StoreDir)
}

// ReloadBroker reads BrokerConfigFile again, as SIGHUP has nats-server do. An option that a running
// broker cannot change is an error, and then nothing is changed. It returns ErrNoBrokerConfig if there
// is no such file.
//
//	err := sidecar.ReloadBroker()
func (sidecar *Sidecar) ReloadBroker() error {
	if !sidecar.started() || sidecar.broker == nil || sidecar.config.BrokerConfigFile == "" {
		return fmt.Errorf("storebus.ReloadBroker: %w", ErrNoBrokerConfig)
	}
	options, err := sidecar.config.optionsOfFile()
	if err == nil {
		err = sidecar.broker.ReloadOptions(options)
	}
	if err != nil {
		return fmt.Errorf("storebus.ReloadBroker: %w", err)
	}
	return nil
}

// ErrNoBrokerConfig is returned by ReloadBroker of a sidecar without BrokerConfigFile.
var ErrNoBrokerConfig = errors.New("the sidecar has no broker with a configuration file")
