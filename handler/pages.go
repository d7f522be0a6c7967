// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// The pages of entries.
var (
	listJSON = &operation[store.PageQuery, store.Page]{decode: decodeList, submit: submitPage, encode: encodeList, weigh: weighPage}
	scanJSON = &operation[store.ScanQuery, store.ScanPage]{decode: decodeScan, submit: submitScan, encode: encodeScan, weigh: weighScan}
)

// pageBudget is the room that is left in a reply, which must fit one message.
type pageBudget int

// newPageBudget returns the room for the elements of a reply, and notes it in the
// request.
func (request *request) newPageBudget() *pageBudget {
	request.pageBytes = request.maxReply() - subjects.PageBytes
	return new(pageBudget(request.pageBytes))
}

// take uses up the room for one more element. It reports false if there is not enough.
func (budget *pageBudget) take(size int) bool {
	*budget -= pageBudget(size)
	return *budget >= 0
}

func decodeList(request *request) (query store.PageQuery, err error) {
	body, err := decodeBody[subjects.ListRequest](request)
	if err != nil {
		return query, err
	}
	query = store.PageQuery{
		Group:      request.groupOf(body.Group),
		Prefix:     textOf(body.Prefix),
		Limit:      limitOf(body.Limit),
		KeysOnly:   isTrue(body.KeysOnly),
		Descending: isTrue(body.Descending),
	}
	if query.After, err = afterOf(body.After, subjects.DecodeCursor); err != nil {
		return query, err
	}
	query.Fits = request.fitsPage(query.KeysOnly)
	return query, nil
}

// fitsPage returns a function that reports whether an entry still fits the page.
func (request *request) fitsPage(keysOnly bool) func(entry *store.Entry) bool {
	budget := request.newPageBudget()
	return func(entry *store.Entry) bool {
		record := request.listRecord(entry, keysOnly)
		return budget.take(record.Size())
	}
}

func submitPage(request *request, query store.PageQuery, done func(store.Page, error)) {
	request.service.store.SubmitPage(query, done)
}

func encodeList(answer *answer, request *request, query *store.PageQuery, page *store.Page) error {
	list := request.listRecords(page.Entries, query.KeysOnly, page.Revision)
	if page.Next != nil {
		list.Next = subjects.EncodeCursor(*page.Next)
	}
	answer.body = subjects.AppendList(answer.body, &list)
	return nil
}

// listRecords returns a page without its cursor.
func (request *request) listRecords(entries []store.Entry, keysOnly bool, revision uint64) subjects.ListRecord {
	list := subjects.ListRecord{Entries: make([]subjects.EntryRecord, len(entries)), Revision: revision, Store: request.storeID()}
	for index := range entries {
		list.Entries[index] = request.listRecord(&entries[index], keysOnly)
	}
	return list
}

func (request *request) listRecord(entry *store.Entry, keysOnly bool) subjects.EntryRecord {
	record := request.entryRecord(entry)
	record.KeysOnly = keysOnly
	record.OmitBeyond(request.pageBytes)
	return record
}

func weighPage(page *store.Page) int64 { return weighEntries(page.Entries) }

func weighEntries(entries []store.Entry) (bytes int64) {
	for index := range entries {
		bytes += weighEntry(&entries[index])
	}
	return bytes
}

func decodeScan(request *request) (query store.ScanQuery, err error) {
	body, err := decodeBody[subjects.ScanRequest](request)
	if err != nil {
		return query, err
	}
	query = store.ScanQuery{Prefix: request.wholeGroup(textOf(body.Prefix)), Limit: limitOf(body.Limit), KeysOnly: isTrue(body.KeysOnly)}
	query.After, err = afterOf(body.After, func(cursor string) (after store.EntryName, err error) {
		group, key, err := subjects.DecodeEntryCursor(cursor)
		return store.EntryName{Group: request.wholeGroup(group), Key: key}, err
	})
	if err != nil {
		return query, err
	}
	query.Fits = request.fitsPage(query.KeysOnly)
	return query, nil
}

func submitScan(request *request, query store.ScanQuery, done func(store.ScanPage, error)) {
	request.service.store.SubmitScan(query, done)
}

func encodeScan(answer *answer, request *request, query *store.ScanQuery, page *store.ScanPage) error {
	list := request.listRecords(page.Entries, query.KeysOnly, page.Revision)
	if page.Next != nil {
		list.Next = subjects.EncodeEntryCursor(request.localGroup(page.Next.Group), page.Next.Key)
	}
	answer.body = subjects.AppendList(answer.body, &list)
	return nil
}

func weighScan(page *store.ScanPage) int64 { return weighEntries(page.Entries) }

// afterOf reads the beginning of a page, nil for the first page.
func afterOf[Place any](cursor *string, decode func(string) (Place, error)) (*Place, error) {
	if cursor == nil {
		return nil, nil
	}
	place, err := decode(*cursor)
	return &place, err
}

func limitOf(limit *int) int {
	if limit == nil {
		return subjects.DefaultLimit
	}
	return *limit
}

func textOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func isTrue(flag *bool) bool { return flag != nil && *flag }
