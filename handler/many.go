// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

var getManyJSON = &operation[store.ManyQuery, store.ManyEntries]{decode: decodeGetMany, submit: submitGetMany, encode: encodeGetMany, weigh: weighMany}

func decodeGetMany(request *request) (query store.ManyQuery, err error) {
	body, err := decodeBody[subjects.GetManyRequest](request)
	if err != nil {
		return query, err
	}
	budget := request.newPageBudget()
	query.Names = make([]store.EntryName, len(body.Entries))
	for index, name := range body.Entries {
		query.Names[index] = request.entry(name.Group, name.Key)
	}
	request.group, request.key = "", ""
	query.Fits = func(entry *store.Entry) bool {
		record := request.lookUpRecord(entry)
		return budget.take(record.Size())
	}
	return query, nil
}

func submitGetMany(request *request, query store.ManyQuery, done func(store.ManyEntries, error)) {
	request.service.store.SubmitGetMany(query, done)
}

func encodeGetMany(answer *answer, request *request, _ *store.ManyQuery, many *store.ManyEntries) error {
	reply := subjects.GetManyRecord{Entries: make([]subjects.EntryRecord, len(many.Entries)), Revision: many.Revision}
	for index := range many.Entries {
		reply.Entries[index] = request.lookUpRecord(&many.Entries[index])
	}
	answer.body = subjects.AppendGetMany(answer.body, &reply)
	return nil
}

// lookUpRecord converts the result for one of several keys. A missing key has revision 0.
func (request *request) lookUpRecord(entry *store.Entry) subjects.EntryRecord {
	record := request.entryRecord(entry)
	record.Missing = entry.Revision == 0
	record.OmitBeyond(request.pageBytes)
	return record
}

func weighMany(many *store.ManyEntries) int64 { return weighEntries(many.Entries) }
