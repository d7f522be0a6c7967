// SPDX-License-Identifier: EUPL-1.2

package handler

import "dappco.re/go/storebus/subjects"

// form is the form of a verb's request.
type form int

const (
	// formJSON is store.<ns>.<verb> with a JSON body.
	formJSON form = iota
	// formRaw is store.<ns>.<verb>.<group>.<key> with the value itself as payload.
	formRaw
	// formAdmin is store.admin.<verb> with a JSON body.
	formAdmin
)

// verb is one endpoint of the service.
type verb struct {
	name  subjects.Verb
	form  form
	serve func(request)
}

// verbs has every endpoint of the service.
var verbs = []verb{
	{subjects.VerbSet, formJSON, setJSON.serve},
	{subjects.VerbGet, formJSON, getJSON.serve},
	{subjects.VerbDelete, formJSON, deleteJSON.serve},
	{subjects.VerbExists, formJSON, existsJSON.serve},
	{subjects.VerbTouch, formJSON, touchJSON.serve},
	{subjects.VerbIncrement, formJSON, incrementJSON.serve},
	{subjects.VerbTransaction, formJSON, transactionJSON.serve},
	{subjects.VerbGetMany, formJSON, getManyJSON.serve},
	{subjects.VerbList, formJSON, listJSON.serve},
	{subjects.VerbScan, formJSON, scanJSON.serve},
	{subjects.VerbChanges, formJSON, changesJSON.serve},
	{subjects.VerbCount, formJSON, countJSON.serve},
	{subjects.VerbGroups, formJSON, groupsJSON.serve},
	{subjects.VerbDeleteGroup, formJSON, deleteGroupJSON.serve},
	{subjects.VerbDeletePrefix, formJSON, deletePrefixJSON.serve},
	{subjects.VerbRender, formJSON, renderJSON.serve},
	{subjects.VerbSplit, formJSON, splitJSON.serve},
	{subjects.VerbFields, formJSON, fieldsJSON.serve},
	{subjects.VerbUsage, formJSON, usageJSON.serve},
	{subjects.VerbJournalCommit, formJSON, journalCommitJSON.serve},
	{subjects.VerbJournalQuery, formJSON, journalQueryJSON.serve},
	{subjects.VerbJournalStatus, formJSON, journalStatusJSON.serve},
	{subjects.VerbJournalRejected, formJSON, journalRejectedJSON.serve},
	{subjects.VerbJournalRequeue, formJSON, journalRequeueJSON.serve},
	{subjects.VerbWorkspaceOpen, formJSON, workspaceOpenJSON.serve},
	{subjects.VerbWorkspacePut, formJSON, workspacePutJSON.serve},
	{subjects.VerbWorkspaceAggregate, formJSON, workspaceAggregateJSON.serve},
	{subjects.VerbWorkspaceQuery, formJSON, workspaceQueryJSON.serve},
	{subjects.VerbWorkspaceCommit, formJSON, workspaceCommitJSON.serve},
	{subjects.VerbWorkspaceDiscard, formJSON, workspaceDiscardJSON.serve},
	{subjects.VerbWorkspaces, formJSON, workspacesJSON.serve},

	{subjects.VerbSet, formRaw, setRaw.serve},
	{subjects.VerbGet, formRaw, getRaw.serve},
	{subjects.VerbDelete, formRaw, deleteRaw.serve},
	{subjects.VerbExists, formRaw, existsRaw.serve},
	{subjects.VerbTouch, formRaw, touchRaw.serve},

	{subjects.VerbAdminStatus, formAdmin, statusJSON.serve},
	{subjects.VerbAdminDescribe, formAdmin, describeJSON.serve},
	{subjects.VerbAdminNamespaces, formAdmin, namespacesJSON.serve},
	{subjects.VerbAdminQuota, formAdmin, quotaJSON.serve},
	{subjects.VerbAdminPurge, formAdmin, purgeJSON.serve},
	{subjects.VerbAdminBackup, formAdmin, backupJSON.serve},
	{subjects.VerbAdminFlush, formAdmin, flushJSON.serve},
	{subjects.VerbAdminCompact, formAdmin, compactJSON.serve},
}

// endpointName returns the verb in the JSON form, and adds the form otherwise: get,
// get_raw, admin_status.
func (verb *verb) endpointName() string {
	switch verb.form {
	case formRaw:
		return string(verb.name) + "_raw"
	case formAdmin:
		return "admin_" + string(verb.name)
	}
	return string(verb.name)
}

// pattern returns the subject that the endpoint subscribes to.
func (verb *verb) pattern(space subjects.Space) string {
	switch verb.form {
	case formRaw:
		return space.RawPattern(verb.name)
	case formAdmin:
		return space.AdminPattern(verb.name)
	}
	return space.RequestPattern(verb.name)
}
