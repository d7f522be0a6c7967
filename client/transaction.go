// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"dappco.re/go/storebus/subjects"
)

// Transaction is the content of a transaction. If every guard of If holds, the operations
// of Then are carried out, otherwise those of Else: all of the list, or nothing. Each
// list holds at most 1,000 elements, or is left out.
type Transaction struct {
	If         []Guard
	Then, Else []Operation
	// MessageID is as in SetOptions. Empty: a transaction without a Get takes a new id. A
	// transaction with a Get takes none and is sent once, because the sidecar remembers
	// small answers only.
	MessageID string
}

// NewTransaction makes a transaction from its form on the wire. It is for tools that read
// a transaction as JSON. Programs use the functions that make guards and operations.
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

// TransactionReply is the result of a transaction.
type TransactionReply struct {
	// Succeeded says that the guards held, so that Then was carried out.
	Succeeded bool
	// FirstRevision is the revision of the first change, 0 if nothing was changed.
	FirstRevision uint64
	// Revision is the revision of the last change, or the namespace's current revision.
	Revision uint64
	// Results has one element for each operation that was carried out, in order.
	Results []Result
}

// Result is the result of one operation. The field of the operation's verb holds the
// reply; the other fields are nil.
type Result struct {
	Set         *subjects.SetReply
	Get         *Lookup
	Delete      *subjects.DeleteReply
	Touch       *subjects.TouchReply
	Increment   *subjects.IncrementReply
	DeleteGroup *subjects.DeleteGroupReply
}

// Transaction carries out a list of operations if the guards hold, and another list
// otherwise: all of the list, or nothing. Guards that do not hold are no error: Succeeded
// is false, and Else was carried out. If an operation fails, Transaction returns the
// error of that operation, and nothing was changed. The Index of the *subjects.Error is
// the operation's place in its list, from 0.
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

// call makes the call of the transaction. A transaction that changes nothing is the call
// of a read.
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

// newResults reads the results, each as the verb of its operation gives it.
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
