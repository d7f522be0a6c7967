// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"unicode/utf8"
)

// RenderRequest fills in a template with the values of a group, which defaults to
// DefaultGroup. Strict makes a missing key an error.
type RenderRequest struct {
	Template *string `json:"template,omitzero" required:"true"`
	Group    *string `json:"group,omitzero"`
	Strict   *bool   `json:"strict,omitzero"`
}

// Check implements Request. It does not parse the template.
func (request RenderRequest) Check() error {
	return cmp.Or(checkRequired("template", request.Template, checkTemplate), checkOptional(request.Group, CheckGroup))
}

func checkTemplate(template string) error {
	switch {
	case len(template) > MaxTemplateBytes:
		return BadField("template", fmt.Sprintf("template is at most %d bytes, not %d", MaxTemplateBytes, len(template)))
	case !utf8.ValidString(template):
		return BadField("template", "template is valid UTF-8, which this one is not")
	}
	return nil
}

// RenderReply is the reply to a render. Text is base64 if Encoding says so: the template
// has used values that are not UTF-8. Bytes returns the text in either case.
type RenderReply struct {
	Text     string  `json:"text"`
	Encoding *string `json:"encoding,omitzero"`
	Revision uint64  `json:"revision"`
}

// NewRenderReply encodes a text for the wire.
func NewRenderReply(text string, revision uint64) RenderReply {
	content := NewContent(text)
	return RenderReply{Text: *content.Value, Encoding: content.Encoding, Revision: revision}
}

// Bytes returns the text itself, any bytes, as a string. Its errors are those of
// Content.Bytes.
func (reply RenderReply) Bytes() (string, error) {
	return Content{Value: &reply.Text, Encoding: reply.Encoding}.Bytes()
}

// SplitRequest asks for a value, divided at each Separator. An empty separator divides
// the value into its characters.
type SplitRequest struct {
	Group     *string `json:"group,omitzero"`
	Key       *string `json:"key,omitzero" required:"true"`
	Separator *string `json:"separator,omitzero" required:"true"`
}

// Check implements Request.
func (request SplitRequest) Check() error {
	return cmp.Or(checkEntry(request.Group, request.Key), checkRequired("separator", request.Separator, checkSeparator))
}

func checkSeparator(separator string) error {
	if !utf8.ValidString(separator) {
		return BadField("separator", fmt.Sprintf("separator is valid UTF-8, which %s is not", quote(separator)))
	}
	return nil
}

// FieldsRequest asks for a value, divided at white space.
type FieldsRequest struct {
	Group *string `json:"group,omitzero"`
	Key   *string `json:"key,omitzero" required:"true"`
}

// Check implements Request.
func (request FieldsRequest) Check() error { return checkEntry(request.Group, request.Key) }

// SplitReply is the reply to a split. Every part is base64 if Encoding says so: at least
// one part is not UTF-8. DecodeTexts returns the parts in either case.
type SplitReply struct {
	Parts    []string `json:"parts"`
	Encoding *string  `json:"encoding,omitzero"`
}

// FieldsReply is the reply to a fields. Its encoding is as in SplitReply.
type FieldsReply struct {
	Fields   []string `json:"fields"`
	Encoding *string  `json:"encoding,omitzero"`
}

// EncodeTexts encodes a list of texts for the wire, and returns the encoding of all
// texts: nil, or EncodingBase64 if one of them is not valid UTF-8.
//
//	parts, encoding := subjects.EncodeTexts([]string{"red", "green"})
//	reply := subjects.SplitReply{Parts: parts, Encoding: encoding}
func EncodeTexts(texts []string) ([]string, *string) {
	if !slices.ContainsFunc(texts, isNotUTF8) {
		return texts, nil
	}
	encoded := make([]string, len(texts))
	for index, text := range texts {
		encoded[index] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	return encoded, new(EncodingBase64)
}

func isNotUTF8(text string) bool { return !utf8.ValidString(text) }

// DecodeTexts decodes a list of texts from the wire. Its errors are those of
// Content.Bytes.
func DecodeTexts(texts []string, encoding *string) ([]string, error) {
	if encoding == nil {
		return texts, nil
	}
	decoded := make([]string, len(texts))
	for index := range texts {
		text, err := Content{Value: &texts[index], Encoding: encoding}.Bytes()
		if err != nil {
			return nil, err
		}
		decoded[index] = text
	}
	return decoded, nil
}
