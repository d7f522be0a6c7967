// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func newSpace(t testing.TB, prefix string) subjects.Space {
	t.Helper()
	space, err := subjects.NewSpace(prefix)
	require.NoError(t, err)
	return space
}

func TestSubject_NewSpace_Good(t *testing.T) {
	for _, prefix := range []string{"store", "a", "a.b.c.d", "Berlin_1.store-2", "_store", "x._INBOX"} {
		assert.Equal(t, prefix, newSpace(t, prefix).Prefix())
	}
	assert.Equal(t, subjects.DefaultPrefix, subjects.Space{}.Prefix(), "the zero value")
}

func TestSubject_NewSpace_Bad(t *testing.T) {
	for _, prefix := range []string{"", ".", "a.", ".a", "a..b", "a.b.c.d.e", "a b", "*", ">", "a.>", "$SYS", "ü", "_INBOX", "_INBOX.a", "_INBOXES", "a\n"} {
		_, err := subjects.NewSpace(prefix)
		requireBadField(t, err, "prefix")
	}
}

func TestSubject_Request_Good(t *testing.T) {
	space := newSpace(t, "berlin.store")
	assert.Equal(t, "berlin.store.acme.set", space.Request("acme", subjects.VerbSet))
	assert.Equal(t, "berlin.store.acme.get.a%2Eb.theme", space.Raw("acme", subjects.VerbGet, "a.b", "theme"))
	assert.Equal(t, "berlin.store.admin.status", space.Admin(subjects.VerbAdminStatus))
}

func TestSubject_Event_Good(t *testing.T) {
	space := subjects.Space{}
	assert.Equal(t, "store.events.acme.config", space.Event("acme", "config"))
	assert.Equal(t, "store.events.acme.a%2Eb", space.Event("acme", "a.b"))
	assert.Equal(t, "xstore.events.acme.%3E", string(space.AppendEvent([]byte("x"), "acme", ">")))
	assert.Equal(t, "store.events.acme.>", space.Events("acme"))
	assert.Equal(t, space.Event("acme", "a.b"), space.GroupEvents("acme", "a.b"))
}

// patterns gives the subject of every endpoint.
func patterns(space subjects.Space) (all []string) {
	for _, verb := range subjects.TenantVerbs() {
		all = append(all, space.RequestPattern(verb))
	}
	for _, verb := range subjects.RawVerbs() {
		all = append(all, space.RawPattern(verb))
	}
	for _, verb := range subjects.AdminVerbs() {
		all = append(all, space.AdminPattern(verb))
	}
	return all
}

// overlap reports whether some subject matches both patterns. Only * is a wildcard
// in them.
func overlap(one, other string) bool {
	left, right := strings.Split(one, "."), strings.Split(other, ".")
	if len(left) != len(right) {
		return false
	}
	for index := range left {
		if left[index] != right[index] && left[index] != "*" && right[index] != "*" {
			return false
		}
	}
	return true
}

func TestSubject_RequestPattern_Good(t *testing.T) {
	space := subjects.Space{}
	assert.Equal(t, "store.*.set", space.RequestPattern(subjects.VerbSet))
	assert.Equal(t, "store.*.set.*.*", space.RawPattern(subjects.VerbSet))
	assert.Equal(t, "store.admin.status", space.AdminPattern(subjects.VerbAdminStatus))
}

func TestSubject_RequestPattern_Ugly(t *testing.T) {
	t.Run("NoTwoEndpointsOverlap", func(t *testing.T) {
		all := patterns(subjects.Space{})
		for index, one := range all {
			for _, other := range all[index+1:] {
				assert.False(t, overlap(one, other), "%s and %s", one, other)
			}
		}
	})
	t.Run("NoEndpointHearsEvents", func(t *testing.T) {
		for _, pattern := range patterns(subjects.Space{}) {
			assert.False(t, overlap(pattern, "store.events.*.*"), pattern)
		}
	})
}

func TestSubject_CheckReply_Good(t *testing.T) {
	space := newSpace(t, "berlin.store")
	for _, reply := range []string{
		"_INBOX.acme.x.y", "_R_.abc", "reply", "berlin", "berlin.stores", "berlin.store-2.x", "ü.x", strings.Repeat("r", 512),
	} {
		assert.NoError(t, space.CheckReply("berlin.store.acme.get", reply), reply)
		assert.NoError(t, space.CheckServiceReply(reply), reply)
	}
	for _, user := range []string{"acme", "acme_worker", subjects.UserRequests, subjects.UserOperator} {
		assert.NoError(t, space.CheckServiceReply(space.InboxPrefix(user)+".x"), user)
	}
}

func TestSubject_CheckReply_Bad(t *testing.T) {
	space := newSpace(t, "berlin.store")
	for reply, want := range map[string]string{
		"":                                    "empty",
		"$SYS.REQ.x":                          "begins with $",
		"$JS.API.x":                           "begins with $",
		"berlin.store":                        "lies under berlin.store",
		"berlin.store.":                       "lies under berlin.store",
		"berlin.store.acme.set":               "lies under berlin.store",
		"berlin.store.events.acme.g":          "lies under berlin.store",
		">":                                   "wildcard",
		"a.*":                                 "wildcard",
		"a.>":                                 "wildcard",
		"a*b":                                 "wildcard",
		"_INBOX.acme.":                        "empty token",
		".a":                                  "empty token",
		"a..b":                                "empty token",
		".":                                   "empty token",
		"a b":                                 "white space",
		"a\tb":                                "white space",
		"a\r\nPUB x 0":                        "white space",
		"a\x00":                               "control byte",
		"a\x7f":                               "control byte",
		strings.Repeat("r", 513):              "longer than 512 bytes",
		"_INBOX." + strings.Repeat("r", 3900): "longer than 512 bytes",
	} {
		err := space.CheckReply("berlin.store.acme.get", reply)
		require.ErrorIs(t, err, subjects.ErrBadRequest, reply)
		assert.ErrorContains(t, err, want, reply)
		assert.Equal(t, err, space.CheckServiceReply(reply), reply)
	}
}

func ExampleSpace() {
	space, err := subjects.NewSpace("store")
	if err != nil {
		panic(err)
	}
	fmt.Println(space.Request("acme", subjects.VerbSet))
	fmt.Println(space.Raw("acme", subjects.VerbGet, "a.b", "theme"))
	fmt.Println(space.Event("acme", "config"))
	fmt.Println(space.Events("acme"))
	fmt.Println(space.RawPattern(subjects.VerbGet))
	// Output:
	// store.acme.set
	// store.acme.get.a%2Eb.theme
	// store.events.acme.config
	// store.events.acme.>
	// store.*.get.*.*
}
