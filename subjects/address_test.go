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

func TestAddress_Parse_Good(t *testing.T) {
	for _, prefix := range []string{"store", "a.b.c.d"} {
		space := newSpace(t, prefix)
		for subject, want := range map[string]subjects.Address{
			space.Request("acme", subjects.VerbSet):                                             {Namespace: "acme", Verb: "set"},
			space.Request("ACME", subjects.VerbChanges):                                         {Namespace: "ACME", Verb: "changes"},
			space.Admin(subjects.VerbAdminStatus):                                               {Verb: "status", Admin: true},
			space.Raw("acme", subjects.VerbGet, "config", "theme"):                              {Namespace: "acme", Verb: "get", Group: "config", Key: "theme", Raw: true},
			space.Raw("acme", subjects.VerbDelete, "a.b", "*ü>"):                                {Namespace: "acme", Verb: "delete", Group: "a.b", Key: "*ü>", Raw: true},
			space.Raw("acme", subjects.VerbTouch, "config", "theme"):                            {Namespace: "acme", Verb: "touch", Group: "config", Key: "theme", Raw: true},
			space.Admin(subjects.VerbAdminDescribe):                                             {Verb: "describe", Admin: true},
			space.Raw("-", subjects.VerbExists, ".", strings.Repeat(".", subjects.MaxKeyBytes)): {Namespace: "-", Verb: "exists", Group: ".", Key: strings.Repeat(".", subjects.MaxKeyBytes), Raw: true},
		} {
			address, err := space.Parse(subject)
			require.NoError(t, err, subject)
			assert.Equal(t, want, address)
		}
	}
}

func TestAddress_Parse_Bad(t *testing.T) {
	for subject, field := range map[string]string{
		"":                        "",
		"store":                   "",
		"stores.acme.set":         "",
		"other.acme.set":          "",
		"store.":                  "namespace",
		"store..set":              "namespace",
		"store.events.set":        "namespace",
		"store.admin.set":         "namespace",
		"store.admin.nonsense":    "namespace",
		"store.admin":             "namespace",
		"store.admin.":            "namespace",
		"store.admin.get.a.b":     "namespace",
		"store.admin.status.x":    "namespace",
		"store.workspace.set":     "namespace",
		"store.events.acme.g":     "namespace",
		"store.*.set":             "namespace",
		"store.a_b.set":           "namespace",
		"store.acme":              "",
		"store.acme.":             "",
		"store.acme.SET":          "",
		"store.acme.nonsense":     "",
		"store.acme.status":       "",
		"store.acme.list.a.b":     "",
		"store.acme.nonsense.a.b": "",
		"store.acme.set.":         "group",
		"store.acme.set..b":       "group",
		"store.acme.set.%41.b":    "group",
		"store.acme.set.%2e.b":    "group",
		"store.acme.set.%FF.b":    "group",
		"store.acme.set.*.b":      "group",
		"store.acme.set." + strings.Repeat("g", 513) + ".b": "group",
		"store.acme.set.a":                              "key",
		"store.acme.set.a.":                             "key",
		"store.acme.set.a.b.c":                          "key",
		"store.acme.set.a.b.":                           "key",
		"store.acme.set.a.%5A":                          "key",
		"store.acme.set.a.%C3":                          "key",
		"store.acme.set.a." + strings.Repeat("k", 2049): "key",
	} {
		address, err := subjects.Space{}.Parse(subject)
		requireBadField(t, err, field)
		assert.Equal(t, subjects.Address{}, address, subject)
	}
}

func TestAddress_Parse_Ugly(t *testing.T) {
	t.Run("MessageSaysWhatWouldBeRight", func(t *testing.T) {
		_, err := subjects.Space{}.Parse("store.acme.get.a.b.c")
		assert.ErrorContains(t, err, "write %2E")
		_, err = subjects.Space{}.Parse("store.admin.set")
		assert.ErrorContains(t, err, "status")
		_, err = subjects.Space{}.Parse("store.acme.list.a.b")
		assert.ErrorContains(t, err, "set, get, delete, exists")
	})
	t.Run("PlainNamesAllocateNothing", func(t *testing.T) {
		assert.Zero(t, testing.AllocsPerRun(10, func() { _, _ = subjects.Space{}.Parse("store.acme.get.config.theme") }))
	})
}

func TestAddress_ParseEvent_Good(t *testing.T) {
	space := newSpace(t, "a.b")
	namespace, group, err := space.ParseEvent(space.Event("acme", "a.b*"))
	require.NoError(t, err)
	assert.Equal(t, "acme", namespace)
	assert.Equal(t, "a.b*", group)
}

func TestAddress_ParseEvent_Bad(t *testing.T) {
	for subject, field := range map[string]string{
		"":                      "",
		"store":                 "",
		"store.acme.set":        "",
		"store.events":          "",
		"store.events.":         "namespace",
		"store.events.events.g": "namespace",
		"store.events.a_b.g":    "namespace",
		"store.events.acme":     "group",
		"store.events.acme.":    "group",
		"store.events.acme.a.b": "group",
		"store.events.acme.%FF": "group",
		"store.events.acme.%41": "group",
	} {
		_, _, err := subjects.Space{}.ParseEvent(subject)
		requireBadField(t, err, field)
	}
}

// FuzzAddress_Parse checks that a parsed address is built again, byte for byte.
func FuzzAddress_Parse(f *testing.F) {
	for _, subject := range []string{"store.acme.set", "store.admin.status", "store.acme.get.a%2Eb.theme", "store.events.acme.config", "store.acme.set.%FF.b"} {
		f.Add(subject)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		space := subjects.Space{}
		if address, err := space.Parse(subject); err == nil {
			assert.Equal(t, subject, build(space, address))
		}
		if namespace, group, err := space.ParseEvent(subject); err == nil {
			assert.Equal(t, subject, space.Event(namespace, group))
		}
	})
}

func build(space subjects.Space, address subjects.Address) string {
	switch {
	case address.Admin:
		return space.Admin(address.Verb)
	case address.Raw:
		return space.Raw(address.Namespace, address.Verb, address.Group, address.Key)
	}
	return space.Request(address.Namespace, address.Verb)
}

func BenchmarkParse(b *testing.B) {
	for _, subject := range []string{"store.acme.set", "store.acme.get.config.theme", "store.acme.get.a%2Eb.theme"} {
		b.Run(subject, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := (subjects.Space{}).Parse(subject); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func ExampleSpace_Parse() {
	address, err := subjects.Space{}.Parse("store.acme.get.a%2Eb.theme")
	fmt.Println(address.Namespace, address.Verb, address.Group, address.Key, address.Raw, err)
	_, err = subjects.Space{}.Parse("store.acme.get.a%2eb.theme")
	fmt.Println(err)
	// Output:
	// acme get a.b theme true <nil>
	// group: token "a%2eb" holds "%2e": % is followed by two upper-case hexadecimal digits
}
