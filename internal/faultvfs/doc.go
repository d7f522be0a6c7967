// SPDX-License-Identifier: EUPL-1.2

// Package faultvfs shows a test each change that SQLite makes to a file, and lets the test fail
// it. It is a virtual file system of SQLite in front of the default one. It is for tests only.
//
// After the first Watch, all databases of the process use it. A file outside the watched folders
// is not affected.
package faultvfs
