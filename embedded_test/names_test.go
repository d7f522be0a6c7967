// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus"
)

// awkwardNames are valid names of groups and keys.
var awkwardNames = map[string]string{
	"Plain":            "config",
	"EveryPlainLetter": "azAZ09-_:/=@+~",
	"Dots":             "a.b..c.",
	"Wildcards":        "*.>",
	"Percent":          "100%",
	"AnEncodedToken":   "%41",
	"Quotes":           `it's "quoted" \ back`,
	"Spaces":           " leading and trailing ",
	"ControlBytes":     "\x00\x01\t\r\n\x1f\x7f",
	"HTML":             "<a href='&'>",
	"NotASCII":         "größe-日本語-😀",
	"LineSeparators":   "a\u2028b\u2029c\u0085d",
	"Replacement":      "\ufffd",
	"SQLPatterns":      "%_^[]';--",
	"Reserved":         "events",
}

func TestNames_RoundTrip_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	events := subscribe(t, acme.connection, "store.events.acme.*")

	for outcome, name := range awkwardNames {
		t.Run(outcome, func(t *testing.T) {
			revision := acme.set(t, name, name, "json "+outcome)
			announced := receive(t, events)
			assert.Equal(t, "store.events.acme."+token(name), announced.Subject)
			assert.Equal(t, name, decodeBody[event](t, announced.Data).Group)
			assert.Equal(t, name, *decodeBody[event](t, announced.Data).Key)

			got := acme.raw(t, "get", name, name, nil)
			assert.Equal(t, "json "+outcome, string(got.Data))
			decode[setReply](t, acme.raw(t, "set", name, name, []byte("raw "+outcome)))
			receive(t, events)

			stored := decode[entry](t, acme.call(t, "get", object(t, "group", name, "key", name)))
			assert.Equal(t, name, stored.Group)
			assert.Equal(t, name, stored.Key)
			assert.Equal(t, "raw "+outcome, *stored.Value)
			assert.Equal(t, revision+1, stored.Revision)
			assert.True(t, decode[existsReply](t, acme.raw(t, "exists", name, name, nil)).Exists)

			page := decode[listReply](t, acme.call(t, "list", object(t, "group", name, "prefix", name)))
			assert.Len(t, page.Entries, 1)
			assert.True(t, decode[deleteReply](t, acme.raw(t, "delete", name, name, nil)).Deleted)
			receive(t, events)
		})
	}
}

func TestNames_EveryVerb_Good(t *testing.T) {
	for outcome, name := range awkwardNames {
		t.Run(outcome, func(t *testing.T) {
			acme := newNamespace(t)
			acme.set(t, name, name, "7")
			place := []any{"group", name, "key", name}
			decode[touchReply](t, acme.raw(t, "touch", name, name, nil, headerTTL, "1h"))
			decode[touchReply](t, acme.call(t, "touch", object(t, append(place, "ttl", "never")...)))
			assert.Equal(t, int64(8), *decode[incrementReply](t, acme.call(t, "increment", object(t, place...))).Value)
			stored := acme.entry(t, name, name)
			many := decode[getManyReply](t, acme.call(t, "get_many", object(t, "entries", []any{named(name, name)})))
			assert.Equal(t, []lookup{{entry: stored}}, many.Entries)
			for _, page := range [][]listReply{acme.scan(t, "prefix", name), acme.scan(t), acme.pages(t, "group", name, "prefix", name)} {
				assert.Equal(t, []entry{stored}, page[0].Entries)
			}
			assert.Equal(t, []groupStatus{{Group: name, Keys: 1, Revision: 4}}, groupsOf(acme.groups(t, "prefix", name)))
			assert.Equal(t, uint64(1), *decode[countReply](t, acme.call(t, "count", object(t, "group", name))).Count)
			assert.Equal(t, []string{"8"}, decode[fieldsReply](t, acme.call(t, "fields", object(t, place...))).Fields)
			assert.Equal(t, []string{"8"}, decode[splitReply](t, acme.call(t, "split", object(t, append(place, "separator", name)...))).Parts)
			assert.Equal(t, "8", acme.render(t, name, "{{index . "+strconv.Quote(name)+"}}"))
			swapped := acme.transact(t, object(t, "if", []any{map[string]any{"group": name, "key": name, "value": "8"}},
				"then", []any{map[string]any{"op": "set", "group": name, "key": name, "value": name}, map[string]any{"op": "get", "group": name, "key": name}}))
			assert.Equal(t, name, *decodeBody[entry](t, swapped.Results[1]).Value)
			reply := acme.call(t, "delete_prefix", object(t, "prefix", name))
			assert.Equal(t, deletePrefixReply{Groups: 1, Deleted: 1, Revision: 6}, decode[deletePrefixReply](t, reply))
			acme.set(t, name, name, "v")
			assert.Equal(t, deleteGroupReply{Deleted: 1, Revision: 8}, decode[deleteGroupReply](t, acme.call(t, "delete_group", object(t, "group", name))))
		})
	}
}

// Pages continue after the longest names with the longest encoding.
func TestNames_LongPages_Good(t *testing.T) {
	acme := newNamespace(t)
	var groups, keys []string
	for _, letter := range []string{"\x01", "\x02", "é"} {
		groups = append(groups, strings.Repeat(letter, 512/len(letter)))
		keys = append(keys, strings.Repeat(letter, 2048/len(letter)))
	}
	var places []string
	for _, group := range groups {
		for _, key := range keys {
			acme.set(t, group, key, "v")
			places = append(places, group+"/"+key)
		}
	}
	assert.Equal(t, places, placesOf(acme.scan(t, "limit", 1)))
	assert.Equal(t, groups, groupNames(groupsOf(acme.groups(t, "limit", 1))))
	assert.Equal(t, keys, keysOf(acme.pages(t, "group", groups[2], "limit", 1)))
	assert.Equal(t, keys, keysOf(acme.pages(t, "group", groups[0], "limit", 1)))
}

func TestNames_Length_Good(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")
	longGroup, longKey := strings.Repeat("g", 512), strings.Repeat("k", 2048)

	t.Run("TakesTheLongestNamesInTheRawForm", func(t *testing.T) {
		decode[setReply](t, acme.raw(t, "set", longGroup, longKey, []byte("v")))
		assert.Equal(t, "v", string(acme.raw(t, "get", longGroup, longKey, nil).Data))
	})
	t.Run("CountsBytesAndNotLetters", func(t *testing.T) {
		group, key := strings.Repeat("é", 256), strings.Repeat("é", 1024)
		events := acme.events(t)
		acme.set(t, group, key, "v")
		announced := events.next(t)
		assert.Equal(t, "store.events.acme."+strings.Repeat("%C3%A9", 256), announced.Subject)
		assert.Equal(t, key, *decodeBody[event](t, announced.Data).Key)
	})
	t.Run("TakesALongestNamespace", func(t *testing.T) {
		long := &tenant{connection: acme.connection, namespace: strings.Repeat("n", 64)}
		assert.Equal(t, uint64(1), long.set(t, "g", "k", "v"))
	})
}

func TestNames_Token_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")

	for outcome, malformed := range map[string]string{
		"RefusesALetterThatNeedsNoEscape": "%41",
		"RefusesLowerCaseHex":             "%2e",
		"RefusesAPlainLetterEscaped":      "a%2Db",
		"RefusesHalfAnEscape":             "a%2",
		"RefusesALonePercent":             "100%",
		"RefusesAnEscapeThatIsNoHex":      "%ZZ",
		"RefusesInvalidUTF8":              "%FF",
		"RefusesABrokenSequence":          "%C3%28",
		"RefusesALetterThatNeedsAnEscape": "a!b",
		"RefusesBytesThatNeedAnEscape":    "größe",
		"RefusesAQuote":                   `a"b`,
	} {
		t.Run(outcome, func(t *testing.T) {
			for _, verb := range []string{"set", "get", "delete", "exists"} {
				requireBadField(t, acme.rawToken(t, verb, malformed, "k", nil), "group")
				requireBadField(t, acme.rawToken(t, verb, "g", malformed, nil), "key")
			}
		})
	}
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestNames_Group_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")

	t.Run("RefusesAnEmptyGroup", func(t *testing.T) {
		requireBadField(t, acme.call(t, "set", `{"group":"","key":"k","value":"v"}`), "group")
		requireBadField(t, acme.call(t, "list", `{"group":""}`), "group")
		requireBadField(t, acme.call(t, "changes", `{"group":"","after":0}`), "group")
	})
	t.Run("RefusesAGroupOver512Bytes", func(t *testing.T) {
		tooLong := strings.Repeat("g", 513)
		for _, verb := range []string{"set", "get", "delete", "exists"} {
			body := map[string][]any{"set": {"value", "v"}}[verb]
			requireBadField(t, acme.call(t, verb, object(t, append(body, "group", tooLong, "key", "k")...)), "group")
			requireBadField(t, acme.rawToken(t, verb, tooLong, "k", nil), "group")
		}
		requireBadField(t, acme.call(t, "list", object(t, "group", tooLong)), "group")
	})
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestNames_Key_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")

	t.Run("RefusesAnEmptyKey", func(t *testing.T) {
		requireBadField(t, acme.call(t, "set", `{"key":"","value":"v"}`), "key")
	})
	t.Run("RefusesAKeyOver2048Bytes", func(t *testing.T) {
		requireBadField(t, acme.call(t, "set", object(t, "key", strings.Repeat("k", 2049), "value", "v")), "key")
		requireBadField(t, acme.call(t, "get", object(t, "key", strings.Repeat("é", 1025))), "key")
		requireBadField(t, acme.rawToken(t, "set", "g", strings.Repeat("k", 2049), nil), "key")
	})
	assert.Zero(t, acme.revision(t), "an error changes nothing")
}

func TestNames_Namespace_Good(t *testing.T) {
	sidecar := startSidecar(t)
	acme := newTenant(t, sidecar.NATSURL(), "acme")
	other := &tenant{connection: acme.connection, namespace: "ACME"}

	acme.set(t, "config", "theme", "dark")
	acme.set(t, "config", "theme", "light")
	requireFailure(t, other.call(t, "get", `{"group":"config","key":"theme"}`), 404, "not_found")
	assert.Equal(t, uint64(1), other.set(t, "config", "theme", "blue"), "each namespace counts for itself")
	assert.Equal(t, uint64(2), acme.revision(t))
	assert.Equal(t, "light", *decode[entry](t, acme.call(t, "get", `{"group":"config","key":"theme"}`)).Value)

	t.Run("ReadingOneLeavesNoTrace", func(t *testing.T) {
		reader := &tenant{connection: acme.connection, namespace: "reader"}
		before := readStatus(t, acme.connection)
		requireFailure(t, reader.call(t, "get", `{"key":"k"}`), 404, "not_found")
		assert.False(t, decode[existsReply](t, reader.call(t, "exists", `{"key":"k"}`)).Exists)
		assert.Zero(t, decode[deleteReply](t, reader.call(t, "delete", `{"key":"k"}`)).Revision)
		assert.Zero(t, reader.revision(t))
		assert.Equal(t, *before.Namespaces, *readStatus(t, acme.connection).Namespaces)
	})
}

func TestNames_Namespace_Bad(t *testing.T) {
	acme := newTenant(t, startSidecar(t).NATSURL(), "acme")

	for outcome, namespace := range map[string]string{
		"ReservesEvents":       "events",
		"ReservesAdmin":        "admin",
		"ReservesWorkspace":    "workspace",
		"RefusesAnUnderscore":  "a_b",
		"RefusesAColon":        "acme:config",
		"RefusesAnEscape":      "a%62",
		"RefusesOver64Letters": strings.Repeat("n", 65),
		"RefusesOtherLetters":  "größe",
		"RefusesADollar":       "$acme",
	} {
		t.Run(outcome, func(t *testing.T) {
			refused := &tenant{connection: acme.connection, namespace: namespace}
			for verb, body := range map[string]string{
				"set": `{"key":"k","value":"v"}`, "get": `{"key":"k"}`, "delete": `{"key":"k"}`,
				"exists": `{"key":"k"}`, "list": `{}`, "changes": `{"after":0}`,
			} {
				requireFailure(t, refused.call(t, verb, body), 400, "bad_request")
			}
			for _, verb := range []string{"set", "get", "delete", "exists"} {
				requireFailure(t, refused.raw(t, verb, "g", "k", nil), 400, "bad_request")
			}
		})
	}
}

func TestNames_Prefix_Good(t *testing.T) {
	for _, prefix := range []string{"team_1.data-bus", "a.b.c.D4", "INBOX"} {
		t.Run(prefix, func(t *testing.T) {
			sidecar := startSidecarWith(t, embeddedConfig(t, func(config *storebus.Config) { config.Prefix = prefix }))
			connection := connect(t, sidecar.NATSURL())
			events := subscribe(t, connection, prefix+".events.>")

			_, err := connection.Request("store.acme.get", []byte(`{"key":"k"}`), patience)
			assert.ErrorIs(t, err, nats.ErrNoResponders)
			reply, err := connection.Request(prefix+".acme.set", []byte(`{"key":"k","value":"v"}`), patience)
			assert.NoError(t, err)
			assert.Equal(t, uint64(1), decode[setReply](t, answer{reply}).Revision)
			assert.Equal(t, prefix+".events.acme.default", receive(t, events).Subject)
		})
	}
}

func TestNames_Prefix_Bad(t *testing.T) {
	for outcome, prefix := range map[string]string{
		"RefusesAWildcard":       "store.>",
		"RefusesAnEmptyToken":    "store..data",
		"RefusesAnInbox":         "_INBOX.store",
		"RefusesFiveTokens":      "a.b.c.d.e",
		"RefusesADollar":         "$SYS",
		"RefusesOtherCharacters": "größe",
	} {
		t.Run(outcome, func(t *testing.T) {
			requireStartFails(t, embeddedConfig(t, func(config *storebus.Config) { config.Prefix = prefix }), "prefix")
		})
	}
}
