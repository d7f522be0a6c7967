// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"reflect"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// DescribeRequest asks for a description of every verb.
type DescribeRequest struct{}

// Check implements Request.
func (DescribeRequest) Check() error { return nil }

// DescribeReply is the reply to a describe.
type DescribeReply struct {
	Verbs []VerbDescription `json:"verbs"`
}

// VerbDescription describes one verb. Admin: the verb is an operator's, on
// store.admin.<verb>. Raw: the verb has a raw form too. Writes: the verb changes stored
// data.
type VerbDescription struct {
	Name        Verb               `json:"name"`
	Admin       bool               `json:"admin,omitzero"`
	Raw         bool               `json:"raw,omitzero"`
	Description string             `json:"description"`
	Writes      bool               `json:"writes"`
	Fields      []FieldDescription `json:"fields"`
}

// FieldDescription describes one field of a request. Type is one of these:
//
//   - "string", "boolean", "integer", "time" or "object";
//   - "duration": a number of seconds, or a string as ParseTTL and ParseWait read it;
//   - "list": a list of objects with Fields, or of integers if there are no Fields;
//   - "any": any JSON.
type FieldDescription struct {
	Name     string             `json:"name"`
	Type     string             `json:"type"`
	Required bool               `json:"required"`
	Fields   []FieldDescription `json:"fields,omitzero"`
}

// Describe returns every verb of the contract. It reads the fields from the types of this
// package.
//
//	subjects.Describe().Verbs[0].Name  // set
func Describe() DescribeReply {
	reply := DescribeReply{Verbs: make([]VerbDescription, len(verbTable))}
	for index, row := range verbTable {
		reply.Verbs[index] = VerbDescription{
			Name:        row.verb,
			Admin:       row.forms&formAdmin != 0,
			Raw:         row.forms&formRaw != 0,
			Description: row.description,
			Writes:      row.writes,
			Fields:      describeFields(row.request),
		}
	}
	return reply
}

func describeFields(request reflect.Type) []FieldDescription {
	fields, requiredInside := []FieldDescription{}, ""
	for _, field := range reflect.VisibleFields(request) {
		if field.Anonymous { // its own fields come next
			requiredInside = field.Tag.Get("required")
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		described := FieldDescription{Name: name, Type: typeName(field.Type), Required: field.Tag.Get("required") != "" || name == requiredInside}
		if field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct {
			described.Fields = describeFields(field.Type.Elem())
		}
		fields = append(fields, described)
	}
	return fields
}

// typeName returns the name of a field's type.
func typeName(field reflect.Type) string {
	if field == reflect.TypeFor[jsontext.Value]() {
		return "any"
	}
	switch field.Kind() {
	case reflect.Slice:
		return "list"
	case reflect.Map:
		return "object"
	}
	switch element := field.Elem(); element.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Struct:
		if element == reflect.TypeFor[time.Time]() {
			return "time"
		}
		return "duration" // TTL and Wait
	default:
		return "integer"
	}
}
