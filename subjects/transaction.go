// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// TransactionRequest carries out Then if every guard of If holds, otherwise Else: all of
// the list, or nothing. Each of the three lists has at most MaxElements, or is left out.
type TransactionRequest struct {
	If   []Guard     `json:"if,omitzero"`
	Then []Operation `json:"then,omitzero"`
	Else []Operation `json:"else,omitzero"`
}

// Check implements Request. It checks each operation as a request of its verb.
func (request TransactionRequest) Check() error {
	if err := checkElements("if", len(request.If)); err != nil {
		return err
	}
	for index, guard := range request.If {
		if err := guard.check(); err != nil {
			return within("if", index, err)
		}
	}
	if err := checkOperations("then", request.Then); err != nil {
		return err
	}
	return checkOperations("else", request.Else)
}

// checkOperations checks one of the two lists.
func checkOperations(list string, operations []Operation) error {
	if err := checkElements(list, len(operations)); err != nil {
		return err
	}
	for index, operation := range operations {
		request, err := operation.Request()
		if err == nil {
			err = request.Check()
		}
		if err != nil {
			return within(list, index, err)
		}
	}
	return nil
}

// Guard is a condition on one entry, one or more of these: the revision (0: the key does
// not exist), whether the key exists, and the value.
type Guard struct {
	Group    *string `json:"group,omitzero"`
	Key      *string `json:"key,omitzero" required:"true"`
	Revision *uint64 `json:"revision,omitzero"`
	Exists   *bool   `json:"exists,omitzero"`
	Content
}

func (guard Guard) check() error {
	if err := checkEntry(guard.Group, guard.Key); err != nil {
		return err
	}
	if guard.Value != nil || guard.Encoding != nil {
		return guard.checkContent()
	}
	if guard.Revision == nil && guard.Exists == nil {
		return ErrBadRequest.New("a guard names one or more of revision, exists and value")
	}
	return nil
}

// Operation is one request inside a transaction. Op is its verb, one of OperationVerbs.
// The other fields are the fields of that verb's request.
type Operation struct {
	Op    *Verb   `json:"op,omitzero" required:"true"`
	Group *string `json:"group,omitzero"`
	Key   *string `json:"key,omitzero"`
	Content
	TTL        *TTL    `json:"ttl,omitzero"`
	IfRevision *uint64 `json:"if_revision,omitzero"`
	By         *int64  `json:"by,omitzero"`
}

// operationRow is a verb that a transaction takes, with its request and its fields.
type operationRow struct {
	verb    Verb
	request func(Operation) Request
	fields  []string
}

var operationTable = []operationRow{
	newOperationRow(VerbSet, func(operation Operation) SetRequest {
		return SetRequest{Group: operation.Group, Key: operation.Key, Content: operation.Content, TTL: operation.TTL, IfRevision: operation.IfRevision}
	}),
	newOperationRow(VerbGet, func(operation Operation) GetRequest {
		return GetRequest{Group: operation.Group, Key: operation.Key, TTL: operation.TTL}
	}),
	newOperationRow(VerbDelete, func(operation Operation) DeleteRequest {
		return DeleteRequest{Group: operation.Group, Key: operation.Key, IfRevision: operation.IfRevision}
	}),
	newOperationRow(VerbTouch, func(operation Operation) TouchRequest {
		return TouchRequest{Group: operation.Group, Key: operation.Key, TTL: operation.TTL, IfRevision: operation.IfRevision}
	}),
	newOperationRow(VerbIncrement, func(operation Operation) IncrementRequest {
		return IncrementRequest{Group: operation.Group, Key: operation.Key, By: operation.By, TTL: operation.TTL}
	}),
	newOperationRow(VerbDeleteGroup, func(operation Operation) DeleteGroupRequest {
		return DeleteGroupRequest{Group: operation.Group}
	}),
}

func newOperationRow[Body Request](verb Verb, request func(Operation) Body) operationRow {
	return operationRow{
		verb:    verb,
		request: func(operation Operation) Request { return request(operation) },
		fields:  knownFields(verb.row().request),
	}
}

var operationVerbs = func() (verbs []Verb) {
	for _, row := range operationTable {
		verbs = append(verbs, row.verb)
	}
	return verbs
}()

// OperationVerbs returns the verbs that a transaction takes. The caller owns the slice.
func OperationVerbs() []Verb { return slices.Clone(operationVerbs) }

// Request returns the operation as a request, not checked yet: a SetRequest, GetRequest,
// DeleteRequest, TouchRequest, IncrementRequest or DeleteGroupRequest. It returns
// ErrBadRequest if Op is another verb, and for a field that the verb's request does not
// have.
func (operation Operation) Request() (Request, error) {
	if operation.Op == nil {
		return nil, BadField("op", "op is required: one of "+list(operationVerbs))
	}
	index := slices.Index(operationVerbs, *operation.Op)
	if index < 0 {
		return nil, BadField("op", fmt.Sprintf("op is one of %s, not %s", list(operationVerbs), quote(string(*operation.Op))))
	}
	row := &operationTable[index]
	for _, field := range operation.givenFields() {
		if field.given && !slices.Contains(row.fields, field.name) {
			return nil, BadField(field.name, fmt.Sprintf("a %s takes no %s: its fields are %s", row.verb, field.name, list(row.fields)))
		}
	}
	return row.request(operation), nil
}

type givenField struct {
	name  string
	given bool
}

// givenFields reports which of the fields are given that only some verbs have.
func (operation *Operation) givenFields() [6]givenField {
	return [...]givenField{
		{"key", operation.Key != nil},
		{"value", operation.Value != nil},
		{"encoding", operation.Encoding != nil},
		{"ttl", operation.TTL != nil},
		{"if_revision", operation.IfRevision != nil},
		{"by", operation.By != nil},
	}
}

// TransactionReply is the reply to a transaction. Results has one element for each
// operation that ran, in order: the reply of its verb, or for a get a Lookup.
// FirstRevision is the revision of the first change, left out if nothing changed.
// Revision is the revision of the last change, or the namespace's current revision.
type TransactionReply struct {
	Succeeded     bool             `json:"succeeded"`
	FirstRevision uint64           `json:"first_revision,omitzero"`
	Revision      uint64           `json:"revision"`
	Results       []jsontext.Value `json:"results"`
}
