// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/subjects"
)

// RenderOptions are the options of Render.
type RenderOptions struct {
	// Strict makes a missing key an error, subjects.ErrBadRequest, instead of "<no
	// value>".
	Strict bool
}

// Text is a rendered template.
type Text struct {
	Text []byte
	// Revision is the namespace's revision at the time of reading.
	Revision uint64
}

// Render fills in a template with the values of a group: {{.theme}} is the value of the
// key theme. Templates are a safe part of text/template, which docs/protocol.md
// describes, 64 KiB at most. Render returns
//
//   - subjects.ErrBadRequest, with the place, for any other template;
//   - subjects.ErrTooLarge for a text of more than 1 MiB, or more than a message carries;
//   - subjects.ErrTooLarge for a group of more than 4 MiB;
//   - subjects.ErrDeadlineExceeded after 100 ms.
//
// For example:
//
//	text, err := store.Render(ctx, "acme", "config", "theme is {{.theme}}", client.RenderOptions{})
func (client *Client) Render(ctx context.Context, namespace, group, template string, options RenderOptions) (Text, error) {
	const method = "Render"
	reply, err := exchange[subjects.RenderReply](ctx, client, call{
		method: method, namespace: namespace, verb: subjects.VerbRender,
		body: subjects.RenderRequest{Group: &group, Template: &template, Strict: given(options.Strict)},
	})
	if err != nil {
		return Text{}, err
	}
	text, err := reply.Bytes()
	if err != nil {
		return Text{}, named(method, fmt.Errorf("%w: %w", errMalformed, err))
	}
	return Text{Text: []byte(text), Revision: reply.Revision}, nil
}

// Split returns the value of a key, divided at each separator. An empty separator divides
// the value into its characters. Split returns subjects.ErrNotFound if the key does not
// exist.
//
//	parts, err := store.Split(ctx, "acme", "config", "hosts", ",")
func (client *Client) Split(ctx context.Context, namespace, group, key, separator string) ([]string, error) {
	const method = "Split"
	reply, err := exchange[subjects.SplitReply](ctx, client, call{
		method: method, namespace: namespace, verb: subjects.VerbSplit,
		body: subjects.SplitRequest{Group: &group, Key: &key, Separator: &separator},
	})
	if err != nil {
		return nil, err
	}
	return texts(method, reply.Parts, reply.Encoding)
}

// Fields returns the value of a key, divided at white space. It returns
// subjects.ErrNotFound if the key does not exist.
//
//	fields, err := store.Fields(ctx, "acme", "config", "hosts")
func (client *Client) Fields(ctx context.Context, namespace, group, key string) ([]string, error) {
	const method = "Fields"
	reply, err := exchange[subjects.FieldsReply](ctx, client, call{
		method: method, namespace: namespace, verb: subjects.VerbFields, body: subjects.FieldsRequest{Group: &group, Key: &key},
	})
	if err != nil {
		return nil, err
	}
	return texts(method, reply.Fields, reply.Encoding)
}

// texts decodes a list of texts from its form on the wire.
func texts(method string, list []string, encoding *string) ([]string, error) {
	decoded, err := subjects.DecodeTexts(list, encoding)
	if err != nil {
		return nil, named(method, fmt.Errorf("%w: %w", errMalformed, err))
	}
	return decoded, nil
}
