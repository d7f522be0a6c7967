// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxBeginningBytes is how much of a body that confirms nothing is shown.
const maxBeginningBytes = 128

// Successes that confirm nothing, for the text of the answer.
const (
	noteUnconfirmed = ", which confirms nothing"
	noteBody        = ", and its body confirms nothing"
	noteCut         = ", and the answer breaks off"
	noteRefusal     = ", and reports a refusal"
)

// refusalCodes are the codes of InfluxDB 2 that blame the lines, with their verdicts.
var refusalCodes = map[string]verdict{
	"invalid":              refused,
	"empty value":          refused,
	"unprocessable entity": refused,
	"request too large":    tooLarge,
}

// refusalMessages are the messages of InfluxDB 1 and 3 for refused lines.
var refusalMessages = []string{"partial write", "unable to parse", "field type conflict", "points beyond retention policy"}

// judgeSuccess judges an answer with a status of 200 to 299. 204 confirms the lines; so do
// 200 and 202 without a body. A body may report a refusal. Any other body confirms nothing,
// because something other than the endpoint may have written it.
func (answer *answer) judgeSuccess(response *http.Response, body []byte, readFailure error) {
	if response.StatusCode == http.StatusNoContent {
		answer.verdict, answer.message = accepted, ""
		return
	}
	if refusal, ok := refusalOf(body); ok && readFailure == nil {
		answer.verdict, answer.note = refusal, noteRefusal
		return
	}
	switch {
	case readFailure != nil:
		answer.verdict, answer.note, answer.message = unavailable, noteCut, readFailure.Error()
	case len(body) > 0:
		answer.verdict, answer.note, answer.message = misdirected, noteBody, beginningOf(body)
	case hasNoEnd(response):
		answer.verdict, answer.note, answer.message = unavailable, noteCut, "it has neither a length nor an end"
	case confirmsWithoutBody(response):
		answer.verdict = accepted
	default:
		answer.verdict, answer.note = misdirected, noteUnconfirmed
	}
}

// refusalOf reads the refusal that a JSON object reports.
func refusalOf(body []byte) (verdict, bool) {
	var object struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		Error   string `json:"error"`
	}
	if json.Unmarshal(body, &object) != nil {
		return accepted, false
	}
	if verdict, ok := refusalCodes[object.Code]; ok {
		return verdict, true
	}
	blames := func(words string) bool {
		return strings.Contains(object.Message, words) || strings.Contains(object.Error, words)
	}
	return refused, slices.ContainsFunc(refusalMessages, blames)
}

// hasNoEnd reports whether the body ends only with the connection. An empty body and a lost
// body then look the same.
func hasNoEnd(response *http.Response) bool {
	return response.ProtoMajor == 1 && response.ContentLength < 0 && !response.Uncompressed && len(response.TransferEncoding) == 0
}

// confirmsWithoutBody reports whether an answer without a body confirms. An answer labelled as
// a page comes from something else, and a compressed answer had a body.
func confirmsWithoutBody(response *http.Response) bool {
	confirms := response.StatusCode == http.StatusOK || response.StatusCode == http.StatusAccepted
	return confirms && !response.Uncompressed && !isPage(response.Header.Get("Content-Type"))
}

func isPage(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	return kind == "text/html" || kind == "application/xhtml+xml"
}

// beginningOf quotes the beginning of a body, with escapes for characters that do not print.
func beginningOf(body []byte) string {
	if len(body) <= maxBeginningBytes {
		return strconv.Quote(string(body))
	}
	// A character that was cut in two is left out.
	beginning := bytes.TrimRightFunc(body[:maxBeginningBytes], func(char rune) bool { return char == '\uFFFD' })
	return strconv.Quote(string(beginning)) + " …"
}
