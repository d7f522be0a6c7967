// SPDX-License-Identifier: EUPL-1.2

package load

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"dappco.re/go/storebus/subjects"
)

// group is the group of every entry.
const group = "bench"

// statusHeader is in the replies of NATS itself, such as no responders or no such message.
const statusHeader = "Status"

// Operation is one kind of request: how a client builds the request, and how it reads the
// reply. Nothing else differs between operations.
type Operation struct {
	// Request returns the subject, and input.Buffer with the payload appended.
	Request func(input Input) (subject string, payload []byte)
	// Accept decodes a reply and returns the revision or sequence in it. It returns an
	// error unless the reply is the expected success.
	Accept func(reply *nats.Msg) (revision uint64, err error)
}

// Input is the key and the value of a request. Buffer is empty and may be grown.
type Input struct {
	Key           int
	Value, Buffer []byte
}

// Set is a set with a JSON body.
func Set(space subjects.Space, places Places) Operation { return setOperation(space, places, nil) }

// setOperation is a set. If timeToLive is not nil, it decides the time to live of each key.
func setOperation(space subjects.Space, places Places, timeToLive func(key int) time.Duration) Operation {
	begin := keyBody(space, places, subjects.VerbSet)
	return Operation{
		Request: func(input Input) (string, []byte) {
			subject, body := begin(input)
			body = append(append(body, `","value":"`...), input.Value...)
			if timeToLive != nil {
				body = strconv.AppendInt(append(body, `","ttl":"`...), timeToLive(input.Key).Milliseconds(), 10)
				body = append(body, "ms"...)
			}
			return subject, append(body, `"}`...)
		},
		Accept: acceptSet,
	}
}

// keyBody returns a function for the subject of a verb and its JSON body. The body ends
// after the name of the key; the caller closes it.
func keyBody(space subjects.Space, places Places, verb subjects.Verb) func(Input) (subject string, body []byte) {
	requests, openings := make([]string, len(places.Namespaces)), make([]string, len(places.Groups))
	for index, namespace := range places.Namespaces {
		requests[index] = space.Request(namespace, verb)
	}
	for index, group := range places.Groups {
		openings[index] = `{"group":"` + group + `","key":"`
	}
	return func(input Input) (string, []byte) {
		namespace, group := places.of(input.Key)
		return requests[namespace], appendKey(append(input.Buffer, openings[group]...), input.Key)
	}
}

func acceptSet(reply *nats.Msg) (uint64, error) {
	var set subjects.SetReply
	if err := decodeReply(reply, &set); err != nil {
		return 0, err
	}
	return set.Revision, nil
}

// Get is a get with a JSON body.
func Get(space subjects.Space, places Places, valueBytes int) Operation {
	begin := keyBody(space, places, subjects.VerbGet)
	return Operation{
		Request: func(input Input) (string, []byte) {
			subject, body := begin(input)
			return subject, append(body, `"}`...)
		},
		Accept: func(reply *nats.Msg) (uint64, error) {
			var entry subjects.Entry
			if err := decodeReply(reply, &entry); err != nil {
				return 0, err
			}
			if entry.Value == nil {
				return 0, errors.New("the reply has no value")
			}
			return entry.Revision, checkLength(len(*entry.Value), valueBytes)
		},
	}
}

// RawSet is a set whose payload is the value.
func RawSet(space subjects.Space, namespace string) Operation {
	prefix := space.Request(namespace, subjects.VerbSet) + "." + group + "."
	return Operation{
		Request: func(input Input) (string, []byte) {
			return keySubject(prefix, input.Key), append(input.Buffer, input.Value...)
		},
		Accept: func(reply *nats.Msg) (uint64, error) {
			if _, err := acceptSet(reply); err != nil {
				return 0, err
			}
			return headerNumber(reply, subjects.HeaderRevision)
		},
	}
}

// RawGet is a get whose reply is the value.
func RawGet(space subjects.Space, namespace string, valueBytes int) Operation {
	prefix := space.Request(namespace, subjects.VerbGet) + "." + group + "."
	return Operation{
		Request: func(input Input) (string, []byte) { return keySubject(prefix, input.Key), input.Buffer },
		Accept: func(reply *nats.Msg) (uint64, error) {
			if err := refusal(reply); err != nil {
				return 0, err
			}
			revision, err := headerNumber(reply, subjects.HeaderRevision)
			if err != nil {
				return 0, err
			}
			return revision, checkLength(len(reply.Data), valueBytes)
		},
	}
}

// List is a page of a hundred entries: the keys that share all but their last two digits.
func List(space subjects.Space, namespace string, keys int) Operation {
	subject := space.Request(namespace, subjects.VerbList)
	pages := max(keys/PageKeys, 1)
	return Operation{
		Request: func(input Input) (string, []byte) {
			body := appendKey(append(input.Buffer, `{"group":"`+group+`","prefix":"`...), input.Key%pages*PageKeys)
			return subject, append(body[:len(body)-2], `","limit":100}`...)
		},
		Accept: acceptPage(keys),
	}
}

// acceptPage accepts a page of a listing with the given number of keys.
func acceptPage(keys int) func(reply *nats.Msg) (uint64, error) {
	return func(reply *nats.Msg) (uint64, error) {
		var page subjects.ListReply
		if err := decodeReply(reply, &page); err != nil {
			return 0, err
		}
		if page.Next != "" && len(page.Entries) > 0 {
			return page.Revision, nil // a page with a next holds as much as fits into a message
		}
		return page.Revision, checkLength(len(page.Entries), min(keys, PageKeys))
	}
}

// Put is the request of a put to a KV bucket: the value, acknowledged by the stream.
func Put(bucket string) Operation {
	prefix := "$KV." + bucket + "."
	return Operation{
		Request: func(input Input) (string, []byte) {
			return keySubject(prefix, input.Key), append(input.Buffer, input.Value...)
		},
		Accept: acceptAcknowledgement,
	}
}

func acceptAcknowledgement(reply *nats.Msg) (uint64, error) {
	var acknowledgement struct {
		Error *struct {
			Code        int    `json:"code"`
			Description string `json:"description"`
		} `json:"error"`
		Sequence uint64 `json:"seq"`
	}
	if err := decodeReply(reply, &acknowledgement); err != nil {
		return 0, err
	}
	if failure := acknowledgement.Error; failure != nil {
		return 0, fmt.Errorf("the stream refused: %d %s", failure.Code, failure.Description)
	}
	if acknowledgement.Sequence == 0 {
		return 0, errors.New("the acknowledgement has no sequence")
	}
	return acknowledgement.Sequence, nil
}

// Read is the request of a get from a KV bucket: a direct get of the last message of a
// subject. Its headers describe the entry.
func Read(bucket string, valueBytes int) Operation {
	prefix := "$JS.API.DIRECT.GET.KV_" + bucket + ".$KV." + bucket + "."
	return Operation{
		Request: func(input Input) (string, []byte) { return keySubject(prefix, input.Key), input.Buffer },
		Accept: func(reply *nats.Msg) (uint64, error) {
			if err := refusal(reply); err != nil {
				return 0, err
			}
			if _, err := time.Parse(time.RFC3339Nano, reply.Header.Get(jetstream.TimeStampHeaer)); err != nil {
				return 0, err
			}
			sequence, err := headerNumber(reply, jetstream.SequenceHeader)
			if err != nil {
				return 0, err
			}
			return sequence, checkLength(len(reply.Data), valueBytes)
		},
	}
}

// Commit commits a point with a number, and a text with the size of a value.
func Commit(space subjects.Space, namespace string) Operation {
	subject := space.Request(namespace, subjects.VerbJournalCommit)
	return Operation{
		Request: func(input Input) (string, []byte) {
			body := input.Buffer
			body = append(body, `{"measurement":"bench","fields":{"number":{"integer":"`...)
			body = strconv.AppendInt(body, int64(input.Key), 10)
			body = append(append(body, `"},"text":"`...), input.Value...)
			return subject, append(body, `"},"tags":{"host":"a1"}}`...)
		},
		Accept: func(reply *nats.Msg) (uint64, error) {
			var commit subjects.JournalCommitReply
			err := decodeReply(reply, &commit)
			return commit.EntryID, err
		},
	}
}

// Echo sends a value and expects it back unchanged.
func Echo(subject string, valueBytes int) Operation {
	return Operation{
		Request: func(input Input) (string, []byte) { return subject, append(input.Buffer, input.Value...) },
		Accept: func(reply *nats.Msg) (uint64, error) {
			if err := refusal(reply); err != nil {
				return 0, err
			}
			return 0, checkLength(len(reply.Data), valueBytes)
		},
	}
}

func keySubject(prefix string, key int) string {
	return string(appendKey(append(make([]byte, 0, len(prefix)+keyDigits+1), prefix...), key))
}

// decodeReply decodes the body of a reply. It returns an error if the reply is a refusal.
func decodeReply(reply *nats.Msg, target any) error {
	if err := refusal(reply); err != nil {
		return err
	}
	return json.Unmarshal(reply.Data, target)
}

// refusal returns the error in the headers of a reply, nil if there is none.
func refusal(reply *nats.Msg) error {
	if len(reply.Header) == 0 {
		return nil
	}
	if code := reply.Header.Get(subjects.HeaderErrorCode); code != "" {
		return fmt.Errorf("error %s: %s", code, reply.Header.Get(subjects.HeaderError))
	}
	if status := reply.Header.Get(statusHeader); status != "" {
		return fmt.Errorf("status %s %s", status, reply.Header.Get("Description"))
	}
	return nil
}

func headerNumber(reply *nats.Msg, name string) (uint64, error) {
	number, err := strconv.ParseUint(reply.Header.Get(name), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("header %s: %w", name, err)
	}
	return number, nil
}

func checkLength(found, expected int) error {
	if found != expected {
		return fmt.Errorf("the reply holds %d, not %d", found, expected)
	}
	return nil
}
