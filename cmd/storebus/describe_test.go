// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestDescribe_Describe_Good(t *testing.T) {
	shell := newShell(t)
	verbs := shell.mustRun(t, "describe")
	for _, verb := range subjects.Describe().Verbs {
		assert.Regexp(t, `(?m)^`+string(verb.Name)+`\tstore\.(<namespace>|admin)\.`+string(verb.Name)+`\t(yes|no)\t.+$`, verbs)
	}
	assert.Contains(t, verbs, "get\tstore.<namespace>.get\tno\t")
	assert.Contains(t, verbs, "quota\tstore.admin.quota\t")
	fields := shell.mustRun(t, "describe", "set")
	assert.Contains(t, fields, "key\tstring\tyes\n")
	assert.Contains(t, fields, "ttl\tduration\tno\n")
	assert.Regexp(t, `^FIELD +TYPE +REQUIRED\n`, shell.mustRun(t, "describe", "set", "-o", "table"))
	assert.Contains(t, shell.mustRun(t, "describe", "transaction"), "then/op\t")
}

func TestDescribe_Describe_Bad(t *testing.T) {
	_, err := newShell(t).run(t, "describe", "sett")
	require.ErrorIs(t, err, subjects.ErrNotFound)
	assert.ErrorContains(t, err, `the sidecar knows no verb "sett"; did you mean "set"?`)
}
