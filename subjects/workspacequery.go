// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// WorkspaceQueryRequest asks for the rows of a SELECT over the entries of a workspace.
type WorkspaceQueryRequest struct {
	WorkspaceName
	SQL   *string `json:"sql,omitzero" required:"true"`
	Limit *int    `json:"limit,omitzero"`
}

// Check implements Request. It does not parse the SQL.
func (request WorkspaceQueryRequest) Check() error {
	return cmp.Or(request.WorkspaceName.Check(), checkRequired("sql", request.SQL, anyText), checkOptional(request.Limit, checkLimit))
}

func anyText(string) error { return nil }

// WorkspaceQueryReply is the reply to a workspace_query. Rows are lists in the order of
// Columns. Truncated says that there were more rows.
type WorkspaceQueryReply struct {
	Columns   []string           `json:"columns"`
	Rows      [][]jsontext.Value `json:"rows"`
	Truncated bool               `json:"truncated"`
}

// maxExactInteger is the largest integer that every reader of JSON keeps exactly.
const maxExactInteger = 1 << 53

// queryObject is a value that JSON has no form for.
type queryObject struct {
	Integer *string `json:"integer,omitzero"`
	Float   *string `json:"float,omitzero"`
	Base64  *string `json:"base64,omitzero"`
}

// The texts of floats that are not JSON numbers.
const (
	infinity         = "Infinity"
	negativeInfinity = "-Infinity"
)

// NewQueryValue encodes a value of a row for the wire, without any loss:
//
//   - nil, int64, float64 and string are JSON's own; a float always has a point or an
//     exponent;
//   - an integer beyond ±2^53 is {"integer":"…"};
//   - bytes, and text that is not UTF-8, are {"base64":"…"};
//   - an infinity is {"float":"Infinity"} or {"float":"-Infinity"}.
//
// For example:
//
//	subjects.NewQueryValue(int64(1) << 60)  // {"integer":"1152921504606846976"}
func NewQueryValue(value any) jsontext.Value {
	switch value := value.(type) {
	case int64:
		text := strconv.FormatInt(value, 10)
		if value < -maxExactInteger || value > maxExactInteger {
			return marshalled(queryObject{Integer: &text})
		}
		return jsontext.Value(text)
	case float64:
		return floatValue(value)
	case string:
		if utf8.ValidString(value) {
			return marshalled(value)
		}
		return bytesValue([]byte(value))
	case []byte:
		return bytesValue(value)
	}
	return jsontext.Value("null")
}

func floatValue(value float64) jsontext.Value {
	switch {
	case math.IsInf(value, 1):
		return marshalled(queryObject{Float: new(infinity)})
	case math.IsInf(value, -1):
		return marshalled(queryObject{Float: new(negativeInfinity)})
	}
	text := strconv.FormatFloat(value, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return jsontext.Value(text)
}

func bytesValue(value []byte) jsontext.Value {
	return marshalled(queryObject{Base64: new(base64.StdEncoding.EncodeToString(value))})
}

// marshalled encodes a value that can always be encoded.
func marshalled(value any) jsontext.Value {
	text, _ := json.Marshal(value)
	return text
}

// Values returns the rows as nil, int64, float64, string and []byte. Any other value is
// ErrBadRequest.
func (reply WorkspaceQueryReply) Values() ([][]any, error) {
	rows := make([][]any, len(reply.Rows))
	for index, row := range reply.Rows {
		rows[index] = make([]any, len(row))
		for column, text := range row {
			var ok bool
			if rows[index][column], ok = queryValue(text); !ok {
				return nil, BadField("rows", "rows holds "+quote(string(text))+", which is no value of a row")
			}
		}
	}
	return rows, nil
}

func queryValue(text jsontext.Value) (value any, ok bool) {
	var err error
	switch text.Kind() {
	case 'n':
		return nil, true
	case '"':
		err = json.Unmarshal(text, &value)
	case '0':
		value, err = numberOf(string(text))
	case '{':
		return objectOf(text)
	default:
		return nil, false
	}
	return value, err == nil
}

func numberOf(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		return strconv.ParseFloat(text, 64)
	}
	return strconv.ParseInt(text, 10, 64)
}

func objectOf(text jsontext.Value) (value any, ok bool) {
	var object queryObject
	err := json.Unmarshal(text, &object)
	switch {
	case err != nil:
	case object.Integer != nil:
		value, err = strconv.ParseInt(*object.Integer, 10, 64)
	case object.Base64 != nil:
		value, err = base64.StdEncoding.DecodeString(*object.Base64)
	case object.Float != nil && *object.Float == infinity:
		value = math.Inf(1)
	case object.Float != nil && *object.Float == negativeInfinity:
		value = math.Inf(-1)
	default:
		return nil, false
	}
	return value, err == nil
}
