// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"dappco.re/go/storebus/subjects"
)

// Transaction is what a transaction does: Then where every guard of If holds, else
// Else; all of the list, or nothing. Each list holds 1,000 at most, or is left out.
type Transaction struct {
	If         []Guard
	Then, Else []Operation
	// MessageID is as in SetOptions. Empty: a transaction that gets nothing takes one
	// that nobody else uses. One that does takes none, for the sidecar remembers small
	// answers only, and is sent once.
	MessageID string
}

// NewTransaction gives a transaction of its request as it travels, for what reads one
// as JSON. The functions that make guards and operations are for programs.
func NewTransaction(request subjects.TransactionRequest) Transaction {
	transaction := Transaction{Then: newOperations(request.Then), Else: newOperations(request.Else)}
	for _, guard := range request.If {
		transaction.If = append(transaction.If, Guard{guard})
	}
	return transaction
}

func newOperations(requests []subjects.Operation) (operations []Operation) {
	for _, operation := range requests {
		operations = append(operations, Operation{operation: operation})
	}
	return operations
}

// TransactionReply is what a transaction did.
type TransactionReply struct {
	// Succeeded says that the guards held, so that Then was carried out.
	Succeeded bool
	// FirstRevision is that of the first change, 0 where nothing was changed.
	FirstRevision uint64
	// Revision is that of the last change, or the namespace's current one.
	Revision uint64
	// Results has one element for each operation that was carried out, in order.
	Results []Result
}

// Result is what one operation did: the one field that is not nil is the reply to it.
type Result struct {
	Set         *subjects.SetReply
	Get         *Lookup
	Delete      *subjects.DeleteReply
	Touch       *subjects.TouchReply
	Increment   *subjects.IncrementReply
	DeleteGroup *subjects.DeleteGroupReply
}

// Transaction carries out a list of operations, as guards hold or not: all of it, or
// nothing. Guards that do not hold are no error: Succeeded is false, and Else was
// carried out. An operation that fails is one, with the error of its call: its place
// in the list is the Index of the *subjects.Error, and nothing was changed.
//
//	reply, err := store.Transaction(ctx, "acme", client.Transaction{
//		If: []client.Guard{client.RevisionIs("accounts", "anna", 41), client.Absent("locks", "anna")},
//		Then: []client.Operation{
//			client.IncrementOperation("accounts", "anna", -10, client.IncrementOptions{}),
//			client.IncrementOperation("accounts", "ben", 10, client.IncrementOptions{}),
//		},
//		Else: []client.Operation{client.GetOperation("accounts", "anna")},
//	})
func (client *Client) Transaction(ctx context.Context, namespace string, transaction Transaction) (TransactionReply, error) {
	const method = "Transaction"
	request, err := transaction.request()
	if err != nil {
		return TransactionReply{}, named(method, err)
	}
	reply, err := exchange[subjects.TransactionReply](ctx, client, transaction.call(method, namespace, request))
	if err != nil {
		return TransactionReply{}, err
	}
	results, err := newResults(reply, request)
	if err != nil {
		return TransactionReply{}, named(method, err)
	}
	return TransactionReply{Succeeded: reply.Succeeded, FirstRevision: reply.FirstRevision, Revision: reply.Revision, Results: results}, nil
}

// call makes the call of the transaction: that of a read where it changes nothing.
func (transaction *Transaction) call(method, namespace string, request subjects.TransactionRequest) call {
	operations := slices.Concat(transaction.Then, transaction.Else)
	if transaction.MessageID == "" && slices.ContainsFunc(operations, Operation.reads) {
		writes := slices.ContainsFunc(operations, Operation.writes)
		return call{method: method, namespace: namespace, verb: subjects.VerbTransaction, body: request, writes: writes}
	}
	return write(method, namespace, subjects.VerbTransaction, request, transaction.MessageID)
}

func (transaction *Transaction) request() (request subjects.TransactionRequest, err error) {
	for _, guard := range transaction.If {
		request.If = append(request.If, guard.guard)
	}
	if request.Then, err = operationsOf("then", transaction.Then); err != nil {
		return request, err
	}
	request.Else, err = operationsOf("else", transaction.Else)
	return request, err
}

func operationsOf(list string, operations []Operation) (requests []subjects.Operation, err error) {
	for index, operation := range operations {
		if operation.messageID != "" {
			return nil, subjects.BadField(subjects.HeaderMessageID,
				fmt.Sprintf("%s/%d: MessageID is the transaction's, an operation has none of its own", list, index))
		}
		requests = append(requests, operation.operation)
	}
	return requests, nil
}

// newResults reads the results as the operations were that were carried out.
func newResults(reply subjects.TransactionReply, request subjects.TransactionRequest) ([]Result, error) {
	operations := request.Else
	if reply.Succeeded {
		operations = request.Then
	}
	if len(reply.Results) != len(operations) {
		return nil, fmt.Errorf("%w: %d results of %d operations", errMalformed, len(reply.Results), len(operations))
	}
	results := make([]Result, len(operations))
	for index, data := range reply.Results {
		if err := results[index].read(*operations[index].Op, data); err != nil {
			return nil, fmt.Errorf("result %d: %w", index, err)
		}
	}
	return results, nil
}

func (result *Result) read(op subjects.Verb, data jsontext.Value) (err error) {
	switch op {
	case subjects.VerbSet:
		result.Set, err = reply[subjects.SetReply](data)
	case subjects.VerbGet:
		result.Get, err = readLookup(data)
	case subjects.VerbDelete:
		result.Delete, err = reply[subjects.DeleteReply](data)
	case subjects.VerbTouch:
		result.Touch, err = reply[subjects.TouchReply](data)
	case subjects.VerbIncrement:
		result.Increment, err = reply[subjects.IncrementReply](data)
	case subjects.VerbDeleteGroup:
		result.DeleteGroup, err = reply[subjects.DeleteGroupReply](data)
	}
	return err
}

func reply[Reply any](data jsontext.Value) (*Reply, error) {
	var reply Reply
	return &reply, decode(data, &reply)
}

func readLookup(data jsontext.Value) (*Lookup, error) {
	found, err := reply[subjects.Lookup](data)
	if err != nil {
		return nil, err
	}
	lookup, err := newLookup(*found)
	return &lookup, err
}
