// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"errors"
	"fmt"
	"math"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// The bounds of limit.
const (
	defaultPageLimit = 100
	maxPageLimit     = 1000
)

// maxCursorBytes is the longest "next" of a page: a key of which every byte is encoded.
const maxCursorBytes = 3 * subjects.MaxKeyBytes

var (
	listJSON    = &operation[store.PageQuery, store.Page]{decode: decodeList, submit: submitPage, encode: encodeList, weigh: weighPage}
	changesJSON = &operation[changesQuery, store.ChangesPage]{decode: decodeChanges, submit: submitChanges, encode: encodeChanges, weigh: weighChanges}
)

// pageBudget is the room that is left in a page, which must fit one message.
type pageBudget int

// newPageBudget gives the room for the elements of a reply.
func (request *request) newPageBudget() *pageBudget {
	budget := pageBudget(request.maxReply() - subjects.PageBytes - maxCursorBytes)
	return &budget
}

// take uses up the room for one more element, and its comma. It reports false
// where there is not enough.
func (budget *pageBudget) take(size int) bool {
	*budget -= pageBudget(size + 1)
	return *budget >= 0
}

func decodeList(request *request) (query store.PageQuery, err error) {
	body, err := decodeBody[subjects.ListRequest](request)
	if err != nil {
		return query, err
	}
	if err := request.checkGroup(body.Group); err != nil {
		return query, err
	}
	query = store.PageQuery{Group: request.wholeGroup(request.group), KeysOnly: isTrue(body.KeysOnly), Descending: isTrue(body.Descending)}
	if query.Prefix, err = checkPrefix(body.Prefix); err != nil {
		return query, err
	}
	if query.After, err = checkAfter(body.After); err != nil {
		return query, err
	}
	if query.Limit, err = checkLimit(body.Limit); err != nil {
		return query, err
	}
	budget := request.newPageBudget()
	query.Fits = func(entry *store.Entry) bool {
		record := request.listRecord(entry, query.KeysOnly)
		return budget.take(record.Size())
	}
	return query, nil
}

func submitPage(service *Service, query store.PageQuery, done func(store.Page, error)) {
	service.store.SubmitPage(query, done)
}

func encodeList(answer *answer, request *request, query *store.PageQuery, page *store.Page) error {
	list := subjects.ListRecord{
		Entries:  make([]subjects.EntryRecord, len(page.Entries)),
		Revision: page.Revision,
		Store:    request.storeID(),
	}
	for index := range page.Entries {
		list.Entries[index] = request.listRecord(&page.Entries[index], query.KeysOnly)
	}
	if page.Next != nil {
		list.Next = subjects.EncodeCursor(*page.Next)
	}
	answer.body = subjects.AppendList(answer.body, &list)
	return nil
}

func (request *request) listRecord(entry *store.Entry, keysOnly bool) subjects.EntryRecord {
	record := request.entryRecord(entry)
	record.KeysOnly = keysOnly
	return record
}

func weighPage(page *store.Page) (bytes int64) {
	for index := range page.Entries {
		bytes += weighEntry(&page.Entries[index])
	}
	return bytes
}

// changesQuery is a call of the store. It is foreign where the revision that it
// begins at is another store's, from another past than ours.
type changesQuery struct {
	store.ChangesQuery
	foreign bool
}

func decodeChanges(request *request) (query changesQuery, err error) {
	body, err := decodeBody[subjects.ChangesRequest](request)
	if err != nil {
		return query, err
	}
	if body.After == nil {
		return query, subjects.BadField("after", "after is required: the last revision that is known, 0 for none")
	}
	// No revision is above MaxInt64: what is, is as far outside the log as that.
	after := min(*body.After, math.MaxInt64)
	query.ChangesQuery = store.ChangesQuery{Namespace: request.address.Namespace, Group: body.Group, After: after}
	if body.Group != nil {
		if err := request.checkGroup(body.Group); err != nil {
			return query, err
		}
	}
	if query.Limit, err = checkLimit(body.Limit); err != nil {
		return query, err
	}
	if body.Wait != nil {
		query.Wait = body.Wait.Duration()
	}
	request.takeStore(&query, body.Store)
	request.waits = query.Wait > 0
	budget, limit := request.newPageBudget(), request.service.eventLimit()
	query.Fits = func(event *store.Event) bool {
		record, _ := eventRecord(event, request.storeID(), limit)
		return budget.take(record.Size())
	}
	return query, nil
}

// takeStore turns a query with the id of another store into one that is outside
// every log, so that the store says what can be read instead.
func (request *request) takeStore(query *changesQuery, id *string) {
	if id == nil || *id == request.storeID() {
		return
	}
	query.foreign = true
	query.After, query.Wait = math.MaxInt64, 0
}

// submitChanges waits until the service stops at the longest.
func submitChanges(service *Service, query changesQuery, done func(store.ChangesPage, error)) {
	if !query.foreign {
		service.store.SubmitChanges(service.serving, query.ChangesQuery, done)
		return
	}
	id := service.store.ID()
	service.store.SubmitChanges(service.serving, query.ChangesQuery, func(page store.ChangesPage, err error) {
		if outside, ok := errors.AsType[*store.CompactedError](err); ok {
			err = compactedError(id, outside, fmt.Sprintf("store.Changes: this is store %s, another than the one asked for", id))
		}
		done(page, err)
	})
}

func encodeChanges(answer *answer, request *request, _ *changesQuery, page *store.ChangesPage) error {
	changes := subjects.ChangesRecord{
		Changes:  make([]subjects.EventRecord, len(page.Events)),
		Next:     page.Next,
		Oldest:   page.Oldest,
		Revision: page.Revision,
		Store:    request.storeID(),
	}
	limit := request.service.eventLimit()
	for index := range page.Events {
		changes.Changes[index], _ = eventRecord(&page.Events[index], changes.Store, limit)
	}
	answer.body = subjects.AppendChanges(answer.body, &changes)
	return nil
}

func weighChanges(page *store.ChangesPage) (bytes int64) {
	for index := range page.Events {
		bytes += int64(len(page.Events[index].Key) + len(page.Events[index].Value))
	}
	return bytes
}

func checkPrefix(prefix *string) (string, error) {
	if prefix == nil {
		return "", nil
	}
	if len(*prefix) > subjects.MaxKeyBytes {
		return "", subjects.BadField("prefix", fmt.Sprintf("prefix is at most %d bytes, not %d", subjects.MaxKeyBytes, len(*prefix)))
	}
	return *prefix, nil
}

func checkAfter(cursor *string) (*string, error) {
	if cursor == nil {
		return nil, nil
	}
	key, err := subjects.DecodeCursor(*cursor)
	return &key, err
}

func checkLimit(limit *int) (int, error) {
	if limit == nil {
		return defaultPageLimit, nil
	}
	if *limit < 1 || *limit > maxPageLimit {
		return 0, subjects.BadField("limit", fmt.Sprintf("limit is 1 to %d, not %d", maxPageLimit, *limit))
	}
	return *limit, nil
}

func isTrue(flag *bool) bool { return flag != nil && *flag }
