// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dappco.re/go/storebus/subjects"
)

// namespace checks the permissions of this user in a namespace, and the quota there.
func (examination *examination) namespace(ctx context.Context, namespace string) {
	var usage subjects.UsageReply
	subject := examination.space.Request(namespace, subjects.VerbUsage)
	err := examination.read(ctx, subject, &usage)
	examination.report(examination.verbFinding("reads", subject, err))
	// A request without a key is refused before anything is stored.
	subject = examination.space.Request(namespace, subjects.VerbSet)
	_, refusal := examination.ask(ctx, subject, "{}")
	if errors.Is(refusal, subjects.ErrBadRequest) {
		refusal = nil
	}
	examination.report(examination.verbFinding("sets", subject, refusal))
	subject = examination.space.Events(namespace)
	events, refusal := examination.subscribe(ctx, subject)
	if refusal == nil {
		refusal = events.Unsubscribe()
	}
	examination.report(examination.verbFinding("watching", subject, refusal))
	if err == nil {
		examination.report(quotaFinding(namespace, &usage))
	}
}

// verbFinding judges the reply to a request, or the lack of one.
func (examination *examination) verbFinding(check, subject string, err error) finding {
	switch {
	case err == nil:
		return fine(check, "%s is permitted", subject)
	case errors.Is(err, errNotPermitted):
		return fine(check, "%s: %v", subject, err).warns("permit the subject to this user; storebus permissions NAMESPACE prints how")
	}
	return examination.noReply(check, subject, err)
}

func quotaFinding(namespace string, usage *subjects.UsageReply) finding {
	used := []string{counted(usage.Keys, "key"), counted(usage.Groups, "group"), counted(usage.Bytes, "byte")}
	found := fine("quota", "%s holds %s", namespace, strings.Join(used, ", "))
	if usage.Revision == 0 {
		return fine("quota", "%s is empty, and nothing was ever stored there", namespace).
			warns("if that is not expected, check the name: an operator lists all with storebus namespaces")
	}
	for _, each := range []struct {
		name        string
		used, limit uint64
	}{{"keys", usage.Keys, usage.MaxKeys}, {"groups", usage.Groups, usage.MaxGroups}, {"bytes", usage.Bytes, usage.MaxBytes},
		{"bytes of the journal", usage.JournalBytes, usage.MaxJournalBytes}, {"bytes of workspaces", usage.WorkspaceBytes, usage.MaxWorkspaceBytes}} {
		if each.limit > 0 && float64(each.used) > fullShare*float64(each.limit) {
			found.Finding += fmt.Sprintf("; %d of %d %s", each.used, each.limit, each.name)
			found = found.warns("remove keys, or have an operator raise the limit with storebus quota " + namespace)
		}
	}
	return found
}
