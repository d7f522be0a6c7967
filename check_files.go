// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"dappco.re/go/storebus/internal/platform"
)

// folders checks that files can be created in every folder, or the folder itself.
func (check *check) folders() {
	folders := check.config.folders()
	if check.config.StateDirectory != "" {
		folders = append(folders, check.config.StateDirectory)
	}
	slices.Sort(folders)
	for _, folder := range slices.Compact(folders) {
		text, err := checkFolder(folder)
		check.found("folder", folder+" "+text, err)
	}
}

// checkFolder looks for the folder. If it does not exist, it looks for the nearest folder
// above, in which Start would create it.
func checkFolder(folder string) (text string, err error) {
	for path := filepath.Clean(folder); ; path = filepath.Dir(path) {
		information, err := os.Stat(path)
		switch {
		case err == nil && !information.IsDir():
			return "", fmt.Errorf("%s is a file, not a folder", path)
		case err == nil && path == filepath.Clean(folder):
			return "takes files", platform.CheckWritableFolder(path)
		case err == nil:
			return "is not there, and will be created", platform.CheckWritableFolder(path)
		case !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path):
			return "", err
		}
	}
}

// secrets reads every file with a secret for the broker.
func (check *check) secrets() {
	for _, credentials := range slices.Compact([]NATSCredentials{check.config.NATS.NATSCredentials, check.config.EventsNATS}) {
		check.secret(credentials.CredentialsFile, checkCredentials)
		check.secret(credentials.SeedFile, checkSeed)
		check.secret(credentials.PasswordFile, checkSecret)
		check.secret(credentials.TokenFile, checkSecret)
	}
}

func (check *check) secret(path string, checkFile func(path string) error) {
	if path != "" {
		check.found("secrets", path+" can be read", checkFile(path))
	}
}

func checkSecret(path string) error {
	_, err := secretOf("", path)
	return err
}

func checkSeed(path string) error {
	if _, err := nats.NkeyOptionFromSeed(path); err != nil {
		return fmt.Errorf("NKey seed file %s: %w", path, err)
	}
	return nil
}

// checkCredentials parses a .creds file. Its errors never repeat the content.
func checkCredentials(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if _, err := nkeys.ParseDecoratedJWT(content); err != nil {
		return fmt.Errorf("credentials file %s holds no JWT", path)
	}
	if _, err := nkeys.ParseDecoratedUserNKey(content); err != nil {
		return fmt.Errorf("credentials file %s holds no seed of a user", path)
	}
	return nil
}

// tls parses the certificates for the broker.
func (check *check) tls() {
	config := &check.config.NATS
	if config.CertificateFile != "" && config.KeyFile != "" {
		check.found("TLS", config.CertificateFile+" and "+config.KeyFile+" belong together", checkCertificate(config.CertificateFile, config.KeyFile))
	}
	if config.AuthorityFile != "" {
		check.found("TLS", config.AuthorityFile+" holds authorities", checkAuthorities(config.AuthorityFile))
	}
}

func checkCertificate(certificateFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certificateFile, keyFile)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", certificateFile, keyFile, err)
	}
	if now := time.Now(); now.After(pair.Leaf.NotAfter) || now.Before(pair.Leaf.NotBefore) {
		return fmt.Errorf("%s is valid from %s to %s, not now", certificateFile, pair.Leaf.NotBefore.Format(time.RFC3339), pair.Leaf.NotAfter.Format(time.RFC3339))
	}
	return nil
}

func checkAuthorities(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !x509.NewCertPool().AppendCertsFromPEM(content) {
		return fmt.Errorf("%s holds no certificate in PEM", path)
	}
	return nil
}
