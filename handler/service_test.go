// SPDX-License-Identifier: EUPL-1.2

package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/handler"
	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/subjects"
)

// block makes the store wait in the middle of its work until release is called.
func (bench *bench) block() (release func()) {
	bench.t.Helper()
	require.NoError(bench.t, bench.store.Set("blocked", "key", ""))
	entered, released := make(chan struct{}), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := bench.store.GetEntries(store.PageQuery{Group: "blocked", Fits: func(*store.Entry) bool {
			close(entered)
			<-released
			return true
		}})
		assert.NoError(bench.t, err)
	}()
	<-entered
	return func() {
		close(released)
		<-done
	}
}

// awaitAnswered waits until an endpoint has counted the given number of replies. It counts
// a reply after sending it.
func (bench *bench) awaitAnswered(endpoint string, count uint64) {
	bench.t.Helper()
	require.Eventually(bench.t, func() bool { return bench.service.Statistics()[endpoint].Answered == count }, patience, time.Millisecond)
}

// awaitRequests returns when the given number of requests is in hand.
func (bench *bench) awaitRequests(count uint64) {
	bench.t.Helper()
	require.Eventually(bench.t, func() bool { return bench.service.Queue().Requests == count }, patience, time.Millisecond)
}

// send sends a request, with headers given as name and value in turn, and does not
// wait; receive gives the reply.
func (bench *bench) send(subject, body string, headers ...string) (receive func() *nats.Msg) {
	bench.t.Helper()
	message := newMessage(subject, body, headers...)
	message.Reply = bench.client.NewInbox()
	subscription, err := bench.client.SubscribeSync(message.Reply)
	require.NoError(bench.t, err)
	require.NoError(bench.t, bench.client.PublishMsg(message))
	return func() *nats.Msg {
		bench.t.Helper()
		message, err := subscription.NextMsg(patience)
		require.NoError(bench.t, err)
		require.NoError(bench.t, subscription.Unsubscribe())
		return message
	}
}

func (bench *bench) info() micro.Info {
	bench.t.Helper()
	return ask[micro.Info](bench, "$SRV.INFO.storebus", "")
}

func TestService_Serve_Good(t *testing.T) {
	bench := startService(t, handler.Config{Instance: "one", Version: "1.2.3"})
	info := bench.info()

	t.Run("SaysWhoItIs", func(t *testing.T) {
		assert.Equal(t, handler.ServiceName, info.Name)
		assert.Equal(t, "1.2.3", info.Version)
		assert.Equal(t, bench.store.ID(), info.Metadata["store"])
		assert.Equal(t, "one", info.Metadata["instance"])
		assert.Equal(t, "memory", info.Metadata["durability"])
		assert.Equal(t, "store", info.Metadata["prefix"])
		started, err := time.Parse(time.RFC3339Nano, info.Metadata["started"])
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now(), started, time.Minute)
	})
	t.Run("NamesEveryEndpoint", func(t *testing.T) {
		writes := map[string]string{}
		for _, endpoint := range info.Endpoints {
			assert.Equal(t, handler.ServiceName, endpoint.QueueGroup)
			assert.NotEmpty(t, endpoint.Metadata["description"])
			writes[endpoint.Name+" "+endpoint.Subject] = endpoint.Metadata["writes"]
		}
		expected := map[string]string{}
		for _, verb := range subjects.TenantVerbs() {
			expected[fmt.Sprintf("%s store.*.%s", verb, verb)] = fmt.Sprint(verb.Writes())
		}
		for _, verb := range subjects.RawVerbs() {
			expected[fmt.Sprintf("%s_raw store.*.%s.*.*", verb, verb)] = fmt.Sprint(verb.Writes())
		}
		for _, verb := range subjects.AdminVerbs() {
			expected[fmt.Sprintf("admin_%s store.admin.%s", verb, verb)] = fmt.Sprint(verb.Writes())
		}
		assert.Equal(t, expected, writes)
	})
	t.Run("TellsItsFigures", func(t *testing.T) {
		ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
		assert.ErrorIs(t, bench.refuse("store.acme.set", `{}`), subjects.ErrBadRequest)
		bench.awaitAnswered("set", 2)
		stats := ask[micro.Stats](bench, "$SRV.STATS.storebus", "")
		for _, endpoint := range stats.Endpoints {
			if endpoint.Name != "set" {
				continue
			}
			var figures handler.EndpointStatistics
			require.NoError(t, json.Unmarshal(endpoint.Data, &figures))
			assert.Equal(t, uint64(2), figures.Answered)
			assert.Equal(t, map[subjects.ErrorName]uint64{"bad_request": 1}, figures.Errors)
			assert.Positive(t, figures.Latency.P50)
			assert.LessOrEqual(t, figures.Latency.P50, figures.Latency.P99)
			assert.Equal(t, uint64(handler.DefaultQueueLimit), figures.Queue.RequestLimit)
		}
		assert.Equal(t, uint64(2), bench.service.Statistics()["set"].Answered)
	})
}

// overlap reports whether some subject matches both patterns.
func overlap(one, other string) bool {
	left, right := strings.Split(one, "."), strings.Split(other, ".")
	for index := range min(len(left), len(right)) {
		switch {
		case left[index] == ">" || right[index] == ">":
			return true
		case left[index] != right[index] && left[index] != "*" && right[index] != "*":
			return false
		}
	}
	return len(left) == len(right)
}

func TestService_Serve_Good_NoTwoSubjectsOverlap(t *testing.T) {
	bench := startService(t, handler.Config{})
	endpoints := bench.info().Endpoints
	require.NotEmpty(t, endpoints)
	for index, one := range endpoints {
		for _, other := range endpoints[index+1:] {
			assert.False(t, overlap(one.Subject, other.Subject), "%s and %s", one.Subject, other.Subject)
		}
		assert.False(t, overlap(one.Subject, "store.events.*.*"), "%s and the events", one.Subject)
	}
}

func TestService_Serve_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})

	t.Run("AnUnknownVerbHasNoResponder", func(t *testing.T) {
		for _, subject := range []string{"store.acme.sett", "store.acme.status", "store.admin.restart", "store.acme.set.config", "store.acme.list.a.b"} {
			_, err := bench.client.Request(subject, nil, patience)
			assert.ErrorIs(t, err, nats.ErrNoResponders, subject)
		}
	})
	t.Run("AdminIsNoNamespace", func(t *testing.T) {
		for _, endpoint := range bench.info().Endpoints {
			verb, tenant := strings.CutPrefix(endpoint.Subject, "store.*.")
			if !tenant || strings.Contains(verb, ".") {
				continue
			}
			failure := bench.refuse("store.admin."+verb, `{}`)
			assert.ErrorIs(t, failure, subjects.ErrBadRequest)
			assert.Equal(t, "namespace", failure.Field)
		}
	})
	t.Run("ANamespaceOutsideTheRules", func(t *testing.T) {
		assert.Equal(t, "namespace", bench.refuse("store.a_b.get", `{"key":"k"}`).Field)
		assert.Equal(t, "namespace", bench.refuse("store."+strings.Repeat("n", 65)+".get", `{"key":"k"}`).Field)
	})
	t.Run("NothingIsRequiredTwice", func(t *testing.T) {
		_, err := handler.Announce(t.Context(), handler.Config{})
		assert.ErrorContains(t, err, "required")
		_, err = handler.Announce(t.Context(), handler.Config{Store: bench.store, Connection: bench.client, QueueLimit: -1})
		assert.ErrorContains(t, err, "negative")
	})
}

func TestService_Serve_Bad_WithoutPermission(t *testing.T) {
	broker := startBroker(t, &server.Options{Users: []*server.User{{
		Username: "sidecar", Password: "p",
		Permissions: &server.Permissions{Subscribe: &server.SubjectPermission{Deny: []string{"store.*.set"}}},
	}}})
	opened := openStore(t, store.StoreConfig{})
	service, err := handler.Announce(t.Context(), handler.Config{
		Store: opened, Connection: connect(t, broker, nats.UserInfo("sidecar", "p")), AloneAtStart: true,
	})
	require.NoError(t, err)
	t.Cleanup(service.Close)
	err = service.Serve(t.Context())
	assert.ErrorIs(t, err, nats.ErrPermissionViolation)
	assert.ErrorContains(t, err, "store.>")
}

func TestService_Handle_Ugly_WhereTheReplyGoes(t *testing.T) {
	bench := startService(t, handler.Config{})
	// A request that is answered, sent behind the others on the same subject, says
	// that they have been dealt with.
	settle := func(verb string) { bench.request("store.acme."+verb, `{"key":"settled","value":"v"}`) }

	t.Run("AForbiddenReplyIsNotExecuted", func(t *testing.T) {
		events, err := bench.client.SubscribeSync("store.events.>")
		require.NoError(t, err)
		replies := []string{"store.events.acme.config", "store.other.set", "$JS.API.STREAM.DELETE.x", strings.Repeat("r", 513)}
		for index, reply := range replies {
			body := fmt.Sprintf(`{"key":"forbidden-%d","value":"v"}`, index)
			require.NoError(t, bench.client.PublishRequest("store.acme.set", reply, []byte(body)))
		}
		settle("set")
		for index := range replies {
			assert.ErrorIs(t, bench.refuse("store.acme.get", fmt.Sprintf(`{"key":"forbidden-%d"}`, index)), subjects.ErrNotFound)
		}
		assert.Equal(t, uint64(len(replies)), bench.service.Statistics()["set"].RefusedReplies)
		assert.Contains(t, bench.logs.String(), "request not executed")
		pending, _, err := events.Pending()
		require.NoError(t, err)
		assert.Zero(t, pending)
	})
	t.Run("AWriteWithoutReplyIsExecuted", func(t *testing.T) {
		require.NoError(t, bench.client.Publish("store.acme.set", []byte(`{"key":"silent","value":"v"}`)))
		require.NoError(t, bench.client.Publish("store.acme.set", []byte(`{"key":"wrong"}`)))
		settle("set")
		assert.Equal(t, "v", *ask[subjects.Entry](bench, "store.acme.get", `{"key":"silent"}`).Value)
	})
	t.Run("AReadWithoutReplyIsDropped", func(t *testing.T) {
		require.NoError(t, bench.client.Publish("store.acme.get", []byte(`{"key":"silent"}`)))
		settle("get")
		assert.Equal(t, uint64(1), bench.service.Statistics()["get"].WithoutReply)
	})
}

func TestService_Queue_Bad(t *testing.T) {
	t.Run("RequestsOverTheLimitAreRefusedAtOnce", func(t *testing.T) {
		bench := startService(t, handler.Config{QueueLimit: 2})
		release := bench.block()
		first, second := bench.send("store.acme.set", `{"key":"1","value":"v"}`), bench.send("store.acme.set", `{"key":"2","value":"v"}`)
		failure := bench.refuse("store.acme.set", `{"key":"3","value":"v"}`)
		assert.ErrorIs(t, failure, subjects.ErrUnavailable)
		assert.Equal(t, "store.Set: default/3: too many requests are in hand; wait for replies and try again", failure.Message)
		queue := bench.service.Queue()
		assert.Equal(t, uint64(2), queue.Requests)
		assert.Positive(t, queue.Bytes)
		release()
		for _, receive := range []func() *nats.Msg{first, second} {
			assert.Empty(t, receive().Header)
		}
		assert.ErrorIs(t, bench.refuse("store.acme.get", `{"key":"3"}`), subjects.ErrNotFound)
	})
	t.Run("BytesOverTheLimitAreRefusedAtOnce", func(t *testing.T) {
		bench := startService(t, handler.Config{QueueBytes: 10_000})
		release := bench.block()
		first := bench.send("store.acme.set.g.1", strings.Repeat("v", 9_000))
		assert.ErrorIs(t, bench.refuse("store.acme.set.g.2", strings.Repeat("v", 2_000)), subjects.ErrUnavailable)
		release()
		assert.Equal(t, `{"revision":1,"created":true}`, string(first().Data))
	})
	t.Run("ARequestLargerThanTheLimitIsTakenAlone", func(t *testing.T) {
		bench := startService(t, handler.Config{QueueBytes: 100})
		reply := bench.request("store.acme.set.g.1", strings.Repeat("v", 9_000))
		assert.Equal(t, `{"revision":1,"created":true}`, string(reply.Data))
	})
	t.Run("ThePlaceIsGivenBackByEveryEnd", func(t *testing.T) {
		bench := startService(t, handler.Config{QueueLimit: 1})
		for range 3 {
			ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
			assert.ErrorIs(t, bench.refuse("store.acme.get", `{"key":"none"}`), subjects.ErrNotFound)
			assert.ErrorIs(t, bench.refuse("store.acme.get", `{}`), subjects.ErrBadRequest)
			ask[subjects.ListReply](bench, "store.acme.list", `{}`)
		}
		assert.Eventually(t, func() bool { return bench.service.Queue().Requests == 0 && bench.service.Queue().Bytes == 0 }, patience, time.Millisecond)
	})
	t.Run("WhoWaitsForAChangeHoldsNoPlace", func(t *testing.T) {
		bench := startService(t, handler.Config{QueueLimit: 1})
		receive := bench.send("store.acme.changes", `{"after":0,"wait":"30s"}`)
		ask[subjects.SetReply](bench, "store.acme.set", `{"key":"k","value":"v"}`)
		var page subjects.ChangesReply
		require.NoError(t, json.Unmarshal(receive().Data, &page))
		assert.Len(t, page.Changes, 1)
	})
}

func TestService_Stop_Good(t *testing.T) {
	t.Run("AnswersWhatIsInHand", func(t *testing.T) {
		bench := startService(t, handler.Config{})
		release := bench.block()
		receive := bench.send("store.acme.set", `{"key":"k","value":"v"}`)
		require.NoError(t, bench.client.Flush())
		stopped := make(chan error, 1)
		go func() { stopped <- bench.service.Stop(context.Background()) }()
		release()
		assert.Equal(t, `{"revision":1,"created":true}`, string(receive().Data))
		require.NoError(t, <-stopped)
		_, err := bench.client.Request("store.acme.get", nil, patience)
		assert.ErrorIs(t, err, nats.ErrNoResponders)
	})
	t.Run("AnswersWhoWaitsForAChangeAtOnce", func(t *testing.T) {
		bench := startService(t, handler.Config{})
		receive := bench.send("store.acme.changes", `{"after":0,"wait":"30s"}`)
		require.NoError(t, bench.client.Flush())
		require.NoError(t, bench.service.Stop(context.Background()))
		assert.Contains(t, string(receive().Data), `{"changes":[],"next":0,`)
	})
	t.Run("MayBeCalledFromManyAtOnce", func(t *testing.T) {
		bench := startService(t, handler.Config{})
		stopped := make(chan error)
		for range 8 {
			go func() { stopped <- bench.service.Stop(context.Background()) }()
		}
		for range 8 {
			assert.NoError(t, <-stopped)
		}
	})
}

func TestService_Stop_Bad(t *testing.T) {
	bench := startService(t, handler.Config{})
	release := bench.block()
	receive := bench.send("store.acme.set", `{"key":"k","value":"v"}`)
	require.NoError(t, bench.client.Flush())
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, bench.service.Stop(ctx), context.DeadlineExceeded)
	release()
	receive()
}

func TestService_Handle_Ugly_AClosedStore(t *testing.T) {
	bench := startService(t, handler.Config{})
	require.NoError(t, bench.store.Close())
	for subject, body := range map[string]string{
		"store.acme.set": `{"key":"k","value":"v"}`, "store.acme.get": `{"key":"k"}`, "store.acme.list": `{}`,
		"store.acme.changes": `{"after":0}`, "store.admin.status": ``,
	} {
		assert.ErrorIs(t, bench.refuse(subject, body), subjects.ErrUnavailable, subject)
	}
}

func TestService_Handle_Ugly_RepliesThatDoNotFit(t *testing.T) {
	bench := startService(t, handler.Config{Store: openStore(t, store.StoreConfig{})})
	require.NoError(t, bench.store.Set("acme:files", "large", strings.Repeat("v", 2<<20)))
	require.NoError(t, bench.store.Set("acme:files", "odd", strings.Repeat("\x01", 500<<10)))
	for outcome, request := range map[string]struct{ subject, body, advice string }{
		"JSON":          {"store.acme.get", `{"group":"files","key":"large"}`, "the value can be read where the broker takes more"},
		"Raw":           {"store.acme.get.files.large", ``, "the value can be read where the broker takes more"},
		"JSONAndATouch": {"store.acme.get", `{"group":"files","key":"large","ttl":"1h"}`, "the value can be read where the broker takes more"},
		"RawWouldDo":    {"store.acme.get", `{"group":"files","key":"odd"}`, "the value by itself, 512000 bytes, is the reply on store.acme.get.files.odd"},
	} {
		t.Run(outcome, func(t *testing.T) {
			failure := bench.refuse(request.subject, request.body)
			assert.ErrorIs(t, failure, subjects.ErrTooLarge)
			assert.Equal(t, uint64(1<<20), *failure.Limit)
			assert.Contains(t, failure.Message, request.advice)
		})
	}
	assert.Len(t, bench.request("store.acme.get.files.odd", "").Data, 500<<10)
	assert.Equal(t, "large", ask[subjects.ListReply](bench, "store.acme.list", `{"group":"files","keys_only":true}`).Entries[0].Key)
}

// If the reply to a write would not fit into a message with its headers, nothing is
// changed.
func TestService_Handle_Ugly_RepliesWhoseHeadersDoNotFit(t *testing.T) {
	bench := startService(t, handler.Config{Store: openStore(t, store.StoreConfig{})})
	require.NoError(t, bench.store.Set("acme:files", "large", strings.Repeat("v", 1<<20-10)))
	failure := bench.refuse("store.acme.get.files.large", "", subjects.HeaderTTL, "1h")
	assert.ErrorIs(t, failure, subjects.ErrTooLarge)
	entry, err := bench.store.GetEntry("acme:files", "large")
	require.NoError(t, err)
	assert.Zero(t, entry.ExpiresAt, "it was not touched")
}

func TestService_Handle_Ugly_ManyAtOnce(t *testing.T) {
	bench := startService(t, handler.Config{QueueLimit: 64})
	const requests = 2_000
	answered, refused := 0, 0
	receive := make([]func() *nats.Msg, requests)
	for index := range receive {
		receive[index] = bench.send("store.acme.set", fmt.Sprintf(`{"key":"%d","value":"v"}`, index))
	}
	for _, next := range receive {
		if next().Header.Get(subjects.HeaderErrorCode) == "503" {
			refused++
		} else {
			answered++
		}
	}
	// Every request was answered, and every success is there.
	assert.Equal(t, requests, answered+refused)
	assert.Equal(t, uint64(answered), ask[subjects.StatusReply](bench, "store.admin.status", "").Entries)
}
