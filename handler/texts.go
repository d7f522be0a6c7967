// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"strings"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// The verbs that process values.
var (
	renderJSON = &operation[store.RenderQuery, store.Rendering]{decode: decodeRender, submit: submitRender, encode: encodeRender, weigh: weighRendering}
	splitJSON  = &operation[splitQuery, store.Entry]{decode: decodeSplit, submit: submitSplit, encode: encodeSplit, weigh: weighEntry}
	fieldsJSON = &operation[store.EntryName, store.Entry]{decode: decodeFields, submit: submitFields, encode: encodeFields, weigh: weighEntry}
)

func decodeRender(request *request) (query store.RenderQuery, err error) {
	body, err := decodeBody[subjects.RenderRequest](request)
	if err != nil {
		return query, err
	}
	return store.RenderQuery{Group: request.groupOf(body.Group), Template: *body.Template, Strict: isTrue(body.Strict)}, nil
}

func submitRender(request *request, query store.RenderQuery, done func(store.Rendering, error)) {
	request.service.store.SubmitRender(query, done)
}

func encodeRender(answer *answer, _ *request, _ *store.RenderQuery, rendering *store.Rendering) error {
	answer.body = subjects.AppendRenderReply(answer.body, rendering.Text, rendering.Revision)
	return nil
}

func weighRendering(rendering *store.Rendering) int64 { return int64(len(rendering.Text)) }

// splitQuery is the name of a value, and its separator.
type splitQuery struct {
	store.EntryName
	separator string
}

func decodeSplit(request *request) (query splitQuery, err error) {
	body, err := decodeBody[subjects.SplitRequest](request)
	if err != nil {
		return query, err
	}
	return splitQuery{EntryName: request.entry(body.Group, body.Key), separator: *body.Separator}, nil
}

func submitSplit(request *request, query splitQuery, done func(store.Entry, error)) {
	submitFields(request, query.EntryName, done)
}

func encodeSplit(answer *answer, _ *request, query *splitQuery, entry *store.Entry) error {
	answer.body = subjects.AppendSplitReply(answer.body, strings.Split(entry.Value, query.separator))
	return nil
}

func decodeFields(request *request) (store.EntryName, error) {
	body, err := decodeBody[subjects.FieldsRequest](request)
	if err != nil {
		return store.EntryName{}, err
	}
	return request.entry(body.Group, body.Key), nil
}

func submitFields(request *request, name store.EntryName, done func(store.Entry, error)) {
	request.service.store.SubmitGet(name.Group, name.Key, done)
}

func encodeFields(answer *answer, _ *request, _ *store.EntryName, entry *store.Entry) error {
	answer.body = subjects.AppendFieldsReply(answer.body, strings.Fields(entry.Value))
	return nil
}
