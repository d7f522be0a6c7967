// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// calledAdmin are the verbs of an operator that Call answers. Call lets quota read only.
var calledAdmin = []subjects.Verb{
	subjects.VerbAdminStatus, subjects.VerbAdminDescribe, subjects.VerbAdminNamespaces, subjects.VerbAdminQuota,
}

// Call is a request from within the process.
type Call struct {
	// Address is the namespace, the verb and the names, as in the subject of a request.
	Address subjects.Address
	// Header holds the headers of the request. Nil: none.
	Header nats.Header
	// Body is the JSON body. It is empty in the raw form.
	Body []byte
}

// Reply is the reply to a Call. The caller owns it.
type Reply struct {
	// Header holds the headers of a reply on the bus: Storebus-Revision in the raw form,
	// and Nats-Service-Error-Code and Nats-Service-Error if Body is an error.
	Header nats.Header
	Body   []byte
}

// Code returns the code of the error that the reply reports, such as 404, or 0 for a
// success.
func (reply Reply) Code() int {
	code, _ := strconv.Atoi(reply.Header.Get(subjects.HeaderErrorCode))
	return code
}

// caller waits for the reply to a call.
type caller struct {
	ctx   context.Context //nolint:containedctx // a changes request waits until it ends
	reply chan Reply
}

// Call answers a request that reads, without the broker. It decodes, bounds and counts
// the request like a request from the bus, and returns the same reply. An error is a
// reply too. A request that would write gets 400. If ctx ends before the reply, Call
// returns 504.
//
//	reply := service.Call(ctx, handler.Call{
//		Address: subjects.Address{Namespace: "acme", Verb: subjects.VerbGet},
//		Body:    []byte(`{"group":"config","key":"theme"}`),
//	})
func (service *Service) Call(ctx context.Context, call Call) Reply {
	endpoint, subject, err := service.called(call.Address)
	if err != nil {
		return errorReply(err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(service.serving, cancel)()
	endpoint.statistics.received.Add(1)
	request := newRequest(endpoint, &nats.Msg{Subject: subject, Header: call.Header, Data: call.Body})
	request.undecodable = false
	request.caller = &caller{ctx: ctx, reply: make(chan Reply, 1)}
	waiting := request.caller.reply
	endpoint.verb.serve(request)
	select {
	case reply := <-waiting:
		return reply
	case <-ctx.Done():
	}
	// If the wait for a change is stopped, a reply comes as well, and may have come
	// already.
	select {
	case reply := <-waiting:
		return reply
	default:
		return errorReply(subjects.ErrDeadlineExceeded.New("the call has ended before its reply"))
	}
}

// called returns the endpoint of a call, and the subject of the same request on the bus.
func (service *Service) called(address subjects.Address) (*endpoint, string, error) {
	subject := service.subjectOf(address)
	parsed, err := service.space.Parse(subject)
	switch {
	case service.serving.Err() != nil:
		return nil, "", subjects.ErrUnavailable.New("the sidecar is shutting down")
	case !address.Admin && subjects.CheckNamespace(address.Namespace) != nil:
		return nil, "", subjects.CheckNamespace(address.Namespace)
	case err != nil:
		return nil, "", err
	case parsed != address: // a verb with a dot
		return nil, "", subjects.ErrBadRequest.New(fmt.Sprintf("there is no verb %q", address.Verb))
	case !calledVerb(address):
		return nil, "", subjects.ErrBadRequest.New(fmt.Sprintf("%s does more than read: ask for it over NATS", address.Verb))
	}
	for index := range verbs {
		verb := &verbs[index]
		if verb.name == address.Verb && verb.form == formOf(address) {
			return service.endpoints[verb.endpointName()], subject, nil
		}
	}
	return nil, "", subjects.ErrBadRequest.New(fmt.Sprintf("there is no verb %s", address.Verb))
}

func (service *Service) subjectOf(address subjects.Address) string {
	switch formOf(address) {
	case formAdmin:
		return service.space.Admin(address.Verb)
	case formRaw:
		return service.space.Raw(address.Namespace, address.Verb, address.Group, address.Key)
	}
	return service.space.Request(address.Namespace, address.Verb)
}

func formOf(address subjects.Address) form {
	switch {
	case address.Admin:
		return formAdmin
	case address.Raw:
		return formRaw
	}
	return formJSON
}

func calledVerb(address subjects.Address) bool {
	if address.Admin {
		return slices.Contains(calledAdmin, address.Verb)
	}
	return !address.Verb.Writes()
}

// refuseCall returns 400 for a call that would change something with a verb that reads.
func (request *request) refuseCall(field string) error {
	if request.caller == nil {
		return nil
	}
	return subjects.BadField(field, field+" changes what is stored: ask for it over NATS")
}

// until returns the context that ends the wait of a request for a change.
func (request *request) until() context.Context {
	if request.caller != nil {
		return request.caller.ctx
	}
	return request.service.serving
}

// deliver passes the answer to the caller, who owns it afterwards.
func (caller *caller) deliver(answer *answer) {
	caller.reply <- Reply{Header: maps.Clone(answer.header), Body: answer.body}
	answer.body = nil
}

func errorReply(err error) Reply {
	answer := takeAnswer()
	defer answer.release()
	wire, ok := err.(*subjects.Error) //nolint:errorlint // those of this package are not wrapped
	if !ok {
		wire = subjects.ErrInternal.New(err.Error())
	}
	answer.setError(wire)
	reply := Reply{Header: maps.Clone(answer.header), Body: answer.body}
	answer.body = nil
	return reply
}
