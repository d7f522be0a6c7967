// SPDX-License-Identifier: EUPL-1.2

package journal_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/journal"
)

func TestDelivery_Flush_Good(t *testing.T) {
	t.Run("SendsWhatTheContractSays", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.queue.keep(1, 2)
		outcome, err := flush(t, bench)
		require.NoError(t, err)
		assert.Equal(t, journal.FlushOutcome{Delivered: 2}, outcome)
		assert.Equal(t, [][]string{{"m v=1i 1", "m v=2i 2"}}, bench.endpoint.requests)
		assert.Equal(t, []string{"POST /influx/api/v2/write?bucket=b&org=the+org&precision=ns"}, bench.endpoint.paths)
		assert.Equal(t, "Token "+token, bench.endpoint.header.Get("Authorization"))
		assert.Equal(t, "gzip", bench.endpoint.header.Get("Content-Encoding"))
		assert.Equal(t, "text/plain; charset=utf-8", bench.endpoint.header.Get("Content-Type"))
		assert.Equal(t, journal.Status{Endpoint: bench.endpoint.URL + "/influx"}, bench.Status())
	})
	t.Run("InOrderInBatches", func(t *testing.T) {
		bench := startBench(t, func(config *journal.Config) { config.BatchPoints = 2 })
		bench.queue.keep(1, 2, 3, 4, 5)
		_, err := flush(t, bench)
		require.NoError(t, err)
		assert.Equal(t, [][]int64{{1, 2}, {3, 4}, {5}}, bench.endpoint.ids())
		assert.Equal(t, []int64{1, 2, 3, 4, 5}, bench.queue.delivered)
	})
	t.Run("NothingToDo", func(t *testing.T) {
		bench := startBench(t, nil)
		outcome, err := flush(t, bench)
		require.NoError(t, err)
		assert.Zero(t, outcome)
		assert.Empty(t, bench.endpoint.requests)
	})
}

// TestDelivery_Statuses_Good is the table of the endpoint's answers, row by row.
func TestDelivery_Statuses_Good(t *testing.T) {
	type row struct {
		status  int
		message string
		// delivered and rejected are the settled points of 1, 2 and 3. The endpoint refuses
		// point 2.
		delivered, rejected []int64
		kept                string
		// page has the answer come as HTML.
		page bool
	}
	keep := func(status int, kept string) row { return row{status: status, kept: kept} }
	isolate := func(status int, message string) row {
		return row{status: status, message: message, delivered: []int64{1, 3}, rejected: []int64{2}}
	}
	for _, test := range []row{
		{status: 200, delivered: []int64{1, 2, 3}},
		{status: 202, delivered: []int64{1, 2, 3}},
		{status: 204, delivered: []int64{1, 2, 3}},
		isolate(400, "unable to parse 'm v=2i 2': bad timestamp"),
		isolate(400, "partial write: field type conflict dropped=1"),
		isolate(422, "failure writing points to database: partial write: field type conflict dropped=1"),
		isolate(500, "partial write: points beyond retention policy dropped=1"),
		isolate(406, ""), isolate(418, ""),
		isolate(413, "Request Entity Too Large"),
		{status: 200, page: true, kept: "200 OK, which confirms nothing"}, {status: 400, page: true, message: "no", delivered: []int64{1, 3}, rejected: []int64{2}},
		keep(301, "301, and redirects are not followed"), keep(302, "302, and redirects are not followed"),
		keep(307, "307, and redirects are not followed"), keep(308, "308, and redirects are not followed"),
		keep(401, "401 "), keep(403, "403 Forbidden"), keep(404, "404 Not Found"),
		keep(408, "408 Request Timeout"), keep(425, "425 Too Early"), keep(429, "429 Too Many Requests"),
		keep(500, "500 Internal Server Error"), keep(502, "502 Bad Gateway"), keep(503, "503 Service Unavailable"), keep(504, "504 Gateway Timeout"),
	} {
		t.Run(fmt.Sprint(test.status, test.page, test.message), func(t *testing.T) {
			bench := startBench(t, nil)
			bench.endpoint.answerWith(func(writer http.ResponseWriter, lines []string) {
				writer.Header().Set("Location", bench.endpoint.URL+"/elsewhere")
				if test.page {
					writer.Header().Set("Content-Type", "text/html; charset=utf-8")
				}
				if test.status < 300 {
					writer.WriteHeader(test.status)
					return
				}
				refuse(test.status, test.message, 2)(writer, lines)
			})
			bench.queue.keep(1, 2, 3)
			outcome, err := flush(t, bench)
			if test.kept != "" {
				require.ErrorIs(t, err, journal.ErrNotDelivered)
				assert.Contains(t, bench.Status().Brief, test.kept)
				assert.Equal(t, 3, bench.queue.left(), "nothing is given up")
				assert.Len(t, bench.endpoint.requests, 1)
				bench.endpoint.answerWith(nil)
				_, err = flush(t, bench)
				require.NoError(t, err)
				assert.Equal(t, []int64{1, 2, 3}, bench.queue.delivered)
				assert.Empty(t, bench.Status().LastError)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, journal.FlushOutcome{Delivered: len(test.delivered), Rejected: len(test.rejected)}, outcome)
			assert.Equal(t, test.delivered, bench.queue.delivered)
			var rejected []int64
			for _, rejection := range bench.queue.rejected {
				rejected = append(rejected, rejection.ID)
				assert.Equal(t, test.status, rejection.Status)
				assert.Contains(t, rejection.Reason, test.message)
				assert.Equal(t, now, rejection.At)
			}
			assert.Equal(t, test.rejected, rejected)
		})
	}
}

// confirmation is a success that an endpoint answers with, as it travels.
type confirmation struct {
	name string
	// response is all that comes over the line: the server closes it afterwards.
	response string
	// said is the error in Status. brief is the same without the endpoint's own words.
	said, brief string
}

// respond makes the response of a server that says how long the body is.
func respond(status, contentType, body string) string {
	return fmt.Sprintf("HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", status, contentType, len(body), body)
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var compressed strings.Builder
	writer := gzip.NewWriter(&compressed)
	_, err := writer.Write([]byte(text))
	require.NoError(t, errors.Join(err, writer.Close()))
	return compressed.String()
}

// answerRaw has the endpoint answer with bytes, and say that the line ends after them.
func (bench *bench) answerRaw(t *testing.T, response string) {
	t.Helper()
	last := strings.LastIndex(response, "HTTP/1.")
	response = response[:last] + strings.Replace(response[last:], "\r\n", "\r\nConnection: close\r\n", 1)
	bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
		connection, _, err := http.NewResponseController(writer).Hijack()
		if assert.NoError(t, err) {
			_, err = connection.Write([]byte(response))
			assert.NoError(t, errors.Join(err, connection.Close()))
		}
	})
}

func TestDelivery_Confirmations_Good(t *testing.T) {
	const chunkedEnd = "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
	for name, response := range map[string]string{
		"NoContent":                  "HTTP/1.1 204 No Content\r\n\r\n",
		"NoContentOfJSON":            "HTTP/1.1 204 No Content\r\nContent-Type: application/json\r\n\r\n",
		"NoContentOfAnOldServer":     "HTTP/1.0 204 No Content\r\n\r\n",
		"OKWithoutABody":             respond("200 OK", "text/plain", ""),
		"AcceptedWithoutABody":       respond("202 Accepted", "application/json", ""),
		"OKOfNoType":                 "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"OKWithoutABodyInNoChunks":   "HTTP/1.1 200 OK\r\n" + chunkedEnd,
		"OKWithoutABodyOfAnOldOne":   "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
		"AcceptedAfterAnInformation": "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n" + respond("202 Accepted", "text/plain", ""),
	} {
		t.Run(name, func(t *testing.T) {
			bench := startBench(t, nil)
			bench.answerRaw(t, response)
			bench.queue.keep(1, 2, 3)
			outcome, err := flush(t, bench)
			require.NoError(t, err)
			assert.Equal(t, journal.FlushOutcome{Delivered: 3}, outcome)
			assert.Empty(t, bench.Status().LastError)
		})
	}
}

// TestDelivery_Confirmations_Bad is the table of successes that confirm nothing: the points
// wait, and are delivered when the endpoint confirms them.
func TestDelivery_Confirmations_Bad(t *testing.T) {
	const (
		page  = "<!DOCTYPE html>\n<html><body>Please log in</body></html>"
		empty = ", which confirms nothing"
		other = ", and its body confirms nothing"
		short = ", and the answer breaks off"
	)
	long := strings.Repeat("☂", 1000)
	for _, test := range []confirmation{
		{"Created", respond("201 Created", "text/plain", ""), "201 Created" + empty + ";", "201 Created" + empty},
		{"NonAuthoritative", respond("203 Non-Authoritative Information", "text/plain", ""), "203 Non-Authoritative Information" + empty + ";", "203 Non-Authoritative Information" + empty},
		{"ResetContent", respond("205 Reset Content", "text/plain", ""), "205 Reset Content" + empty + ";", "205 Reset Content" + empty},
		{"PartialContent", respond("206 Partial Content", "text/plain", ""), "206 Partial Content" + empty + ";", "206 Partial Content" + empty},
		{"NoKnownStatus", respond("299 Fine", "text/plain", ""), "answers 299" + empty + ";", "299" + empty},
		{"Word", respond("200 OK", "text/plain", "ok"), `200 OK` + other + `: "ok"`, "200 OK" + other},
		{"WordCreated", respond("201 Created", "text/plain", "ok"), `201 Created` + other + `: "ok"`, "201 Created" + other},
		{"WhiteSpace", respond("200 OK", "text/plain", " \r\n"), `200 OK` + other + `: " \r\n"`, "200 OK" + other},
		{"NUL", respond("202 Accepted", "text/plain", "\x00"), `202 Accepted` + other + `: "\x00"`, "202 Accepted" + other},
		{"ByteOrderMark", respond("200 OK", "text/plain", "\ufeff"), `200 OK` + other + `: "\ufeff"`, "200 OK" + other},
		{"ControlCharacters", respond("200 OK", "text/plain", "a\x1b[31mb\n"), `: "a\x1b[31mb\n"`, "200 OK" + other},
		{"EmptyObject", respond("200 OK", "application/json", "{}"), `200 OK` + other + `: "{}"`, "200 OK" + other},
		{"Health", respond("200 OK", "application/json", `{"status":"healthy"}`), `: "{\"status\":\"healthy\"}"`, "200 OK" + other},
		{"Results", respond("200 OK", "application/json", `{"results":[{"statement_id":0}]}`), `: "{\"results\":`, "200 OK" + other},
		{"List", respond("200 OK", "application/json", `["partial write"]`), `: "[\"partial write\"]"`, "200 OK" + other},
		{"Timeout", respond("200 OK", "application/json", `{"error":"timeout"}`), `: "{\"error\":\"timeout\"}"`, "200 OK" + other},
		{"Unavailable", respond("200 OK", "application/json", `{"code":"unavailable","message":"later"}`), `\"later\"`, "200 OK" + other},
		{"Forbidden", respond("200 OK", "application/json", `{"code":"forbidden","message":"no"}`), `\"no\"`, "200 OK" + other},
		{"NoSuchDatabase", respond("202 Accepted", "application/json", `{"error":"database not found: \"b\""}`), `not found`, "202 Accepted" + other},
		{"CodeThatIsANumber", respond("200 OK", "application/json", `{"code":3,"message":"invalid"}`), `\"code\":3`, "200 OK" + other},
		{"Page", respond("200 OK", "text/html; charset=utf-8", page), `: "<!DOCTYPE html>\n<html>`, "200 OK" + other},
		{"PageLabelledAsText", respond("200 OK", "text/plain", page), `: "<!DOCTYPE html>\n<html>`, "200 OK" + other},
		{"PageThatSpeaksOfAPartialWrite", respond("200 OK", "text/plain", "<p>partial write</p>"), `: "<p>partial write</p>"`, "200 OK" + other},
		{"StrictPage", respond("200 OK", "application/xhtml+xml", page), `: "<!DOCTYPE html>`, "200 OK" + other},
		{"PageWithoutABody", respond("200 OK", "text/html", ""), "200 OK" + empty, "200 OK" + empty},
		{"StrictPageWithoutABody", respond("202 Accepted", "Application/XHTML+XML; charset=utf-8", ""), "202 Accepted" + empty, "202 Accepted" + empty},
		{"LongBody", respond("200 OK", "text/plain", long), `: "` + strings.Repeat("☂", 40), "200 OK" + other},
		{"HugeBody", respond("200 OK", "application/json", `{"error":"partial write`+strings.Repeat("x", 1<<20)), `: "{\"error\":\"partial writexxx`, "200 OK" + other},
		{"Compressed", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + fmt.Sprint(len(gzipped(t, "ok"))) + "\r\n\r\n" + gzipped(t, "ok"), `: "ok"`, "200 OK" + other},
		{"NothingCompressed", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + fmt.Sprint(len(gzipped(t, ""))) + "\r\n\r\n" + gzipped(t, ""), "200 OK" + empty, "200 OK" + empty},
		{"CompressedByHalf", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n" + gzipped(t, "")[:10], "200 OK" + short, "200 OK" + short},
		{"OtherwiseCompressed", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 3\r\n\r\n\x06\xff\x00", `: "\x06\xff\x00"`, "200 OK" + other},
		{"BreaksOffBeforeTheBody", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", "200 OK" + short + ": unexpected EOF", "200 OK" + short},
		{"BreaksOffInTheBody", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\":\"invalid\",", "200 OK" + short + ": unexpected EOF", "200 OK" + short},
		{"BreaksOffBeforeTheLastChunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "200 OK" + short + ": unexpected EOF", "200 OK" + short},
		{"TellsNoLengthAndEnds", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", "200 OK" + short + ": it has neither a length nor an end", "200 OK" + short},
		{"OldServerTellsNoLength", "HTTP/1.0 202 Accepted\r\n\r\n", "202 Accepted" + short, "202 Accepted" + short},
		{"BreaksOffInTheHeaders", "HTTP/1.1 204 No Content\r\nContent-", "no answer: ", "the endpoint does not answer"},
		{"TwoLengths", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\nerror", "no answer: ", "the endpoint does not answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bench := startBench(t, nil)
			bench.answerRaw(t, test.response)
			bench.queue.keep(1, 2, 3)
			_, err := flush(t, bench)
			require.ErrorIs(t, err, journal.ErrNotDelivered)
			assert.Contains(t, err.Error()+";", test.said)
			assert.Equal(t, err.Error(), "journal.Flush: "+bench.Status().LastError)
			assert.Less(t, len(bench.Status().LastError), 1024)
			assert.Equal(t, test.brief, strings.TrimPrefix(bench.Status().Brief, "the endpoint answers "))
			assert.Equal(t, 3, bench.queue.left(), "nothing is given up")
			assert.Empty(t, bench.queue.rejected)
			assert.Len(t, bench.endpoint.requests, 1)
			bench.endpoint.answerWith(nil)
			_, err = flush(t, bench)
			require.NoError(t, err)
			assert.Equal(t, []int64{1, 2, 3}, bench.queue.delivered)
		})
	}
}

// A refusal counts whatever its status. The refused points are rejected, and the others are
// delivered.
func TestDelivery_Confirmations_Ugly(t *testing.T) {
	for name, test := range map[string]struct {
		status       int
		body, reason string
	}{
		"PartialWriteOfVersion1":      {200, `{"error":"partial write: field type conflict dropped=1"}` + "\n", "field type conflict dropped=1"},
		"PartialWriteOfVersion2":      {201, `{"code":"invalid","line":2,"message":"partial write: bad"}`, "partial write: bad"},
		"PartialWriteOfVersion3":      {200, `{"error":"partial write of line protocol occurred","data":[{"line_number":2}]}`, "line protocol occurred"},
		"UnprocessableWithSuccess":    {202, `{"code":"unprocessable entity","message":"failure writing points"}`, "failure writing points"},
		"NotParsed":                   {200, `{"error":"unable to parse 'm v=2i 2': bad timestamp"}`, "bad timestamp"},
		"BeyondRetention":             {206, `{"error":"points beyond retention policy dropped=1"}`, "beyond retention"},
		"PartialWriteOfAnotherCode":   {203, `{"code":"internal error","message":"partial write: x"}`, "partial write: x"},
		"TooLargeWithSuccess":         {200, `{"code":"request too large","message":"10 bytes at most"}`, "10 bytes at most"},
		"CodeAlone":                   {200, `{"code":"invalid"}`, "invalid"},
		"EmptyValue":                  {200, `{"code":"empty value","message":"no lines"}`, "no lines"},
		"PartialWriteAndTheTokenInIt": {200, `{"error":"partial write ` + token + `"}`, "partial write ***"},
	} {
		t.Run(name, func(t *testing.T) {
			bench := startBench(t, nil)
			bench.endpoint.answerWith(func(writer http.ResponseWriter, lines []string) {
				refuse(test.status, test.body, 2)(writer, lines)
			})
			bench.queue.keep(1, 2, 3)
			outcome, err := flush(t, bench)
			require.NoError(t, err)
			assert.Equal(t, journal.FlushOutcome{Delivered: 2, Rejected: 1}, outcome)
			assert.Equal(t, []int64{1, 3}, bench.queue.delivered)
			require.Len(t, bench.queue.rejected, 1)
			assert.Equal(t, int64(2), bench.queue.rejected[0].ID)
			assert.Equal(t, test.status, bench.queue.rejected[0].Status)
			assert.Contains(t, bench.queue.rejected[0].Reason, ", and reports a refusal: ")
			assert.Contains(t, bench.queue.rejected[0].Reason, test.reason)
		})
	}
	t.Run("ServerThatRefusesEverything", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(refuse(200, `{"code":"invalid","message":"no organisation"}`, 0, 1, 2))
		bench.queue.keep(1, 2)
		_, err := flush(t, bench)
		require.ErrorContains(t, err, "answers 200 OK, and reports a refusal: no organisation; check the endpoint's URL")
		assert.Equal(t, 2, bench.queue.left())
		assert.Empty(t, bench.queue.rejected)
	})
	t.Run("BodyThatNeverEnds", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
			for {
				if _, err := writer.Write(make([]byte, 1<<16)); err != nil {
					return // The delivery has read enough.
				}
			}
		})
		bench.queue.keep(1)
		_, err := flush(t, bench)
		require.ErrorContains(t, err, `its body confirms nothing: "\x00\x00`)
		assert.Equal(t, 1, bench.queue.left())
	})
	t.Run("BodyThatDoesNotCome", func(t *testing.T) {
		bench := startBench(t, func(config *journal.Config) { config.RequestTimeout = 300 * time.Millisecond })
		over := make(chan struct{})
		bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
			assert.NoError(t, http.NewResponseController(writer).Flush())
			<-over
		})
		bench.queue.keep(1)
		_, err := flush(t, bench)
		close(over)
		require.ErrorContains(t, err, "200 OK, and the answer breaks off: ")
		assert.Equal(t, 1, bench.queue.left())
	})
	t.Run("TheTokenInABodyThatConfirmsNothing", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.answerRaw(t, respond("200 OK", "text/plain", "Authorization: Token "+token+" ok"))
		bench.queue.keep(1)
		_, err := flush(t, bench)
		require.ErrorContains(t, err, `"Authorization: Token *** ok"`)
		assert.NotContains(t, bench.Status().LastError, token)
	})
}

func TestDelivery_Bisection_Ugly(t *testing.T) {
	t.Run("ManyBadOnes", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(refuse(400, "no", 3, 4, 17, 100))
		for id := range int64(100) {
			bench.queue.keep(id + 1)
		}
		outcome, err := flush(t, bench)
		require.NoError(t, err)
		assert.Equal(t, journal.FlushOutcome{Delivered: 96, Rejected: 4}, outcome)
		assert.IsIncreasing(t, bench.queue.delivered)
		assert.Equal(t, 1, strings.Count(bench.logs.String(), "were refused"))
		assert.Contains(t, bench.logs.String(), "entries=4 first=3")
	})
	t.Run("SettingsThatAreAnsweredLikeABadPoint", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
			http.Error(writer, `{"code":"invalid","message":"Please provide either orgID or org"}`, http.StatusBadRequest)
		})
		bench.queue.keep(1, 2)
		_, err := flush(t, bench)
		require.ErrorIs(t, err, journal.ErrNotDelivered)
		require.ErrorContains(t, err, "400 Bad Request: Please provide either orgID or org; check the endpoint's URL")
		assert.Equal(t, 2, bench.queue.left())
		assert.Empty(t, bench.queue.rejected)
	})
	t.Run("EndpointThatTakesNoComments", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(refuse(400, "no points", 0, 3))
		bench.queue.keep(1, 2, 3, 4)
		outcome, err := flush(t, bench)
		require.NoError(t, err, "it has taken a part of the batch: that is answer enough")
		assert.Equal(t, journal.FlushOutcome{Delivered: 3, Rejected: 1}, outcome)
	})
	t.Run("OneLineOfTheLogForAllThatIsRefused", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(refuse(400, "no", 1, 2, 3, 5))
		bench.queue.keep(1, 2, 3, 4, 5)
		_, err := flush(t, bench)
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(bench.logs.String(), "\n"))
		assert.Contains(t, bench.logs.String(), "entries=4 first=1 namespace=\"\" ")
		assert.Contains(t, bench.logs.String(), `reason="the endpoint answers 400 Bad Request: no"`)
	})
	t.Run("OutageInTheMiddle", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(func(writer http.ResponseWriter, lines []string) {
			if idOf(lines[0]) == 3 {
				http.Error(writer, "", http.StatusServiceUnavailable)
				return
			}
			refuse(400, "no", 2)(writer, lines)
		})
		bench.queue.keep(1, 2, 3, 4)
		_, err := flush(t, bench)
		require.ErrorIs(t, err, journal.ErrNotDelivered)
		assert.Equal(t, []int64{1}, bench.queue.delivered)
		assert.Len(t, bench.queue.rejected, 1)
		assert.Equal(t, 2, bench.queue.left())
	})
	t.Run("WhatCannotBeSentAtAll", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.queue.keep(1)
		bench.queue.entries = append(bench.queue.entries, journal.Entry{ID: 2, Measurement: "m"})
		outcome, err := flush(t, bench)
		require.NoError(t, err)
		assert.Equal(t, journal.FlushOutcome{Delivered: 1, Rejected: 1}, outcome)
		assert.Equal(t, "the entry has no fields", bench.queue.rejected[0].Reason)
		assert.Zero(t, bench.queue.rejected[0].Status)
	})
}

func TestDelivery_Run_Good(t *testing.T) {
	t.Run("LoneEntryWaitsForNobody", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.queue.add(1)
		bench.endpoint.awaitRequests(t, 1)
		bench.queue.add(2)
		assert.Equal(t, journal.DefaultFlushInterval, <-bench.waits.asked, "others may come")
		bench.queue.add(3)
		bench.waits.over <- now
		bench.endpoint.awaitRequests(t, 2)
		assert.Equal(t, [][]int64{{1}, {2, 3}}, bench.endpoint.ids())
	})
	t.Run("FullBatchWaitsForNobody", func(t *testing.T) {
		bench := startBench(t, func(config *journal.Config) { config.BatchPoints = 3 })
		bench.queue.add(1)
		bench.endpoint.awaitRequests(t, 1)
		bench.queue.add(2)
		assert.Equal(t, journal.DefaultFlushInterval, <-bench.waits.asked)
		bench.queue.add(3, 4)
		bench.endpoint.awaitRequests(t, 2)
		assert.Equal(t, [][]int64{{1}, {2, 3, 4}}, bench.endpoint.ids())
	})
	t.Run("BackOffDoubles", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
			http.Error(writer, "", http.StatusServiceUnavailable)
		})
		bench.queue.add(1)
		// From 1 to 30 seconds, with a share of chance.
		for _, want := range []int{1500, 3000, 6000, 12000, 22500, 22500} {
			assert.Equal(t, time.Duration(want)*time.Millisecond, <-bench.waits.asked)
			bench.queue.add(int64(want)) // news do not bring the next attempt forward
			bench.waits.over <- now
		}
		bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
			writer.Header().Set("Retry-After", "90")
			http.Error(writer, "", http.StatusTooManyRequests)
		})
		<-bench.waits.asked
		bench.waits.over <- now
		assert.Equal(t, 90*time.Second, <-bench.waits.asked)
		bench.endpoint.answerWith(nil)
		bench.waits.over <- now
		// Signals of the other points may be left, but the queue is empty.
		assert.Equal(t, journal.DefaultFlushInterval, <-bench.waits.asked)
		assert.Equal(t, []int64{1, 1500, 3000, 6000, 12000, 22500, 22500}, bench.queue.delivered)
		// It begins again from the shortest.
		bench.endpoint.answerWith(refuse(503, "", 3))
		bench.queue.add(3)
		bench.waits.over <- now
		assert.Equal(t, 1500*time.Millisecond, <-bench.waits.asked)
	})
}

func TestDelivery_Run_Ugly(t *testing.T) {
	t.Run("QueueFails", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.queue.pending = errors.New("disk")
		_, err := flush(t, bench)
		require.ErrorContains(t, err, "disk")
		assert.Equal(t, "the journal cannot be read or written", bench.Status().Brief)
		bench.queue.pending, bench.queue.settle = nil, errors.New("full")
		bench.queue.keep(1)
		_, err = flush(t, bench)
		require.ErrorContains(t, err, "full")
		bench.queue.settle = nil
		_, err = flush(t, bench)
		require.NoError(t, err)
		assert.Equal(t, []int64{1}, bench.queue.delivered)
	})
	t.Run("NobodyAnswers", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.Close()
		bench.queue.keep(1)
		_, err := flush(t, bench)
		require.ErrorIs(t, err, journal.ErrNotDelivered)
		assert.NotContains(t, err.Error(), "api/v2/write")
		assert.Equal(t, "the endpoint does not answer", bench.Status().Brief)
		assert.Equal(t, 1, bench.queue.left())
	})
	t.Run("NobodyKnowsTheCertificate", func(t *testing.T) {
		asked := false
		secured := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
		secured.Config.ErrorLog = log.New(io.Discard, "", 0)
		secured.StartTLS()
		defer secured.Close()
		bench := startBench(t, func(config *journal.Config) { config.URL = secured.URL })
		bench.queue.keep(1)
		_, err := flush(t, bench)
		require.ErrorContains(t, err, "no answer: tls: failed to verify certificate")
		assert.Equal(t, 1, bench.queue.left())
		secured.Close()
		assert.False(t, asked, "the token stays here")
	})
	t.Run("LongMessageWithTheTokenAtTheCut", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
			http.Error(writer, strings.Repeat("x", 1024-len(token)/2)+token+strings.Repeat("y", 1<<20), http.StatusServiceUnavailable)
		})
		bench.queue.keep(1)
		_, err := flush(t, bench)
		require.ErrorContains(t, err, "xxx***yyy …")
		assert.NotContains(t, err.Error(), token[:len(token)/2])
	})
	t.Run("EndpointRepeatsTheToken", func(t *testing.T) {
		bench := startBench(t, nil)
		bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) {
			http.Error(writer, "bad token "+token, http.StatusUnauthorized)
		})
		bench.queue.keep(1)
		_, err := flush(t, bench)
		require.ErrorContains(t, err, "bad token ***")
		assert.NotContains(t, bench.Status().LastError, token)
	})
}

// A slow endpoint gets as much as it can take, and the log has each state once.
func TestDelivery_Log_Good(t *testing.T) {
	bench := startBench(t, func(config *journal.Config) { config.BatchPoints = 8 })
	tooMany := func(most int) func(http.ResponseWriter, []string) {
		return func(writer http.ResponseWriter, lines []string) {
			if len(lines) > most {
				http.Error(writer, "too slow", http.StatusGatewayTimeout)
				return
			}
			writer.WriteHeader(http.StatusNoContent)
		}
	}
	bench.endpoint.answerWith(tooMany(0))
	for id := range int64(40) {
		bench.queue.keep(id + 1)
	}
	for range 3 {
		_, err := flush(t, bench)
		require.ErrorIs(t, err, journal.ErrNotDelivered)
	}
	bench.endpoint.answerWith(tooMany(3))
	for _, left := range []int{37, 34} { // 1 and 2 are taken, 4 are not
		_, err := flush(t, bench)
		require.ErrorIs(t, err, journal.ErrNotDelivered)
		assert.Equal(t, left, bench.queue.left())
	}
	assert.Equal(t, 1, strings.Count(bench.logs.String(), "\n"))
	assert.Contains(t, bench.logs.String(), `level=ERROR msg="journal entries are kept and tried again" endpoint=`+bench.endpoint.URL+"/influx")
	bench.endpoint.answerWith(func(writer http.ResponseWriter, lines []string) {
		if len(lines) == 1 {
			writer.WriteHeader(http.StatusNoContent)
			return
		}
		assert.Empty(t, bench.Status().LastError, "while it delivers again the status says so")
		tooMany(8)(writer, lines)
	})
	_, err := flush(t, bench)
	require.NoError(t, err)
	assert.Zero(t, bench.queue.left())
	assert.IsIncreasing(t, bench.queue.delivered)
	assert.Equal(t, 2, strings.Count(bench.logs.String(), "\n"))
	assert.Contains(t, bench.logs.String(), `level=INFO msg="journal entries are delivered again"`)
}

// If an answer is lost or damaged on its way, the points are kept, sent again unchanged,
// and settled once.
func TestDelivery_Answers_Ugly(t *testing.T) {
	for name, answer := range map[string]func(writer http.ResponseWriter, over <-chan struct{}){
		"TooLate": func(_ http.ResponseWriter, over <-chan struct{}) { <-over },
		"StopsInTheMiddle": func(writer http.ResponseWriter, over <-chan struct{}) {
			writer.Header().Set("Content-Length", "100")
			writer.WriteHeader(http.StatusServiceUnavailable)
			assert.NoError(t, http.NewResponseController(writer).Flush())
			<-over
		},
		"CutsTheLine": func(writer http.ResponseWriter, _ <-chan struct{}) {
			connection, _, err := http.NewResponseController(writer).Hijack()
			if assert.NoError(t, err) {
				assert.NoError(t, connection.Close())
			}
		},
		"NoHTTP": func(writer http.ResponseWriter, _ <-chan struct{}) {
			connection, _, err := http.NewResponseController(writer).Hijack()
			if assert.NoError(t, err) {
				_, err = connection.Write([]byte("220 mail.example.org ESMTP\r\n"))
				assert.NoError(t, errors.Join(err, connection.Close()))
			}
		},
		"NeverEnds": func(writer http.ResponseWriter, _ <-chan struct{}) {
			writer.WriteHeader(http.StatusBadGateway)
			for {
				if _, err := writer.Write(make([]byte, 1<<16)); err != nil {
					return // The delivery has read enough.
				}
			}
		},
		"Bomb": func(writer http.ResponseWriter, _ <-chan struct{}) {
			writer.Header().Set("Content-Encoding", "gzip")
			writer.WriteHeader(http.StatusBadGateway)
			bomb := gzip.NewWriter(writer)
			for {
				if _, err := bomb.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bench := startBench(t, func(config *journal.Config) {
				// The others end by themselves, or when enough of them is read.
				if name == "TooLate" || name == "StopsInTheMiddle" {
					config.RequestTimeout = 300 * time.Millisecond
				}
			})
			over := make(chan struct{})
			bench.endpoint.answerWith(func(writer http.ResponseWriter, _ []string) { answer(writer, over) })
			bench.queue.keep(1, 2)
			_, err := flush(t, bench)
			close(over)
			require.ErrorIs(t, err, journal.ErrNotDelivered)
			assert.Less(t, len(err.Error()), 2048)
			assert.Equal(t, 2, bench.queue.left())
			bench.endpoint.answerWith(nil)
			_, err = flush(t, bench)
			require.NoError(t, err)
			assert.Equal(t, []int64{1, 2}, bench.queue.delivered)
			assert.Equal(t, [][]int64{{1, 2}, {1}, {2}}, bench.endpoint.ids(), "the same points again")
		})
	}
}

func TestDelivery_Stop_Good(t *testing.T) {
	bench := startBench(t, nil)
	bench.queue.add(1)
	bench.endpoint.awaitRequests(t, 1)
	bench.queue.add(2)
	<-bench.waits.asked
	require.NoError(t, bench.Stop(context.Background()))
	assert.Equal(t, []int64{1, 2}, bench.queue.delivered)
	require.NoError(t, bench.Stop(context.Background()))
	_, err := bench.Flush(context.Background())
	require.ErrorIs(t, err, journal.ErrStopped)
}

func TestDelivery_Stop_Ugly(t *testing.T) {
	bench := startBench(t, nil)
	asked, release := make(chan struct{}), make(chan struct{})
	bench.endpoint.answerWith(func(http.ResponseWriter, []string) {
		asked <- struct{}{}
		<-release
	})
	bench.queue.add(1)
	<-asked
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- bench.Stop(ctx) }()
	flushCtx, cancelFlush := context.WithCancel(context.Background())
	cancelFlush()
	_, err := bench.Flush(flushCtx)
	require.ErrorIs(t, err, context.Canceled)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	close(release)
	assert.Equal(t, 1, bench.queue.left(), "it stays in the queue")
	assert.Empty(t, bench.logs.String(), "nothing is wrong with the endpoint")
}

func TestDelivery_Start_Bad(t *testing.T) {
	for name, test := range map[string]struct {
		config journal.Config
		want   string
	}{
		"Queue":    {journal.Config{URL: "http://h", Bucket: "b"}, "Queue"},
		"URL":      {journal.Config{Queue: &queue{}, Bucket: "b"}, "URL is no http or https URL"},
		"Scheme":   {journal.Config{Queue: &queue{}, Bucket: "b", URL: "ftp://h"}, "URL is no http or https URL"},
		"User":     {journal.Config{Queue: &queue{}, Bucket: "b", URL: "http://u:" + token + "@h"}, "URL has a user"},
		"Query":    {journal.Config{Queue: &queue{}, Bucket: "b", URL: "http://h?token=" + token}, "URL has a user, a query"},
		"Broken":   {journal.Config{Queue: &queue{}, Bucket: "b", URL: "http://" + token + "\x7f"}, "URL is no http"},
		"Bucket":   {journal.Config{Queue: &queue{}, URL: "http://h"}, "Bucket"},
		"Negative": {journal.Config{Queue: &queue{}, URL: "http://h", Bucket: "b", BatchPoints: -1}, "BatchPoints"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := journal.Start(test.config)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), token)
		})
	}
}

func TestDelivery_Unstarted_Bad(t *testing.T) {
	for _, delivery := range []*journal.Delivery{nil, {}} {
		_, err := delivery.Flush(t.Context())
		require.ErrorIs(t, err, journal.ErrStopped)
		assert.ErrorContains(t, err, "journal.Flush: ")
		assert.ErrorIs(t, delivery.Stop(t.Context()), journal.ErrStopped)
		assert.Equal(t, journal.Status{}, delivery.Status())
	}
	bench := startBench(t, func(config *journal.Config) { config.Logger = &slog.Logger{} })
	_, err := bench.Flush(nil) //nolint:staticcheck // that is the mistake
	require.ErrorContains(t, err, "journal.Flush: the context is nil")
	require.ErrorContains(t, bench.Stop(nil), "journal.Stop: the context is nil") //nolint:staticcheck // that is the mistake
	bench.queue.keep(1)
	_, err = flush(t, bench)
	assert.NoError(t, err, "it goes on")
}
