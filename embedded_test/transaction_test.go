// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// transact executes a transaction that must succeed as a request.
func (tenant *tenant) transact(t *testing.T, body string) transactionReply {
	t.Helper()
	reply := decode[transactionReply](t, tenant.call(t, "transaction", body))
	require.NotNil(t, reply.Results, "results is always there")
	return reply
}

// numberOf returns a number of a reply, 0 if the reply has none.
func numberOf(number *uint64) uint64 {
	if number == nil {
		return 0
	}
	return *number
}

func TestTransaction_Operations_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "config", "theme", "dark")
	acme.set(t, "old", "a", "v")
	acme.set(t, "old", "b", "v")
	acme.set(t, "config", "gone", "v")
	events := acme.events(t)

	reply := acme.transact(t, `{"then":[
		{"op":"set","group":"config","key":"theme","value":"light","if_revision":1},
		{"op":"get","group":"config","key":"theme"},
		{"op":"increment","key":"n","by":5},
		{"op":"increment","key":"n"},
		{"op":"touch","group":"config","key":"theme","ttl":"never"},
		{"op":"delete","group":"config","key":"gone"},
		{"op":"delete","group":"config","key":"gone"},
		{"op":"get","group":"config","key":"gone"},
		{"op":"delete_group","group":"old"},
		{"op":"get","group":"old","key":"a"},
		{"op":"set","group":"old","key":"a","value":"new"},
		{"op":"set","key":"blob","value":"/w==","encoding":"base64"}]}`)
	assert.True(t, reply.Succeeded)
	assert.Equal(t, uint64(5), numberOf(reply.FirstRevision))
	assert.Equal(t, uint64(12), numberOf(reply.Revision))
	require.Len(t, reply.Results, 12, "one for each operation, in order")
	for index, expected := range map[int]string{
		0:  `{"revision":5,"created":false}`,
		2:  `{"value":5,"revision":6}`,
		3:  `{"value":6,"revision":7}`,
		4:  `{"revision":8}`,
		5:  `{"deleted":true,"revision":9}`,
		7:  `{"group":"config","key":"gone","missing":true}`,
		8:  `{"deleted":2,"revision":10}`,
		9:  `{"group":"old","key":"a","missing":true}`,
		10: `{"revision":11,"created":true}`,
		11: `{"revision":12,"created":true}`,
	} {
		assert.JSONEq(t, expected, string(reply.Results[index]), "result %d: the reply of its verb", index)
	}
	read := decodeBody[lookup](t, reply.Results[1])
	assert.Equal(t, "light", *read.Value, "operations see the ones before them")
	assert.Equal(t, uint64(5), read.Revision)
	assert.False(t, decodeBody[deleteReply](t, reply.Results[6]).Deleted, "what finds nothing to do is no change")

	types := []string{"set", "set", "set", "touch", "delete", "delete_group", "set", "set"}
	for index, kind := range types {
		change := nextEvent(t, events)
		assert.Equal(t, kind, change.Type)
		assert.Equal(t, uint64(5+index), change.Revision)
		assert.Equal(t, &transactionRange{First: 5, Last: 12}, change.Transaction)
	}
	assert.Equal(t, uint64(8), acme.entry(t, "config", "theme").Revision)
	assert.Equal(t, []string{"config/theme", "default/blob", "default/n", "old/a"}, placesOf(acme.scan(t)))
}

func TestTransaction_Lists_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", "v")

	for _, body := range []string{``, `{}`, `{"then":[]}`, `{"if":[],"then":[],"else":[]}`, `{"then":null}`} {
		t.Run("EitherMayBeEmpty_"+body, func(t *testing.T) {
			reply := acme.transact(t, body)
			assert.True(t, reply.Succeeded)
			assert.Empty(t, reply.Results)
			assert.Nil(t, reply.FirstRevision)
		})
	}
	t.Run("ElseIsCarriedOutWhereAGuardFails", func(t *testing.T) {
		reply := acme.transact(t, `{"if":[{"key":"k","exists":false}],"then":[{"op":"delete","key":"k"}],"else":[{"op":"get","key":"k"},{"op":"set","key":"e","value":"v"}]}`)
		assert.False(t, reply.Succeeded)
		require.Len(t, reply.Results, 2)
		assert.Equal(t, acme.entry(t, "default", "k"), decodeBody[entry](t, reply.Results[0]))
		assert.Equal(t, uint64(2), numberOf(reply.FirstRevision))
		assert.Equal(t, uint64(2), numberOf(reply.Revision))
	})
	t.Run("WithoutElseNothingIs", func(t *testing.T) {
		reply := acme.transact(t, `{"if":[{"key":"k","revision":0}],"then":[{"op":"delete","key":"k"}]}`)
		assert.False(t, reply.Succeeded)
		assert.Empty(t, reply.Results)
		assert.Nil(t, reply.FirstRevision)
		assert.Equal(t, "v", acme.value(t, "default", "k"))
	})
	t.Run("ReadsAloneAreNoChange", func(t *testing.T) {
		reply := acme.transact(t, `{"then":[{"op":"get","key":"k"},{"op":"delete","key":"missing"}]}`)
		assert.True(t, reply.Succeeded)
		assert.Nil(t, reply.FirstRevision)
		assert.Equal(t, uint64(2), acme.revision(t))
	})
	t.Run("AThousandAtMost", func(t *testing.T) {
		operations := strings.Repeat(`{"op":"increment","key":"n"},`, 1000)
		reply := acme.transact(t, `{"then":[`+strings.TrimSuffix(operations, ",")+`]}`)
		assert.Len(t, reply.Results, 1000)
		assert.Equal(t, "1000", acme.value(t, "default", "n"))
		requireBadField(t, acme.call(t, "transaction", `{"then":[`+operations+`{"op":"get","key":"n"}]}`), "then")
		requireBadField(t, acme.call(t, "transaction", `{"else":[`+operations+`{"op":"get","key":"n"}]}`), "else")
	})
	t.Run("GetWithATTLTouches", func(t *testing.T) {
		before := time.Now()
		reply := acme.transact(t, `{"then":[{"op":"get","key":"k","ttl":"1h"}]}`)
		read := decodeBody[entry](t, reply.Results[0])
		assert.Equal(t, numberOf(reply.Revision), read.Revision)
		requireExpiry(t, read.ExpiresAt, before, time.Hour)
	})
}

func TestTransaction_Guard_Good(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "other", "k", "v")
	acme.set(t, "default", "k", "v")
	decode[setReply](t, acme.raw(t, "set", "default", "blob", []byte("\xff")))
	acme.set(t, "default", "empty", "")

	for guard, holds := range map[string]bool{
		`{"key":"k","revision":2}`:                                       true,
		`{"key":"k","revision":1}`:                                       false,
		`{"key":"k","revision":0}`:                                       false,
		`{"key":"missing","revision":0}`:                                 true,
		`{"key":"missing","revision":2}`:                                 false,
		`{"key":"k","exists":true}`:                                      true,
		`{"key":"k","exists":false}`:                                     false,
		`{"key":"missing","exists":false}`:                               true,
		`{"key":"missing","exists":true}`:                                false,
		`{"key":"k","value":"v"}`:                                        true,
		`{"key":"k","value":"V"}`:                                        false,
		`{"key":"k","value":""}`:                                         false,
		`{"key":"missing","value":""}`:                                   false,
		`{"key":"empty","value":""}`:                                     true,
		`{"key":"k","value":"dg==","encoding":"base64"}`:                 true,
		`{"key":"blob","value":"/w==","encoding":"base64"}`:              true,
		`{"key":"blob","value":"/w=="}`:                                  false,
		`{"group":"other","key":"k","revision":1}`:                       true,
		`{"group":"nobody","key":"k","exists":true}`:                     false,
		`{"key":"k","revision":2,"exists":true,"value":"v"}`:             true,
		`{"key":"k","revision":2,"exists":true,"value":"w"}`:             false,
		`{"key":"k","revision":3,"exists":true,"value":"v"}`:             false,
		`{"key":"k","revision":2},{"key":"empty","value":""}`:            true,
		`{"key":"k","revision":2},{"key":"empty","value":"x"}`:           false,
		`{"key":"k","exists":null,"revision":2,"value":null}`:            true,
		`{"key":"k","exists":true},{"key":"k","exists":false}`:           false,
		`{"group":"default","key":"missing","revision":0,"exists":true}`: false,
	} {
		t.Run(guard, func(t *testing.T) {
			reply := acme.transact(t, `{"if":[`+guard+`],"then":[{"op":"get","key":"k"}],"else":[]}`)
			assert.Equal(t, holds, reply.Succeeded, "all of them must hold")
			assert.Equal(t, holds, len(reply.Results) == 1)
		})
	}
	t.Run("LooksAtWhatIsThereBefore", func(t *testing.T) {
		body := `{"if":[{"key":"new","exists":false}],"then":[{"op":"set","key":"new","value":"v"}]}`
		assert.True(t, acme.transact(t, body).Succeeded)
		assert.False(t, acme.transact(t, body).Succeeded)
	})
}

func TestTransaction_Form_Bad(t *testing.T) {
	acme := newNamespace(t)
	for outcome, test := range map[string]struct{ body, field string }{
		"AGuardWithoutAKey":          {`{"if":[{"exists":true}]}`, "if/0/key"},
		"AGuardWithALongKey":         {`{"if":[{"key":"` + strings.Repeat("k", 2049) + `","exists":true}]}`, "if/0/key"},
		"AGuardOfAnUnknownField":     {`{"if":[{"key":"k","exist":true}]}`, "if/0/exist"},
		"AGuardOfAnotherType":        {`{"if":[{"key":"k","exists":"true"}]}`, "if/0/exists"},
		"AGuardOfANegativeRevision":  {`{"if":[{"key":"k","revision":-1}]}`, "if/0/revision"},
		"AGuardOfAnUnknownEncoding":  {`{"if":[{"key":"k","value":"v","encoding":"hex"}]}`, "if/0/encoding"},
		"AGuardThatIsNoBase64":       {`{"if":[{"key":"k","value":"%","encoding":"base64"}]}`, "if/0/value"},
		"AnOperationWithoutAVerb":    {`{"then":[{"key":"k"}]}`, "then/0/op"},
		"AnOperationOfAnotherVerb":   {`{"then":[{"op":"list"}]}`, "then/0/op"},
		"AnOperationOfNoVerb":        {`{"then":[{"op":"sett","key":"k","value":"v"}]}`, "then/0/op"},
		"AnOperationOfATransaction":  {`{"then":[{"op":"transaction"}]}`, "then/0/op"},
		"ADeletePrefix":              {`{"then":[{"op":"delete_prefix"}]}`, "then/0/op"},
		"AnUnknownField":             {`{"then":[{"op":"set","key":"k","vlaue":"v"}]}`, "then/0/vlaue"},
		"ARepeatedField":             {`{"then":[{"op":"get","key":"k","key":"k"}]}`, "then/0/key"},
		"AFieldOfAnotherVerb":        {`{"then":[{"op":"delete","key":"k","value":"v"}]}`, "then/0/value"},
		"ATTLForADelete":             {`{"then":[{"op":"delete","key":"k","ttl":"1h"}]}`, "then/0/ttl"},
		"AKeyForADeleteGroup":        {`{"then":[{"op":"delete_group","group":"g","key":"k"}]}`, "then/0/key"},
		"AGuardForAnIncrement":       {`{"then":[{"op":"increment","key":"k","if_revision":1}]}`, "then/0/if_revision"},
		"ADeleteGroupWithoutAGroup":  {`{"then":[{"op":"delete_group"}]}`, "then/0/group"},
		"ASetWithoutAValue":          {`{"then":[{"op":"set","key":"k"}]}`, "then/0/value"},
		"ATouchWithoutATTL":          {`{"then":[{"op":"touch","key":"k"}]}`, "then/0/ttl"},
		"AnEmptyKey":                 {`{"then":[{"op":"get","key":""}]}`, "then/0/key"},
		"AnEmptyGroup":               {`{"then":[{"op":"get","group":"","key":"k"}]}`, "then/0/group"},
		"TheSecondOperation":         {`{"then":[{"op":"get","key":"k"},{"op":"get"}]}`, "then/1/key"},
		"AnOperationThatDoesNotRun":  {`{"then":[],"else":[{"op":"get","key":"k"},{"op":"set","key":"k"}]}`, "else/1/value"},
		"AnOperationThatIsNoObject":  {`{"then":["get"]}`, "then/0"},
		"ALoneOperation":             {`{"then":{"op":"get","key":"k"}}`, "then"},
		"ALoneGuard":                 {`{"if":{"key":"k","exists":true}}`, "if"},
		"SomethingBesideTheLists":    {`{"then":[],"op":"get"}`, "op"},
		"AnIncrementByMoreThanInt64": {`{"then":[{"op":"increment","key":"k","by":9223372036854775808}]}`, "then/0/by"},
	} {
		t.Run(outcome, func(t *testing.T) {
			requireBadField(t, acme.call(t, "transaction", test.body), test.field)
		})
	}
	t.Run("AGuardOfNothing", func(t *testing.T) {
		for _, guard := range []string{`{"key":"k"}`, `{"key":"k","revision":null,"exists":null,"value":null}`} {
			requireFailure(t, acme.call(t, "transaction", `{"if":[`+guard+`]}`), 400, "bad_request")
		}
	})
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

// If an operation fails, the whole transaction fails and the error names the operation. The
// operations before it have no effect.
func TestTransaction_Failure_Bad(t *testing.T) {
	acme := newNamespace(t)
	acme.set(t, "default", "k", "v")
	standing := acme.set(t, "default", "text", "v")
	events := acme.events(t)
	const before = `{"op":"set","key":"before","value":"v"},{"op":"delete_group","group":"default"},{"op":"set","key":"k","value":"w"},`

	for outcome, test := range map[string]struct {
		operation, name string
		code            int
	}{
		"ASetAtAnotherRevision":    {`{"op":"set","key":"k","value":"x","if_revision":1}`, "revision_conflict", 409},
		"ADeleteAtAnotherRevision": {`{"op":"delete","key":"k","if_revision":99}`, "revision_conflict", 409},
		"ATouchAtAnotherRevision":  {`{"op":"touch","key":"k","ttl":"1h","if_revision":99}`, "revision_conflict", 409},
		"ATouchOfAMissingKey":      {`{"op":"touch","key":"text","ttl":"1h"}`, "not_found", 404},
		"AnIncrementOfText":        {`{"op":"increment","key":"k"}`, "bad_request", 400},
		"AValueThatIsTooLarge":     {`{"op":"set","key":"k","value":"` + strings.Repeat("x", maxPayload-32<<10) + `"}`, "too_large", 413},
	} {
		t.Run(outcome, func(t *testing.T) {
			for _, list := range []string{`{"then":[%s%s]}`, `{"if":[{"key":"k","exists":false}],"else":[%s%s,{"op":"get","key":"k"}]}`} {
				failed := requireFailure(t, acme.call(t, "transaction", fmt.Sprintf(list, before, test.operation)), test.code, test.name)
				require.NotNil(t, failed.Index)
				assert.Equal(t, 3, *failed.Index)
				assert.Equal(t, test.code == 409, failed.CurrentRevision != nil)
			}
		})
	}
	t.Run("TheFirstOperation", func(t *testing.T) {
		reply := acme.call(t, "transaction", `{"then":[{"op":"delete","key":"k","if_revision":99}]}`)
		requireConflict(t, reply, 1)
		assert.Contains(t, string(reply.Data), `"index":0`, "0 is said too")
	})
	assert.Equal(t, standing, acme.revision(t), "nothing was changed")
	assert.Equal(t, []string{"default/k", "default/text"}, placesOf(acme.scan(t)))
	assert.Equal(t, "v", acme.value(t, "default", "k"))
	acme.set(t, "default", "k", "w")
	assert.Equal(t, standing+1, nextEvent(t, events).Revision, "and nothing was announced")
	requireSilence(t, acme.connection, events.Subscription)
}

func TestTransaction_Size_Bad(t *testing.T) {
	acme := newNamespace(t)
	for _, key := range []string{"a", "b"} {
		decode[setReply](t, acme.raw(t, "set", "large", key, []byte(strings.Repeat("x", 600<<10))))
	}
	body := `{"then":[{"op":"set","key":"k","value":"v"},{"op":"get","group":"large","key":"a"},{"op":"get","group":"large","key":"b"}]}`
	tooLarge := requireFailure(t, acme.call(t, "transaction", body), 413, "too_large")
	require.NotNil(t, tooLarge.Limit)
	assert.Equal(t, uint64(2), acme.revision(t), "a reply that would not fit: nothing is changed")
	assert.False(t, decode[existsReply](t, acme.call(t, "exists", `{"key":"k"}`)).Exists)
}

// Concurrent transfers between counters: none is lost and none half done.
func TestTransaction_Race_Ugly(t *testing.T) {
	const clients, transfers, accounts = 8, 25, 4
	acme := newNamespace(t)
	acme.fill(t, "accounts", numbered("account", accounts), func(int) string { return "100" })
	var group sync.WaitGroup
	defer group.Wait()
	for client := range clients {
		connection := connect(t, acme.connection.ConnectedUrl())
		group.Go(func() {
			for number := range transfers {
				from, to := (client+number)%accounts, (client+number+1+number%(accounts-1))%accounts
				body := fmt.Sprintf(`{"then":[{"op":"increment","group":"accounts","key":"account-%04d","by":-7},`+
					`{"op":"increment","group":"accounts","key":"account-%04d","by":7}]}`, from, to)
				reply, err := connection.Request("store."+acme.namespace+".transaction", []byte(body), patience)
				if !assert.NoError(t, err) || !assert.NotContains(t, reply.Header, headerErrorCode) {
					return
				}
			}
		})
	}
	total := func(pages []listReply) (sum int) {
		for _, entry := range pages[0].Entries {
			var amount int
			require.NoError(t, json.Unmarshal([]byte(*entry.Value), &amount))
			sum += amount
		}
		return sum
	}
	for range 50 {
		require.Equal(t, 100*accounts, total(acme.pages(t, "group", "accounts")), "a page is read at one point")
	}
	group.Wait()
	assert.Equal(t, uint64(accounts+2*clients*transfers), acme.revision(t))
	assert.Equal(t, 100*accounts, total(acme.pages(t, "group", "accounts")))
}

// Many clients add one to the same value, each with a guard on the revision that it has read. None is
// lost: while a transaction is applied, its guard holds.
func TestTransaction_Guards_Ugly(t *testing.T) {
	const clients, additions = 8, 10
	acme := newNamespace(t)
	acme.set(t, "default", "sum", "0")
	var group sync.WaitGroup
	var conflicts atomic.Int64
	for range clients {
		own := &tenant{connection: connect(t, acme.connection.ConnectedUrl()), namespace: acme.namespace}
		group.Go(func() {
			for added := 0; added < additions && !t.Failed(); {
				read := own.entry(t, "default", "sum")
				number, err := strconv.Atoi(*read.Value)
				if !assert.NoError(t, err) {
					return
				}
				reply := own.transact(t, fmt.Sprintf(`{"if":[{"key":"sum","revision":%d},{"key":"absent","exists":false}],"then":[{"op":"set","key":"sum","value":"%d"}]}`,
					read.Revision, number+1))
				if reply.Succeeded {
					added++
				} else {
					conflicts.Add(1)
				}
			}
		})
	}
	group.Wait()
	assert.Equal(t, strconv.Itoa(clients*additions), acme.value(t, "default", "sum"))
	assert.Equal(t, uint64(1+clients*additions), acme.revision(t))
	assert.NotZero(t, conflicts.Load(), "nobody came between")
}
