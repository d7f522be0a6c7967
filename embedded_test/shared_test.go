// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// shared is one sidecar for every test that needs only a namespace of its own. A test that
// stops a sidecar, or reads all of it, starts its own.
var shared struct {
	once       sync.Once
	folder     string
	sidecar    *storebus.Sidecar
	err        error
	namespaces atomic.Int64
}

// startShared starts the shared sidecar with a broker of its own and a real file.
func startShared() {
	if shared.folder, shared.err = os.MkdirTemp("", "storebus-shared-"); shared.err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	shared.sidecar, shared.err = storebus.Start(ctx, storebus.Config{
		DatabasePath:     filepath.Join(shared.folder, "storebus.db"),
		BackupDirectory:  filepath.Join(shared.folder, "backup"),
		ArchiveDirectory: filepath.Join(shared.folder, "archive"),
		Listen:           "127.0.0.1:0",
	})
}

// stopShared closes the shared sidecar if there is one, and removes its files.
func stopShared() error {
	if shared.folder == "" {
		return nil
	}
	var err error
	if shared.sidecar != nil {
		err = shared.sidecar.Close()
	}
	return errors.Join(err, os.RemoveAll(shared.folder))
}

// newNamespace connects a tenant to the shared sidecar, in a new namespace.
func newNamespace(t *testing.T) *tenant {
	t.Helper()
	shared.once.Do(startShared)
	require.NoError(t, shared.err)
	return newTenant(t, shared.sidecar.NATSURL(), fmt.Sprintf("shared-%d", shared.namespaces.Add(1)))
}

// in is the same client in another namespace. The namespace "admin" has the verbs of an
// operator.
func (tenant *tenant) in(namespace string) *tenant {
	other := *tenant
	other.namespace = namespace
	return &other
}
