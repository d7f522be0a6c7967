// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"fmt"
	"strings"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// MaxWorkspaceNameBytes is the length of the longest name of a workspace.
const MaxWorkspaceNameBytes = 128

// workspaceName identifies a workspace.
type workspaceName struct {
	namespace string
	name      string
}

// check returns ErrInvalidName for names that no workspace can have. The empty namespace has
// the workspaces outside every namespace.
func (name workspaceName) check() error {
	if name.namespace != "" {
		if err := kv.CheckNamespace(name.namespace); err != nil {
			return err
		}
	}
	return checkWorkspaceName(name.name)
}

// failure says which operation on which workspace an error is about.
func (name workspaceName) failure(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: namespace %q workspace %q: %w", operation, name.namespace, name.name, err)
}

// checkWorkspaceName returns ErrInvalidName for a name that no workspace can have. The name is
// never part of a path.
func checkWorkspaceName(name string) error {
	switch {
	case name == "" || len(name) > MaxWorkspaceNameBytes:
		return fmt.Errorf("%w: workspace %q has %d bytes, 1 to %d are allowed", failure.ErrInvalidName, name, len(name), MaxWorkspaceNameBytes)
	case strings.Contains(name, ".."):
		return fmt.Errorf("%w: workspace %q has two dots in a row", failure.ErrInvalidName, name)
	case !isLetterOrDigit(name[0]):
		return fmt.Errorf("%w: workspace %q begins with %q; use a letter or a digit", failure.ErrInvalidName, name, name[0])
	}
	for index := range len(name) {
		if letter := name[index]; !isLetterOrDigit(letter) && !strings.ContainsRune("._-", rune(letter)) {
			return fmt.Errorf("%w: workspace %q holds %q; use letters, digits, '.', '_' and '-'", failure.ErrInvalidName, name, letter)
		}
	}
	return nil
}

func isLetterOrDigit(letter byte) bool { return letter != '-' && kv.IsNamespaceByte(letter) }
