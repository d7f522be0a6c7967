// SPDX-License-Identifier: EUPL-1.2

package commands

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/kv"
)

// DeleteGroupCommand removes every key of Group, the group's whole name, as one change. If the
// group has no keys, nothing is changed, and that is not an error. Outcome.DeletedKeys is the
// number of keys that the group had.
//
//	store.DeleteGroupCommand{Group: "acme:session"}
type DeleteGroupCommand struct {
	Group string
	// TraceParent is passed to the event.
	TraceParent string
}

// Apply implements Command.
func (command DeleteGroupCommand) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	namespace, name := kv.NamespaceOf(command.Group)
	if err := kv.CheckGroup(batch.Limits(), namespace, name); err != nil {
		return Outcome{}, err
	}
	end := kv.FirstBehind(command.Group)
	deletion, err := batch.PlanDeletion(kv.NameRange{Low: command.Group, High: &end}, kv.RealmOf(command.Group))
	if err != nil {
		return Outcome{}, err
	}
	return outcomeOf(deletion, command.TraceParent, false, origin), nil
}

// Groups implements Command.
func (command DeleteGroupCommand) Groups() []string { return []string{command.Group} }

// DeletePrefixCommand removes every key of the groups whose whole names begin with Prefix, byte
// for byte, as one change with an event for each group, in byte order. "acme:" is the whole
// namespace acme; "" is the whole store. If no group has a key, nothing is changed. More than
// MaxGroupsPerDelete groups are refused with TooManyGroupsError. Outcome.Revision is the
// revision of the namespace that Prefix lies in.
//
//	store.DeletePrefixCommand{Prefix: "acme:session:"}
type DeletePrefixCommand struct {
	Prefix string
	// TraceParent is passed to the events.
	TraceParent string
}

// Apply implements Command.
func (command DeletePrefixCommand) Apply(batch *batch.Batch, origin batch.Origin) (Outcome, error) {
	deletion, err := batch.PlanDeletion(kv.Prefixed(command.Prefix), kv.RealmOfPrefix(command.Prefix))
	if err != nil {
		return Outcome{}, err
	}
	return outcomeOf(deletion, command.TraceParent, true, origin), nil
}

// Groups implements Command.
func (DeletePrefixCommand) Groups() []string { return nil }

// outcomeOf carries out a planned deletion.
func outcomeOf(deletion *batch.GroupDeletion, traceParent string, together bool, origin batch.Origin) Outcome {
	keys, groups := deletion.Record(changelog.Event{TraceParent: traceParent}, together, origin)
	return Outcome{Revision: deletion.Revision(), DeletedKeys: keys, DeletedGroups: groups}
}
