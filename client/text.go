// SPDX-License-Identifier: EUPL-1.2

package client

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/subjects"
)

// RenderOptions is what a render can be asked for.
type RenderOptions struct {
	// Strict makes a key that is not there an error, subjects.ErrBadRequest, instead
	// of "<no value>".
	Strict bool
}

// Text is a rendered template.
type Text struct {
	Text []byte
	// Revision is the namespace's at the time of reading.
	Revision uint64
}

// Render fills a template with the values of a group: {{.theme}} is that of the key
// theme. It takes the safe part of text/template that the contract names; what is
// outside is subjects.ErrBadRequest with its place. It returns subjects.ErrTooLarge
// for a text of more than 1 MiB, or more than a message carries, and
// subjects.ErrDeadlineExceeded where it took too long.
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

// Split gives the value of a key in the parts that a separator divides it into; an
// empty one divides it into its characters. It returns subjects.ErrNotFound where the
// key is not there.
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

// Fields gives the value of a key in the parts that white space divides it into. It
// returns subjects.ErrNotFound where the key is not there.
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

// texts gives a list as it travelled its texts.
func texts(method string, list []string, encoding *string) ([]string, error) {
	decoded, err := subjects.DecodeTexts(list, encoding)
	if err != nil {
		return nil, named(method, fmt.Errorf("%w: %w", errMalformed, err))
	}
	return decoded, nil
}
