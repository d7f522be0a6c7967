// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"errors"
	"fmt"
	"math"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

var changesJSON = &operation[changesQuery, store.ChangesPage]{decode: decodeChanges, submit: submitChanges, encode: encodeChanges, weigh: weighChanges}

// changesQuery is a call of the store. foreign says that the revision of the request
// belongs to another store, and so to another history.
type changesQuery struct {
	store.ChangesQuery
	foreign bool
}

func decodeChanges(request *request) (query changesQuery, err error) {
	body, err := decodeBody[subjects.ChangesRequest](request)
	if err != nil {
		return query, err
	}
	// No revision is above MaxInt64. A larger number is as far outside the log.
	after := min(*body.After, math.MaxInt64)
	query.ChangesQuery = store.ChangesQuery{Namespace: request.address.Namespace, Group: body.Group, After: after}
	if body.Group != nil {
		request.group = *body.Group
	}
	query.Limit = limitOf(body.Limit)
	if body.Wait != nil {
		query.Wait = body.Wait.Duration()
	}
	request.takeStore(&query, body.Store)
	request.waits = query.Wait > 0
	query.Fits = request.fitsChanges()
	return query, nil
}

// fitsChanges returns a function that reports whether an event still fits the page.
func (request *request) fitsChanges() func(event *store.Event) bool {
	budget, limit := request.newPageBudget(), request.service.eventLimit()
	if request.waits {
		return func(event *store.Event) bool {
			return budget.take(request.service.sharedEvents.size(event, request.storeID(), limit))
		}
	}
	return func(event *store.Event) bool {
		record, _ := eventRecord(event, request.storeID(), limit)
		return budget.take(record.Size())
	}
}

// takeStore turns a query with the id of another store into a query outside every log.
// The store then answers with the range that can be read.
func (request *request) takeStore(query *changesQuery, id *string) {
	if id == nil || *id == request.storeID() {
		return
	}
	query.foreign = true
	query.After, query.Wait = math.MaxInt64, 0
}

// submitChanges submits the query. Its wait ends with the service or with the call at the
// latest.
func submitChanges(request *request, query changesQuery, done func(store.ChangesPage, error)) {
	service := request.service
	if !query.foreign {
		service.store.SubmitChanges(request.until(), query.ChangesQuery, done)
		return
	}
	id := service.store.ID()
	service.store.SubmitChanges(request.until(), query.ChangesQuery, func(page store.ChangesPage, err error) {
		if outside, ok := errors.AsType[*store.CompactedError](err); ok {
			err = compactedError(id, outside, fmt.Sprintf("store.Changes: this is store %s, another than the one asked for", id))
		}
		done(page, err)
	})
}

func encodeChanges(answer *answer, request *request, _ *changesQuery, page *store.ChangesPage) error {
	changes := subjects.ChangesRecord{Next: page.Next, Oldest: page.Oldest, Revision: page.Revision, Store: request.storeID()}
	limit := request.service.eventLimit()
	for index := range page.Events {
		event := &page.Events[index]
		if request.waits {
			changes.Bodies = append(changes.Bodies, request.service.sharedEvents.of(event, changes.Store, limit).body)
			continue
		}
		record, _ := eventRecord(event, changes.Store, limit)
		changes.Changes = append(changes.Changes, record)
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
