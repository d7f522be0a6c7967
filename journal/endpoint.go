// SPDX-License-Identifier: EUPL-1.2

package journal

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// endpoint is the destination of the lines.
type endpoint struct {
	address string
	// shown is the address as anybody may see it.
	shown  string
	token  *token
	client *http.Client
	now    func() time.Time
	logger *slog.Logger

	compressor *gzip.Writer
}

// CheckEndpoint checks URL, Bucket, Token and TokenFile, and reads that file. The error
// names the fault and never repeats a secret.
//
//	err := journal.Config{URL: "http://127.0.0.1:8086", Bucket: "journal"}.CheckEndpoint()
func (config Config) CheckEndpoint() error {
	_, err := newEndpoint(&config)
	return err
}

// target is the address for lines, and the address of the endpoint without secrets.
func (config *Config) target() (address, shown string, err error) {
	base, err := url.Parse(config.URL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		// The cause would repeat the address.
		return "", "", errors.New("URL is no http or https URL")
	}
	if base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return "", "", errors.New("URL has a user, a query or a fragment: use scheme, host and path, and Token for what authorises")
	}
	if config.Bucket == "" {
		return "", "", errors.New("no Bucket: name the one that points go to")
	}
	target := base.JoinPath("api/v2/write")
	query := url.Values{"bucket": {config.Bucket}, "precision": {"ns"}}
	if config.Organisation != "" {
		query.Set("org", config.Organisation)
	}
	target.RawQuery = query.Encode()
	return target.String(), base.String(), nil
}

func newEndpoint(config *Config) (*endpoint, error) {
	address, shown, err := config.target()
	if err != nil {
		return nil, err
	}
	if config.Token != "" && config.TokenFile != "" {
		return nil, errors.New("both Token and TokenFile are given: give one of them")
	}
	token, err := newToken(config)
	if err != nil {
		return nil, err
	}
	compressor, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	return &endpoint{
		compressor: compressor,

		address: address,
		shown:   shown,
		token:   token,
		now:     config.Now,
		logger:  config.Logger,
		client: &http.Client{
			Transport: config.Transport,
			Timeout:   config.RequestTimeout,
			// A redirect would take the token to somebody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// post writes lines. A token that is refused is read again from its file, and if it is
// another one by now, the lines are sent once more.
func (endpoint *endpoint) post(ctx context.Context, lines []byte) answer {
	body, err := endpoint.compress(lines)
	if err != nil {
		return answer{verdict: unavailable, message: err.Error()}
	}
	answer := endpoint.send(ctx, body)
	if answer.status != http.StatusUnauthorized && answer.status != http.StatusForbidden {
		return answer
	}
	switch changed, err := endpoint.token.readAgain(); {
	case err != nil:
		answer.message += "; " + err.Error()
	case changed:
		endpoint.logger.Info("the journal's token was refused and has been read again", "file", endpoint.token.file)
		return endpoint.send(ctx, body)
	}
	return answer
}

func (endpoint *endpoint) send(ctx context.Context, body []byte) answer {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint.address, bytes.NewReader(body))
	if err != nil {
		return answer{verdict: misdirected, message: "the request cannot be made"}
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	request.Header.Set("Content-Encoding", "gzip")
	request.Header.Set("Accept", "application/json")
	if endpoint.token.text != "" {
		request.Header.Set("Authorization", "Token "+endpoint.token.text)
	}
	response, err := endpoint.client.Do(request)
	if err != nil {
		return answer{verdict: unavailable, message: endpoint.token.hide(rootOf(err).Error())}
	}
	defer func() { _ = response.Body.Close() }() // the needed part has been read
	return endpoint.read(response)
}

func (endpoint *endpoint) read(response *http.Response) answer {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	// The token goes first: a cut could leave a part of it.
	body = []byte(endpoint.token.hide(string(body)))
	answer := answer{
		status:     response.StatusCode,
		message:    shorten(messageOf(body)),
		retryAfter: retryAfterOf(response.Header.Get("Retry-After"), endpoint.now()),
	}
	if isSuccess(answer.status) {
		answer.judgeSuccess(response, body, err)
	} else {
		// An error while reading the message changes nothing: the status decides.
		answer.verdict = verdictOf(answer.status, answer.message)
	}
	return answer
}

// rootOf is the failure of a request without its address.
func rootOf(err error) error {
	if failure, ok := errors.AsType[*url.Error](err); ok {
		return failure.Err
	}
	return err
}

// compress gives lines as they travel. The writer, which is large, serves every request:
// there is one at a time.
func (endpoint *endpoint) compress(lines []byte) ([]byte, error) {
	compressed := &bytes.Buffer{}
	endpoint.compressor.Reset(compressed)
	_, err := endpoint.compressor.Write(lines)
	err = errors.Join(err, endpoint.compressor.Close())
	return compressed.Bytes(), err
}

// text describes an answer, for an operator.
func (answer *answer) text() string {
	if answer.status == 0 {
		return "no answer: " + answer.message
	}
	text := answer.brief()
	if answer.message != "" {
		text += ": " + answer.message
	}
	return text
}

// brief describes an answer without the endpoint's own words, which can repeat data of others.
func (answer *answer) brief() string {
	switch {
	case answer.status == 0:
		return "the endpoint does not answer"
	case answer.status >= 300 && answer.status < 400:
		return fmt.Sprintf("the endpoint answers %d, and redirects are not followed", answer.status)
	}
	return strings.TrimSpace(fmt.Sprintf("the endpoint answers %d %s", answer.status, http.StatusText(answer.status))) + answer.note
}
