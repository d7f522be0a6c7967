// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"reflect"
	"slices"
)

// Verb is the word of a request's subject that names the action: the "set" of
// store.acme.set.
type Verb string

// The verbs of a namespace. Add a new verb to verbTable, and its endpoint to handler/verbs.go, too.
const (
	VerbSet          Verb = "set"
	VerbGet          Verb = "get"
	VerbDelete       Verb = "delete"
	VerbExists       Verb = "exists"
	VerbTouch        Verb = "touch"
	VerbIncrement    Verb = "increment"
	VerbTransaction  Verb = "transaction"
	VerbGetMany      Verb = "get_many"
	VerbList         Verb = "list"
	VerbScan         Verb = "scan"
	VerbChanges      Verb = "changes"
	VerbCount        Verb = "count"
	VerbGroups       Verb = "groups"
	VerbDeleteGroup  Verb = "delete_group"
	VerbDeletePrefix Verb = "delete_prefix"
	VerbRender       Verb = "render"
	VerbSplit        Verb = "split"
	VerbFields       Verb = "fields"
	VerbUsage        Verb = "usage"

	VerbJournalCommit   Verb = "journal_commit"
	VerbJournalQuery    Verb = "journal_query"
	VerbJournalStatus   Verb = "journal_status"
	VerbJournalRejected Verb = "journal_rejected"
	VerbJournalRequeue  Verb = "journal_requeue"

	VerbWorkspaceOpen      Verb = "workspace_open"
	VerbWorkspacePut       Verb = "workspace_put"
	VerbWorkspaceAggregate Verb = "workspace_aggregate"
	VerbWorkspaceQuery     Verb = "workspace_query"
	VerbWorkspaceCommit    Verb = "workspace_commit"
	VerbWorkspaceDiscard   Verb = "workspace_discard"
	VerbWorkspaces         Verb = "workspaces"
)

// The verbs of an operator, on store.admin.<verb>. Add a new verb to verbTable, and its endpoint to handler/verbs.go, too. It
// must not have the name of a verb of a namespace.
const (
	VerbAdminStatus     Verb = "status"
	VerbAdminDescribe   Verb = "describe"
	VerbAdminNamespaces Verb = "namespaces"
	VerbAdminQuota      Verb = "quota"
	VerbAdminPurge      Verb = "purge"
	VerbAdminBackup     Verb = "backup"
	VerbAdminFlush      Verb = "flush"
	VerbAdminCompact    Verb = "compact"
)

// The forms that the requests of a verb can have.
const (
	formTenant = 1 << iota // store.<ns>.<verb>
	formRaw                // store.<ns>.<verb>.<group>.<key>
	formAdmin              // store.admin.<verb>
)

// verbRow describes one verb.
type verbRow struct {
	verb        Verb
	forms       int
	writes      bool
	description string
	request     reflect.Type
}

// verbTable has every verb of the contract, the busiest first. The lists below and the
// reply to describe are made from it.
var verbTable = []verbRow{
	{VerbSet, formTenant | formRaw, true, "store a value under a key", reflect.TypeFor[SetRequest]()},
	{VerbGet, formTenant | formRaw, false, "read the entry of a key, and with a ttl set its expiry", reflect.TypeFor[GetRequest]()},
	{VerbDelete, formTenant | formRaw, true, "remove a key", reflect.TypeFor[DeleteRequest]()},
	{VerbExists, formTenant | formRaw, false, "tell whether a key exists", reflect.TypeFor[ExistsRequest]()},
	{VerbTouch, formTenant | formRaw, true, "set when a key expires", reflect.TypeFor[TouchRequest]()},
	{VerbIncrement, formTenant, true, "add to a number", reflect.TypeFor[IncrementRequest]()},
	{VerbTransaction, formTenant, true, "run several operations, all or none: one list if the guards hold, otherwise another", reflect.TypeFor[TransactionRequest]()},
	{VerbGetMany, formTenant, false, "read many entries at one point", reflect.TypeFor[GetManyRequest]()},
	{VerbList, formTenant, false, "read a page of a group in the order of its keys", reflect.TypeFor[ListRequest]()},
	{VerbScan, formTenant, false, "read a page of the namespace in the order of its groups and keys", reflect.TypeFor[ScanRequest]()},
	{VerbChanges, formTenant, false, "replay the changes after a revision, or wait for the next", reflect.TypeFor[ChangesRequest]()},
	{VerbCount, formTenant, false, "count the keys of a group, of all groups with a prefix, or of the namespace", reflect.TypeFor[CountRequest]()},
	{VerbGroups, formTenant, false, "read a page of the groups in the order of their names", reflect.TypeFor[GroupsRequest]()},
	{VerbDeleteGroup, formTenant, true, "remove every key of a group", reflect.TypeFor[DeleteGroupRequest]()},
	{VerbDeletePrefix, formTenant, true, "remove every key of all groups with a prefix", reflect.TypeFor[DeletePrefixRequest]()},
	{VerbRender, formTenant, false, "fill in a template with the values of a group", reflect.TypeFor[RenderRequest]()},
	{VerbSplit, formTenant, false, "read a value, divided at a separator", reflect.TypeFor[SplitRequest]()},
	{VerbFields, formTenant, false, "read a value, divided at white space", reflect.TypeFor[FieldsRequest]()},
	{VerbUsage, formTenant, false, "read the usage and the quota of the namespace", reflect.TypeFor[UsageRequest]()},
	{VerbJournalCommit, formTenant, true, "put a point into the journal", reflect.TypeFor[JournalCommitRequest]()},
	{VerbJournalQuery, formTenant, false, "read points of the journal, in a part of Flux", reflect.TypeFor[JournalQueryRequest]()},
	{VerbJournalStatus, formTenant, false, "read the state of the journal's delivery", reflect.TypeFor[JournalStatusRequest]()},
	{VerbJournalRejected, formTenant, false, "read a page of the points that the journal's endpoint has refused", reflect.TypeFor[JournalRejectedRequest]()},
	{VerbJournalRequeue, formTenant, true, "deliver points again that the journal's endpoint has refused", reflect.TypeFor[JournalRequeueRequest]()},
	{VerbWorkspaceOpen, formTenant, true, "open a workspace, or create it", reflect.TypeFor[WorkspaceOpenRequest]()},
	{VerbWorkspacePut, formTenant, true, "add an entry to a workspace", reflect.TypeFor[WorkspacePutRequest]()},
	{VerbWorkspaceAggregate, formTenant, false, "count the entries of a workspace by their kinds", reflect.TypeFor[WorkspaceAggregateRequest]()},
	{VerbWorkspaceQuery, formTenant, false, "read rows from a workspace with SQL", reflect.TypeFor[WorkspaceQueryRequest]()},
	{VerbWorkspaceCommit, formTenant, true, "end a workspace, and put its summary into the journal and under a key", reflect.TypeFor[WorkspaceCommitRequest]()},
	{VerbWorkspaceDiscard, formTenant, true, "end a workspace, and keep nothing", reflect.TypeFor[WorkspaceDiscardRequest]()},
	{VerbWorkspaces, formTenant, false, "read a page of the workspaces in the order of their names", reflect.TypeFor[WorkspacesRequest]()},

	{VerbAdminStatus, formAdmin, false, "read the state of the sidecar", reflect.TypeFor[StatusRequest]()},
	{VerbAdminDescribe, formAdmin, false, "list every verb and its fields", reflect.TypeFor[DescribeRequest]()},
	{VerbAdminNamespaces, formAdmin, false, "read a page of the namespaces in the order of their names", reflect.TypeFor[NamespacesRequest]()},
	{VerbAdminQuota, formAdmin, true, "read the quota of a namespace, and change the given limits", reflect.TypeFor[QuotaRequest]()},
	{VerbAdminPurge, formAdmin, true, "expire every key that is past its deadline", reflect.TypeFor[PurgeRequest]()},
	{VerbAdminBackup, formAdmin, false, "copy the database into a file", reflect.TypeFor[BackupRequest]()},
	{VerbAdminFlush, formAdmin, false, "deliver the pending points of the journal now", reflect.TypeFor[FlushRequest]()},
	{VerbAdminCompact, formAdmin, true, "move old journal entries into an archive", reflect.TypeFor[CompactRequest]()},
}

var (
	tenantVerbs = verbsOf(formTenant)
	rawVerbs    = verbsOf(formRaw)
	adminVerbs  = verbsOf(formAdmin)
)

func verbsOf(form int) (verbs []Verb) {
	for _, row := range verbTable {
		if row.forms&form != 0 {
			verbs = append(verbs, row.verb)
		}
	}
	return verbs
}

// TenantVerbs returns the verbs of a namespace: one endpoint each. The caller owns the
// slice.
func TenantVerbs() []Verb { return slices.Clone(tenantVerbs) }

// RawVerbs returns the verbs that also have a raw form, such as
// store.acme.get.config.theme. The caller owns the slice.
func RawVerbs() []Verb { return slices.Clone(rawVerbs) }

// AdminVerbs returns the verbs of an operator. The caller owns the slice.
func AdminVerbs() []Verb { return slices.Clone(adminVerbs) }

// IsTenant reports whether the verb belongs to a namespace.
func (verb Verb) IsTenant() bool { return slices.Contains(tenantVerbs, verb) }

// HasRaw reports whether the verb has a raw form.
func (verb Verb) HasRaw() bool { return slices.Contains(rawVerbs, verb) }

// IsAdmin reports whether the verb belongs to an operator.
func (verb Verb) IsAdmin() bool { return slices.Contains(adminVerbs, verb) }

// Description describes the verb in a few words. It is "" if the verb is unknown.
//
//	subjects.VerbSet.Description()  // store a value under a key
func (verb Verb) Description() string { return verb.row().description }

// Writes reports whether requests of the verb change stored data. It is false for get,
// although a get with a ttl sets an expiry.
func (verb Verb) Writes() bool { return verb.row().writes }

func (verb Verb) row() verbRow {
	index := slices.IndexFunc(verbTable, func(row verbRow) bool { return row.verb == verb })
	if index < 0 {
		return verbRow{}
	}
	return verbTable[index]
}
