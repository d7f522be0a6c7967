// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// The verbs of single entries, in both forms.
var (
	setJSON    = &operation[store.SetCommand, store.Outcome]{decode: decodeSet, submit: submitCommand[store.SetCommand], encode: encodeSet}
	setRaw     = &operation[store.SetCommand, store.Outcome]{decode: decodeRawSet, submit: submitCommand[store.SetCommand], encode: encodeRawSet}
	getJSON    = &operation[entryName, store.Entry]{decode: decodeGet, submit: submitGet, encode: encodeGet, weigh: weighEntry}
	getRaw     = &operation[entryName, store.Entry]{decode: decodeRawRead, submit: submitGet, encode: encodeRawGet, weigh: weighEntry}
	deleteJSON = &operation[store.DeleteCommand, store.Outcome]{decode: decodeDelete, submit: submitCommand[store.DeleteCommand], encode: encodeDelete}
	deleteRaw  = &operation[store.DeleteCommand, store.Outcome]{decode: decodeRawDelete, submit: submitCommand[store.DeleteCommand], encode: encodeRawDelete}
	existsJSON = &operation[entryName, store.Entry]{decode: decodeExists, submit: submitExists, encode: encodeExists}
	existsRaw  = &operation[entryName, store.Entry]{decode: decodeRawRead, submit: submitExists, encode: encodeRawExists}
)

// entryName is an entry to read, its group with the whole name.
type entryName struct{ group, key string }

// decodeBody reads a JSON body. The headers that say what its fields say belong to
// the raw form.
func decodeBody[Body any](request *request) (body Body, err error) {
	if len(request.headers) > 0 {
		err = request.refuseHeaders("belongs to the raw form: use the fields of the body", subjects.HeaderTTL, subjects.HeaderIfRevision)
		if err != nil {
			return body, err
		}
	}
	err = subjects.Decode(request.data, &body)
	return body, err
}

// checkEntry checks the names of an entry and remembers them for error messages.
func (request *request) checkEntry(group, key *string) (entryName, error) {
	if err := request.checkGroup(group); err != nil {
		return entryName{}, err
	}
	if key == nil {
		return entryName{}, subjects.BadField("key", "key is required")
	}
	if err := subjects.CheckKey(*key); err != nil {
		return entryName{}, err
	}
	request.key = *key
	return entryName{group: request.wholeGroup(request.group), key: *key}, nil
}

// checkGroup checks the name of a group, which defaults to DefaultGroup.
func (request *request) checkGroup(group *string) error {
	if group == nil {
		request.group = subjects.DefaultGroup
		return nil
	}
	request.group = *group
	return subjects.CheckGroup(*group)
}

// rawEntry is the entry that the subject of the raw form names; parsing has
// checked it.
func (request *request) rawEntry() entryName {
	return entryName{group: request.wholeGroup(request.group), key: request.key}
}

func decodeSet(request *request) (command store.SetCommand, err error) {
	body, err := decodeBody[subjects.SetRequest](request)
	if err != nil {
		return command, err
	}
	entry, err := request.checkEntry(body.Group, body.Key)
	if err != nil {
		return command, err
	}
	value, err := body.Bytes()
	if err != nil {
		return command, err
	}
	command = store.SetCommand{Group: entry.group, Key: entry.key, Value: value, IfRevision: body.IfRevision, TraceParent: request.traceParent}
	if body.TTL != nil {
		setTimeToLive(&command, *body.TTL)
	}
	return command, nil
}

func decodeRawSet(request *request) (command store.SetCommand, err error) {
	entry := request.rawEntry()
	command = store.SetCommand{Group: entry.group, Key: entry.key, Value: string(request.data), TraceParent: request.traceParent}
	if len(request.headers) == 0 {
		return command, nil
	}
	if command.IfRevision, err = request.ifRevision(); err != nil {
		return command, err
	}
	text, given, err := request.header(subjects.HeaderTTL)
	if err != nil || !given {
		return command, err
	}
	ttl, err := subjects.ParseTTL(text)
	if failure, ok := errors.AsType[*subjects.Error](err); ok {
		return command, subjects.BadField(subjects.HeaderTTL, failure.Message)
	}
	setTimeToLive(&command, ttl)
	return command, nil
}

func setTimeToLive(command *store.SetCommand, ttl subjects.TTL) {
	command.KeepExpiry = ttl.Keep()
	command.TimeToLive = ttl.Duration()
}

func encodeSet(answer *answer, _ *request, _ *store.SetCommand, outcome *store.Outcome) error {
	answer.body = subjects.AppendSetReply(answer.body, subjects.SetReply{
		Revision: outcome.Revision, Created: outcome.Created, ExpiresAt: outcome.ExpiresAt,
	})
	return nil
}

func encodeRawSet(answer *answer, request *request, command *store.SetCommand, outcome *store.Outcome) error {
	answer.setEntryHeaders(outcome.Revision, outcome.ExpiresAt)
	return encodeSet(answer, request, command, outcome)
}

func decodeDelete(request *request) (command store.DeleteCommand, err error) {
	body, err := decodeBody[subjects.DeleteRequest](request)
	if err != nil {
		return command, err
	}
	entry, err := request.checkEntry(body.Group, body.Key)
	return store.DeleteCommand{Group: entry.group, Key: entry.key, IfRevision: body.IfRevision, TraceParent: request.traceParent}, err
}

func decodeRawDelete(request *request) (command store.DeleteCommand, err error) {
	if err := request.refusePayload(); err != nil {
		return command, err
	}
	if err := request.refuseHeaders("has no meaning here", subjects.HeaderTTL); err != nil {
		return command, err
	}
	entry := request.rawEntry()
	command = store.DeleteCommand{Group: entry.group, Key: entry.key, TraceParent: request.traceParent}
	command.IfRevision, err = request.ifRevision()
	return command, err
}

func encodeDelete(answer *answer, _ *request, _ *store.DeleteCommand, outcome *store.Outcome) error {
	answer.body = subjects.AppendDeleteReply(answer.body, subjects.DeleteReply{Deleted: outcome.Deleted, Revision: outcome.Revision})
	return nil
}

func encodeRawDelete(answer *answer, request *request, command *store.DeleteCommand, outcome *store.Outcome) error {
	answer.setEntryHeaders(outcome.Revision, outcome.ExpiresAt)
	return encodeDelete(answer, request, command, outcome)
}

func decodeGet(request *request) (entryName, error) {
	body, err := decodeBody[subjects.GetRequest](request)
	if err != nil {
		return entryName{}, err
	}
	return request.checkEntry(body.Group, body.Key)
}

func decodeExists(request *request) (entryName, error) {
	body, err := decodeBody[subjects.ExistsRequest](request)
	if err != nil {
		return entryName{}, err
	}
	return request.checkEntry(body.Group, body.Key)
}

// decodeRawRead reads the raw form of a verb that takes nothing but the names.
func decodeRawRead(request *request) (entryName, error) {
	if err := request.refusePayload(); err != nil {
		return entryName{}, err
	}
	return request.rawEntry(), request.refuseHeaders("has no meaning here", subjects.HeaderTTL, subjects.HeaderIfRevision)
}

func encodeGet(answer *answer, request *request, _ *entryName, entry *store.Entry) error {
	record := request.entryRecord(entry)
	answer.body = subjects.AppendEntry(answer.body, &record)
	return nil
}

func encodeRawGet(answer *answer, _ *request, _ *entryName, entry *store.Entry) error {
	answer.setEntryHeaders(entry.Revision, entry.ExpiresAt)
	answer.body = append(answer.body, entry.Value...)
	return nil
}

// encodeExists tells a missing key by its revision, which is 0.
func encodeExists(answer *answer, _ *request, _ *entryName, entry *store.Entry) error {
	answer.body = subjects.AppendExistsReply(answer.body, subjects.ExistsReply{Exists: entry.Revision > 0, Revision: entry.Revision})
	return nil
}

func encodeRawExists(answer *answer, request *request, name *entryName, entry *store.Entry) error {
	if entry.Revision > 0 {
		answer.setEntryHeaders(entry.Revision, entry.ExpiresAt)
	}
	return encodeExists(answer, request, name, entry)
}

// submitCommand hands over a write of any kind.
func submitCommand[Command store.Command](service *Service, command Command, done func(store.Outcome, error)) {
	service.store.Submit(command, done)
}

func submitGet(service *Service, name entryName, done func(store.Entry, error)) {
	service.store.SubmitGet(name.group, name.key, done)
}

// submitExists reads the entry: a key that is not there is an answer, not an error.
func submitExists(service *Service, name entryName, done func(store.Entry, error)) {
	service.store.SubmitGet(name.group, name.key, func(entry store.Entry, err error) {
		if errors.Is(err, store.ErrNotFound) {
			entry, err = store.Entry{}, nil
		}
		done(entry, err)
	})
}

func weighEntry(entry *store.Entry) int64 { return int64(len(entry.Key) + len(entry.Value)) }

// ifRevision reads the guard of the raw form; nil where there is none.
func (request *request) ifRevision() (*uint64, error) {
	text, given, err := request.header(subjects.HeaderIfRevision)
	if err != nil || !given {
		return nil, err
	}
	revision, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return nil, subjects.BadField(subjects.HeaderIfRevision,
			fmt.Sprintf("header %s is a whole number from 0 on", subjects.HeaderIfRevision))
	}
	return &revision, nil
}

// refusePayload returns 400 for a payload where none belongs.
func (request *request) refusePayload() error {
	if len(request.data) == 0 {
		return nil
	}
	return subjects.ErrBadRequest.New(fmt.Sprintf("the raw form of %s takes an empty payload, not one of %d bytes",
		request.endpoint.verb.name, len(request.data)))
}

// entryRecord is an entry as replies show it.
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

// shownName is a name as JSON can carry it. A name that is not UTF-8, which only a
// database that was filled by a program can hold, is shown as its token.
func shownName(name string) string {
	if isUTF8(name) {
		return name
	}
	return subjects.EncodeToken(name)
}

func isUTF8(name string) bool { return utf8.ValidString(name) }
