// SPDX-License-Identifier: EUPL-1.2

// Package mutants has faults on purpose, to show that the tests catch them. A mutant is the
// program with one promise broken: some lines of it are replaced while it is compiled, and the
// files stay as they are. The tests here check that each mutant still applies. With the tag
// mutants they also run the test that has to catch it, and fail if it passes:
//
//	go test -tags mutants -timeout 1h -v ./internal/mutants
package mutants
