// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// described is a verb in the reply of describe.
type described struct {
	Name        string           `json:"name"`
	Admin       bool             `json:"admin"`
	Raw         bool             `json:"raw"`
	Description string           `json:"description"`
	Writes      bool             `json:"writes"`
	Fields      []describedField `json:"fields"`
}

type describedField struct {
	Name     string           `json:"name"`
	Type     string           `json:"type"`
	Required bool             `json:"required"`
	Fields   []describedField `json:"fields"`
}

func describeVerbs(t *testing.T, connection *nats.Conn) []described {
	t.Helper()
	admin := tenant{connection: connection, namespace: "admin"}
	return decode[struct {
		Verbs []described `json:"verbs"`
	}](t, admin.call(t, "describe", "")).Verbs
}

// requireRequest asserts that the page names the fields of a request: each as required or
// optional, and in the table of all fields with its type.
func (contract *contract) requireRequest(t *testing.T, named []pageField, have []describedField) {
	t.Helper()
	byName := map[string]pageField{}
	for _, field := range named {
		byName[field.name] = field
	}
	for _, field := range have {
		on, there := byName[field.Name]
		require.True(t, there, "%s is not named", field.Name)
		delete(byName, field.Name)
		assert.Equal(t, field.Required, on.required, "%s is required", field.Name)
		assert.Contains(t, contract.fields[field.Name], field.Type, "the type of %s", field.Name)
		if on.object != "" || len(field.Fields) > 0 {
			contract.requireRequest(t, contract.objects[on.object], field.Fields)
		}
	}
	assert.Empty(t, byName, "named, and not there")
}

func TestPageContract_Fields_Good(t *testing.T) {
	contract := readContract(t)
	verbs := describeVerbs(t, connect(t, startSidecar(t).NATSURL()))
	var tenant, raw, admin, fields []string
	for _, verb := range verbs {
		named := contract.tenant
		if verb.Admin {
			named = contract.admin
			admin = append(admin, verb.Name)
		} else {
			tenant = append(tenant, verb.Name)
		}
		if verb.Raw {
			raw = append(raw, verb.Name)
		}
		fields = append(fields, namesOf(verb.Fields)...)
		t.Run("OfTheRequest_"+verb.Name, func(t *testing.T) { contract.requireRequest(t, named[verb.Name].request, verb.Fields) })
	}
	assert.ElementsMatch(t, tenant, slices.Collect(maps.Keys(contract.tenant)), "verbs of a namespace")
	assert.ElementsMatch(t, admin, slices.Collect(maps.Keys(contract.admin)), "verbs of an operator")
	assert.ElementsMatch(t, raw, contract.raw, "verbs with a raw form")
	slices.Sort(fields)
	assert.ElementsMatch(t, slices.Compact(fields), slices.Collect(maps.Keys(contract.fields)), "fields of requests")
}

// namesOf returns the names of fields and of the fields inside them.
func namesOf(fields []describedField) (names []string) {
	for _, field := range fields {
		names = append(append(names, field.Name), namesOf(field.Fields)...)
	}
	return names
}

func TestPageContract_Endpoints_Good(t *testing.T) {
	contract := readContract(t)
	info := discover[micro.Info](t, connect(t, startSidecar(t).NATSURL()), "INFO")
	served := map[string]string{}
	for _, endpoint := range info.Endpoints {
		served[endpoint.Name] = endpoint.Subject
	}
	named := map[string]string{}
	for verb := range contract.tenant {
		named[verb] = "store.*." + verb
	}
	for _, verb := range contract.raw {
		named[verb+"_raw"] = "store.*." + verb + ".*.*"
	}
	for verb := range contract.admin {
		named["admin_"+verb] = "store.admin." + verb
	}
	assert.Equal(t, named, served, "what is named, and what is served")
}

// Every verb has a chapter and an example in each of its forms.
func TestPageContract_Chapters_Good(t *testing.T) {
	contract := readContract(t)
	_, blocks := readProtocolPage(t)
	var asked []string
	for _, block := range blocks {
		if words := strings.Split(block.subject, "."); block.kind == "request" && words[0] == subjects.DefaultPrefix {
			words[1] = map[bool]string{true: "admin", false: "*"}[words[1] == "admin"]
			if len(words) > 3 {
				words[3], words[4] = "*", "*"
			}
			asked = append(asked, strings.Join(words, "."))
		}
	}
	for verb := range contract.tenant {
		assert.Contains(t, contract.prose, "\n### "+verb+"\n")
		assert.Contains(t, asked, "store.*."+verb)
	}
	for _, verb := range contract.raw {
		assert.Contains(t, asked, "store.*."+verb+".*.*")
	}
	for verb := range contract.admin {
		assert.Contains(t, contract.prose, "\n### "+verb+"\n")
		assert.Contains(t, asked, "store.admin."+verb)
	}
}

// If the page mentions a verb, a header or a chapter, that exists.
func TestPageContract_Words_Good(t *testing.T) {
	contract := readContract(t)
	for _, match := range regexp.MustCompile(`\bstore\.(acme|admin|\*)\.([a-z_]+)`).FindAllStringSubmatch(contract.prose, -1) {
		verbs := contract.tenant
		if match[1] == "admin" {
			verbs = contract.admin
		}
		assert.Contains(t, verbs, match[2], match[0])
	}
	for _, header := range regexp.MustCompile(`\b(?:Nats|Storebus)-[A-Za-z-]+`).FindAllString(contract.prose, -1) {
		assert.Contains(t, contract.headers, header)
	}
	for _, chapter := range regexp.MustCompile(`\]\(#([^)]+)\)`).FindAllStringSubmatch(contract.prose, -1) {
		assert.Contains(t, chaptersOf(contract.prose), chapter[1], "a link to a chapter")
	}
}

// chaptersOf returns the anchors of the headings.
func chaptersOf(prose string) (anchors []string) {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(prose, -1) {
		anchor := strings.ToLower(strings.ReplaceAll(heading[1], " ", "-"))
		anchors = append(anchors, regexp.MustCompile(`[^a-z0-9_-]`).ReplaceAllString(anchor, ""))
	}
	return anchors
}

func TestPageContract_Headers_Good(t *testing.T) {
	assert.ElementsMatch(t, constantsOf(t, "Header"), readContract(t).headers)
}

func TestPageContract_Events_Good(t *testing.T) {
	contract := readContract(t)
	assert.ElementsMatch(t, constantsOf(t, "Event"), slices.Collect(maps.Keys(contract.events)), "types of events")
	assert.ElementsMatch(t, membersOf(reflect.TypeFor[subjects.Event]()), fieldNames(contract.objects["change"]))
	assert.ElementsMatch(t, membersOf(reflect.TypeFor[subjects.Entry]()), fieldNames(contract.objects["entry"]))
	for _, fields := range contract.events {
		assert.Subset(t, fieldNames(contract.objects["change"]), fieldNames(fields))
	}
}

func TestPageContract_Errors_Good(t *testing.T) {
	contract := readContract(t)
	named := map[string]string{}
	extra := map[string]bool{"code": true, "name": true, "message": true}
	for name, row := range contract.errors {
		named[name] = row.code
		for _, field := range row.extra {
			extra[field.name] = true
		}
	}
	assert.Equal(t, errorsOf(t), named, "names and codes")
	assert.ElementsMatch(t, membersOf(reflect.TypeFor[subjects.Error]()), slices.Collect(maps.Keys(extra)), "fields of errors")
}

func fieldNames(fields []pageField) (names []string) {
	for _, field := range fields {
		names = append(names, field.name)
	}
	return names
}

// membersOf returns the JSON names of the fields of a struct.
func membersOf(structure reflect.Type) (names []string) {
	for _, field := range reflect.VisibleFields(structure) {
		if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
			names = append(names, name)
		}
	}
	return names
}
