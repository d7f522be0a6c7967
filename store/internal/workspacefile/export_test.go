// SPDX-License-Identifier: EUPL-1.2

package workspacefile

// The inside of renaming, for its tests. They check kinds as package store does.
var (
	CheckName        = checkName
	RenamedWorkspace = renamedWorkspace
	RenamedKind      = renamedKind
	Unescape         = unescape
)

// EmptyName stands for the empty name.
const EmptyName = emptyName
