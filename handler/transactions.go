// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"errors"
	"fmt"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

var transactionJSON = &operation[transactionQuery, store.Outcome]{
	decode: decodeTransaction, submit: submitTransaction, encode: encodeTransaction, weigh: weighReplay,
}

// transactionQuery is a transaction, and the verbs of its operations, which define the
// form of their results.
type transactionQuery struct {
	store.TransactionCommand
	then, otherwise []subjects.Verb
}

func decodeTransaction(request *request) (query transactionQuery, err error) {
	body, err := decodeBody[subjects.TransactionRequest](request)
	if err != nil {
		return query, err
	}
	query.Namespace = request.address.Namespace
	request.newPageBudget() // for the entries that it reads
	query.If = make([]store.Guard, len(body.If))
	for index := range body.If {
		if query.If[index], err = request.guard(&body.If[index]); err != nil {
			return query, err
		}
	}
	if query.Then, query.then, err = request.operations(body.Then); err != nil {
		return query, err
	}
	query.Else, query.otherwise, err = request.operations(body.Else)
	request.group, request.key = "", ""
	return query, err
}

func (request *request) guard(body *subjects.Guard) (store.Guard, error) {
	entry := request.entry(body.Group, body.Key)
	guard := store.Guard{Group: entry.Group, Key: entry.Key, Revision: body.Revision, Exists: body.Exists}
	if body.Value == nil {
		return guard, nil
	}
	value, err := body.Bytes()
	guard.Value = &value
	return guard, err
}

func (request *request) operations(bodies []subjects.Operation) (commands []store.Command, verbs []subjects.Verb, err error) {
	commands, verbs = make([]store.Command, len(bodies)), make([]subjects.Verb, len(bodies))
	for index := range bodies {
		if commands[index], err = request.operation(&bodies[index]); err != nil {
			return nil, nil, err
		}
		verbs[index] = *bodies[index].Op
	}
	return commands, verbs, nil
}

// operation returns the command of a checked operation.
func (request *request) operation(operation *subjects.Operation) (store.Command, error) {
	body, err := operation.Request()
	if err != nil {
		return nil, err
	}
	switch body := body.(type) { // those of subjects.OperationVerbs
	case subjects.SetRequest:
		return request.setCommand(body)
	case subjects.GetRequest:
		entry := request.entry(body.Group, body.Key)
		get := store.GetOperation{Group: entry.Group, Key: entry.Key, TraceParent: request.traceParent}
		if body.TTL != nil {
			get.TimeToLive = new(body.TTL.Duration())
		}
		return get, nil
	case subjects.DeleteRequest:
		return request.deleteCommand(body), nil
	case subjects.TouchRequest:
		return request.touchCommand(body), nil
	case subjects.IncrementRequest:
		return request.incrementCommand(body), nil
	case subjects.DeleteGroupRequest:
		return request.deleteGroupCommand(body), nil
	}
	return nil, fmt.Errorf("operation %s has no command", *operation.Op)
}

// submitTransaction makes the reply before anything is committed. So a reply that does
// not fit a message has changed nothing.
func submitTransaction(request *request, query transactionQuery, done func(store.Outcome, error)) {
	request.service.store.SubmitRequest(request.remembered(func(answer *answer, outcome *store.Outcome) error {
		record := request.transactionRecord(&query, outcome)
		answer.body = subjects.AppendTransaction(answer.body, &record)
		return nil
	}), query.TransactionCommand, func(outcome store.Outcome, err error) {
		if within, ok := errors.AsType[*store.TransactionError](err); ok {
			request.group, request.key = query.entryAt(within)
			request.group = request.localGroup(request.group)
		}
		outcome.Transaction = nil // it is in the answer
		done(outcome, err)
	})
}

// entryAt returns the entry of a guard or an operation, for the message of its error. An
// operation that deletes a group has none.
func (query *transactionQuery) entryAt(within *store.TransactionError) (group, key string) {
	switch within.List {
	case "if":
		guard := &query.If[within.Index]
		return guard.Group, guard.Key
	case "then":
		return entryOf(query.Then[within.Index])
	}
	return entryOf(query.Else[within.Index])
}

func entryOf(command store.Command) (group, key string) {
	switch command := command.(type) { // request.operation returns one of these
	case store.SetCommand:
		return command.Group, command.Key
	case store.GetOperation:
		return command.Group, command.Key
	case store.DeleteCommand:
		return command.Group, command.Key
	case store.TouchCommand:
		return command.Group, command.Key
	case store.IncrementCommand:
		return command.Group, command.Key
	}
	return "", ""
}

func encodeTransaction(answer *answer, _ *request, _ *transactionQuery, outcome *store.Outcome) error {
	answer.recall(outcome)
	return nil
}

func (request *request) transactionRecord(query *transactionQuery, outcome *store.Outcome) subjects.TransactionRecord {
	transaction, verbs := outcome.Transaction, query.otherwise
	if transaction.Succeeded {
		verbs = query.then
	}
	record := subjects.TransactionRecord{
		Succeeded: transaction.Succeeded, FirstRevision: transaction.FirstRevision, Revision: outcome.Revision,
		Results: make([]subjects.ResultRecord, len(transaction.Results)),
	}
	for index := range transaction.Results {
		record.Results[index] = request.resultRecord(verbs[index], query.command(transaction.Succeeded, index), &transaction.Results[index])
	}
	return record
}

func (query *transactionQuery) command(succeeded bool, index int) store.Command {
	if succeeded {
		return query.Then[index]
	}
	return query.Else[index]
}

func (request *request) resultRecord(verb subjects.Verb, command store.Command, outcome *store.Outcome) subjects.ResultRecord {
	result := subjects.ResultRecord{
		Op: verb, Revision: outcome.Revision, Created: outcome.Created, Value: outcome.Number, Expires: outcome.ExpiresAt,
		Deleted: uint64(outcome.DeletedKeys),
	}
	if outcome.Deleted {
		result.Deleted = 1
	}
	if get, ok := command.(store.GetOperation); ok {
		entry := store.Entry{Group: get.Group, Key: get.Key}
		if outcome.Entry != nil {
			entry = *outcome.Entry
		}
		result.Entry = new(request.lookUpRecord(&entry))
	}
	return result
}
