// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// The verbs of single entries, in both forms.
var (
	setJSON       = commandOperation(decodeSet, encodeSet)
	setRaw        = commandOperation(decodeRawSet, withEntryHeaders(encodeSet))
	getJSON       = getOperation(decodeGet, encodeGet)
	getRaw        = getOperation(decodeRawGet, encodeRawGet)
	deleteJSON    = commandOperation(decodeDelete, encodeDelete)
	deleteRaw     = commandOperation(decodeRawDelete, withEntryHeaders(encodeDelete))
	existsJSON    = &operation[store.EntryName, store.Entry]{decode: decodeExists, submit: submitExists, encode: encodeExists}
	existsRaw     = &operation[store.EntryName, store.Entry]{decode: decodeRawRead, submit: submitExists, encode: encodeRawExists}
	touchJSON     = commandOperation(decodeTouch, encodeTouch)
	touchRaw      = commandOperation(decodeRawTouch, withEntryHeaders(encodeTouch))
	incrementJSON = commandOperation(decodeIncrement, encodeIncrement)
)

// withEntryHeaders adds the headers of the raw form.
func withEntryHeaders[Command any](encode encoder[Command]) encoder[Command] {
	return func(answer *answer, request *request, command *Command, outcome *store.Outcome) error {
		answer.setEntryHeaders(outcome.Revision, outcome.ExpiresAt)
		return encode(answer, request, command, outcome)
	}
}

// The messages for headers that a request must not have.
const (
	rawFormOnly = "belongs to the raw form: use the fields of the body"
	noMeaning   = "has no meaning here"
)

// decodeBody reads a JSON body and checks it. It refuses headers of the raw form, because
// the body has fields for them.
func decodeBody[Body subjects.Request](request *request) (body Body, err error) {
	if err := request.refuseRawHeaders(); err != nil {
		return body, err
	}
	if err = subjects.Decode(request.data, &body); err == nil {
		err = body.Check()
	}
	return body, err
}

func (request *request) refuseRawHeaders() error {
	if len(request.given) == 0 {
		return nil
	}
	return cmp.Or(request.refuseTTL(rawFormOnly), request.refuseIfRevision(rawFormOnly))
}

// plainEntry reads a body that has the names of an entry and nothing else, as nearly all have. It
// reports false for any other body, which decodeBody reads. All names are parts of one text.
func (request *request) plainEntry() (store.EntryName, bool) {
	if len(request.given) > 0 && request.refuseRawHeaders() != nil {
		return store.EntryName{}, false
	}
	group, key, plain := subjects.PlainEntry(request.data)
	if !plain {
		return store.EntryName{}, false
	}
	namespace := request.address.Namespace
	names := namespace + ":" + string(group) + string(key)
	begin := len(namespace) + len(":")
	end := begin + len(group)
	request.group, request.key = names[begin:end], names[end:]
	return store.EntryName{Group: names[:end], Key: request.key}, true
}

// entry returns the name of an entry, and keeps the name for error messages.
func (request *request) entry(group, key *string) store.EntryName {
	request.key = *key
	return store.EntryName{Group: request.groupOf(group), Key: *key}
}

// groupOf returns the whole name of a group, which defaults to DefaultGroup.
func (request *request) groupOf(group *string) string {
	request.group = subjects.DefaultGroup
	if group != nil {
		request.group = *group
	}
	return request.wholeGroup(request.group)
}

// rawEntry returns the entry that the subject of the raw form names. Parsing has checked
// the names.
func (request *request) rawEntry() store.EntryName {
	return store.EntryName{Group: request.wholeGroup(request.group), Key: request.key}
}

func decodeSet(request *request) (store.SetCommand, error) {
	body, err := decodeBody[subjects.SetRequest](request)
	if err != nil {
		return store.SetCommand{}, err
	}
	return request.setCommand(body)
}

func (request *request) setCommand(body subjects.SetRequest) (store.SetCommand, error) {
	value, err := body.Bytes()
	if err != nil {
		return store.SetCommand{}, err
	}
	entry := request.entry(body.Group, body.Key)
	command := store.SetCommand{Group: entry.Group, Key: entry.Key, Value: value, IfRevision: body.IfRevision, TraceParent: request.traceParent}
	if body.TTL != nil {
		command.KeepExpiry, command.TimeToLive = body.TTL.Keep(), body.TTL.Duration()
	}
	return command, nil
}

func decodeRawSet(request *request) (command store.SetCommand, err error) {
	entry := request.rawEntry()
	command = store.SetCommand{Group: entry.Group, Key: entry.Key, Value: string(request.data), TraceParent: request.traceParent}
	if command.IfRevision, err = request.ifRevision(); err != nil {
		return command, err
	}
	ttl, err := request.ttl()
	if ttl != nil {
		command.KeepExpiry, command.TimeToLive = ttl.Keep(), ttl.Duration()
	}
	return command, err
}

func encodeSet(answer *answer, _ *request, _ *store.SetCommand, outcome *store.Outcome) error {
	answer.body = subjects.AppendSetReply(answer.body, subjects.SetReply{
		Revision: outcome.Revision, Created: outcome.Created, ExpiresAt: outcome.ExpiresAt,
	})
	return nil
}

func decodeDelete(request *request) (store.DeleteCommand, error) {
	body, err := decodeBody[subjects.DeleteRequest](request)
	if err != nil {
		return store.DeleteCommand{}, err
	}
	return request.deleteCommand(body), nil
}

func (request *request) deleteCommand(body subjects.DeleteRequest) store.DeleteCommand {
	entry := request.entry(body.Group, body.Key)
	return store.DeleteCommand{Group: entry.Group, Key: entry.Key, IfRevision: body.IfRevision, TraceParent: request.traceParent}
}

func decodeRawDelete(request *request) (command store.DeleteCommand, err error) {
	if err := request.refusePayload(); err != nil {
		return command, err
	}
	if err := request.refuseTTL(noMeaning); err != nil {
		return command, err
	}
	entry := request.rawEntry()
	command = store.DeleteCommand{Group: entry.Group, Key: entry.Key, TraceParent: request.traceParent}
	command.IfRevision, err = request.ifRevision()
	return command, err
}

func encodeDelete(answer *answer, _ *request, _ *store.DeleteCommand, outcome *store.Outcome) error {
	answer.body = subjects.AppendDeleteReply(answer.body, subjects.DeleteReply{Deleted: outcome.Deleted, Revision: outcome.Revision})
	return nil
}

func decodeTouch(request *request) (store.TouchCommand, error) {
	body, err := decodeBody[subjects.TouchRequest](request)
	if err != nil {
		return store.TouchCommand{}, err
	}
	return request.touchCommand(body), nil
}

func (request *request) touchCommand(body subjects.TouchRequest) store.TouchCommand {
	entry := request.entry(body.Group, body.Key)
	return store.TouchCommand{
		Group: entry.Group, Key: entry.Key, TimeToLive: body.TTL.Duration(), IfRevision: body.IfRevision, TraceParent: request.traceParent,
	}
}

func decodeRawTouch(request *request) (command store.TouchCommand, err error) {
	if err := request.refusePayload(); err != nil {
		return command, err
	}
	ttl, err := request.newTTL()
	if err != nil {
		return command, err
	}
	if ttl == nil {
		return command, subjects.BadField(subjects.HeaderTTL, fmt.Sprintf("header %s is required: a touch gives a time to live", subjects.HeaderTTL))
	}
	entry := request.rawEntry()
	command = store.TouchCommand{Group: entry.Group, Key: entry.Key, TimeToLive: ttl.Duration(), TraceParent: request.traceParent}
	command.IfRevision, err = request.ifRevision()
	return command, err
}

func encodeTouch(answer *answer, _ *request, _ *store.TouchCommand, outcome *store.Outcome) error {
	answer.body = subjects.AppendTouchReply(answer.body, subjects.TouchReply{Revision: outcome.Revision, ExpiresAt: outcome.ExpiresAt})
	return nil
}

func decodeIncrement(request *request) (store.IncrementCommand, error) {
	body, err := decodeBody[subjects.IncrementRequest](request)
	if err != nil {
		return store.IncrementCommand{}, err
	}
	return request.incrementCommand(body), nil
}

func (request *request) incrementCommand(body subjects.IncrementRequest) store.IncrementCommand {
	entry := request.entry(body.Group, body.Key)
	command := store.IncrementCommand{Group: entry.Group, Key: entry.Key, By: 1, TraceParent: request.traceParent}
	if body.By != nil {
		command.By = *body.By
	}
	if body.TTL != nil && !body.TTL.Keep() {
		command.TimeToLive = new(body.TTL.Duration())
	}
	return command
}

func encodeIncrement(answer *answer, _ *request, _ *store.IncrementCommand, outcome *store.Outcome) error {
	answer.body = subjects.AppendIncrementReply(answer.body, subjects.IncrementReply{
		Value: outcome.Number, Revision: outcome.Revision, ExpiresAt: outcome.ExpiresAt,
	})
	return nil
}

// getQuery is a key to read, and the time to live to set, if any.
type getQuery struct {
	store.EntryName
	timeToLive *time.Duration
}

func decodeGet(request *request) (query getQuery, err error) {
	if name, plain := request.plainEntry(); plain {
		return getQuery{EntryName: name}, nil
	}
	body, err := decodeBody[subjects.GetRequest](request)
	if err != nil {
		return query, err
	}
	query.EntryName = request.entry(body.Group, body.Key)
	if body.TTL != nil {
		query.timeToLive = new(body.TTL.Duration())
		return query, request.refuseCall("ttl")
	}
	return query, nil
}

func decodeRawGet(request *request) (query getQuery, err error) {
	if err := request.refusePayload(); err != nil {
		return query, err
	}
	query.EntryName = request.rawEntry()
	if err := request.refuseIfRevision(noMeaning); err != nil {
		return query, err
	}
	ttl, err := request.newTTL()
	if err != nil || ttl == nil {
		return query, err
	}
	query.timeToLive = new(ttl.Duration())
	return query, request.refuseCall(subjects.HeaderTTL)
}

// getOperation is a get in one of its forms.
func getOperation(decode func(*request) (getQuery, error), encode func(*answer, *request, *getQuery, *store.Entry) error) *operation[getQuery, store.Entry] {
	return &operation[getQuery, store.Entry]{
		decode: decode,
		submit: func(request *request, query getQuery, done func(store.Entry, error)) {
			if query.timeToLive == nil {
				submitGet(request, query, done)
				return
			}
			submitGetAndTouch(request, query, encode, done)
		},
		encode: encode,
		weigh:  weighEntry,
	}
}

// submitGet has a value that memory holds copied into the reply at once.
func submitGet(request *request, query getQuery, done func(store.Entry, error)) {
	answer := takeAnswer()
	if request.endpoint.verb.form == formJSON {
		answer.body = subjects.OpenEntry(answer.body, request.group, query.Key)
	}
	answer.value = len(answer.body)
	if request.service.store.SubmitGetInto(&answer.body, query.Group, query.Key, done) {
		request.begun = answer
		return
	}
	answer.release() // and the request may be over
}

// submitGetAndTouch makes the reply before anything is committed, like every write with a
// possibly large reply. It is not a write of the contract, and its reply is not stored.
func submitGetAndTouch(
	request *request, query getQuery, encode func(*answer, *request, *getQuery, *store.Entry) error, done func(store.Entry, error),
) {
	touch := store.TouchCommand{Group: query.Group, Key: query.Key, TimeToLive: *query.timeToLive, TraceParent: request.traceParent}
	answered := request.remembered(func(answer *answer, outcome *store.Outcome) error {
		return encode(answer, request, &query, outcome.Entry)
	})
	request.service.store.SubmitRequest(answered, touch, func(outcome store.Outcome, err error) {
		if err != nil {
			done(store.Entry{}, err)
			return
		}
		done(*outcome.Entry, nil)
	})
}

func decodeExists(request *request) (store.EntryName, error) {
	if name, plain := request.plainEntry(); plain {
		return name, nil
	}
	body, err := decodeBody[subjects.ExistsRequest](request)
	if err != nil {
		return store.EntryName{}, err
	}
	return request.entry(body.Group, body.Key), nil
}

// decodeRawRead reads the raw form of a verb that takes only the names.
func decodeRawRead(request *request) (store.EntryName, error) {
	if err := request.refusePayload(); err != nil {
		return store.EntryName{}, err
	}
	return request.rawEntry(), cmp.Or(request.refuseTTL(noMeaning), request.refuseIfRevision(noMeaning))
}

func encodeGet(answer *answer, request *request, _ *getQuery, entry *store.Entry) error {
	if answer == request.begun {
		request.valueBytes = len(answer.body) - answer.value
		answer.body = subjects.CloseEntry(answer.body, answer.value, &subjects.EntryRecord{
			Revision: entry.Revision, UpdatedAt: entry.UpdatedAt, ExpiresAt: entry.ExpiresAt,
		})
		return nil
	}
	record := request.entryRecord(entry)
	request.valueBytes = len(entry.Value)
	answer.body = subjects.AppendEntry(answer.body, &record)
	return nil
}

func encodeRawGet(answer *answer, _ *request, _ *getQuery, entry *store.Entry) error {
	answer.setEntryHeaders(entry.Revision, entry.ExpiresAt)
	answer.body = append(answer.body, entry.Value...) // nothing if it is there already
	return nil
}

// encodeExists recognises a missing key by its revision, which is 0.
func encodeExists(answer *answer, _ *request, _ *store.EntryName, entry *store.Entry) error {
	answer.body = subjects.AppendExistsReply(answer.body, subjects.ExistsReply{Exists: entry.Revision > 0, Revision: entry.Revision})
	return nil
}

func encodeRawExists(answer *answer, request *request, name *store.EntryName, entry *store.Entry) error {
	if entry.Revision > 0 {
		answer.setEntryHeaders(entry.Revision, entry.ExpiresAt)
	}
	return encodeExists(answer, request, name, entry)
}

// submitExists reads the entry. A missing key is an answer, not an error. The value is
// not needed, so it is not kept until the reply is sent.
func submitExists(request *request, name store.EntryName, done func(store.Entry, error)) {
	request.service.store.SubmitGet(name.Group, name.Key, func(entry store.Entry, err error) {
		if errors.Is(err, store.ErrNotFound) {
			entry, err = store.Entry{}, nil
		}
		entry.Value = ""
		done(entry, err)
	})
}

func weighEntry(entry *store.Entry) int64 { return int64(len(entry.Key) + len(entry.Value)) }

// ifRevision reads the guard of the raw form, nil if there is none.
func (request *request) ifRevision() (*uint64, error) {
	header := request.headers.IfRevision
	if !header.Given {
		return nil, nil
	}
	revision, err := strconv.ParseUint(header.Text, 10, 64)
	if err != nil {
		return nil, badIfRevision(header.Text)
	}
	return &revision, nil
}

func badIfRevision(given string) error {
	message := fmt.Sprintf("header %s is a whole number from 0 on, in digits", subjects.HeaderIfRevision)
	if digits, whole := subjects.WholeNumber(given); whole && digits[0] != '-' {
		message += ": write " + digits
	}
	return subjects.BadField(subjects.HeaderIfRevision, message)
}

// ttl reads the time to live of the raw form, nil if there is none.
func (request *request) ttl() (*subjects.TTL, error) {
	header := request.headers.TTL
	if !header.Given {
		return nil, nil
	}
	ttl, err := subjects.ParseTTL(header.Text)
	if failure, ok := errors.AsType[*subjects.Error](err); ok {
		return nil, subjects.BadField(subjects.HeaderTTL, failure.Message)
	}
	return &ttl, nil
}

// newTTL is ttl for an entry that exists: "keep" is not allowed.
func (request *request) newTTL() (*subjects.TTL, error) {
	ttl, err := request.ttl()
	if err == nil && ttl != nil && ttl.Keep() {
		err = subjects.BadField(subjects.HeaderTTL, fmt.Sprintf(`header %s is a new time to live here, or "never"`, subjects.HeaderTTL))
	}
	return ttl, err
}

// refusePayload returns 400 for a payload that the verb does not take.
func (request *request) refusePayload() error {
	if len(request.data) == 0 {
		return nil
	}
	return subjects.ErrBadRequest.New(fmt.Sprintf("the raw form of %s takes an empty payload, not one of %d bytes",
		request.endpoint.verb.name, len(request.data)))
}

// entryRecord converts an entry for a reply.
func (request *request) entryRecord(entry *store.Entry) subjects.EntryRecord {
	return subjects.EntryRecord{
		Group:     shownName(request.localGroup(entry.Group)),
		Key:       shownName(entry.Key),
		Value:     entry.Value,
		Revision:  entry.Revision,
		UpdatedAt: entry.UpdatedAt,
		ExpiresAt: entry.ExpiresAt,
	}
}

// shownName returns a name in a form that JSON can carry. A name that is not UTF-8 is
// shown as its token. Only a database that was filled by a program can hold such a name.
func shownName(name string) string {
	if isUTF8(name) {
		return name
	}
	return subjects.EncodeToken(name)
}

func isUTF8(name string) bool { return utf8.ValidString(name) }
