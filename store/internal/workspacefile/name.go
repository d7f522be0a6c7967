// SPDX-License-Identifier: EUPL-1.2

package workspacefile

import (
	"fmt"
	"strings"

	"dappco.re/go/storebus/store/internal/failure"
	"dappco.re/go/storebus/store/internal/kv"
)

// MaxNameBytes is the length of the longest name of a workspace.
const MaxNameBytes = 128

// Name identifies a workspace. The empty namespace has the workspaces outside every namespace.
type Name struct {
	Namespace string
	Workspace string
}

// Check returns ErrInvalidName for names that no workspace can have.
func (name Name) Check() error {
	if name.Namespace != "" {
		if err := kv.CheckNamespace(name.Namespace); err != nil {
			return err
		}
	}
	return checkName(name.Workspace)
}

// Failure says which operation on which workspace an error is about.
func (name Name) Failure(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: namespace %q workspace %q: %w", operation, name.Namespace, name.Workspace, err)
}

// checkName returns ErrInvalidName for a name that no workspace can have. The name is never part
// of a path.
func checkName(name string) error {
	switch {
	case name == "" || len(name) > MaxNameBytes:
		return fmt.Errorf("%w: workspace %q has %d bytes, 1 to %d are allowed", failure.ErrInvalidName, name, len(name), MaxNameBytes)
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
