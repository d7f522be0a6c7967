// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// describedFields returns the fields of a verb in the reply of describe.
func describedFields(t *testing.T, verb subjects.Verb) []subjects.FieldDescription {
	t.Helper()
	for _, described := range subjects.Describe().Verbs {
		if described.Name == verb {
			return described.Fields
		}
	}
	require.FailNow(t, "not described", "%s", verb)
	return nil
}

// samples are values that every field of the name takes.
var samples = map[string]string{
	"group": `"g"`, "key": `"k"`, "value": `"v"`, "ttl": `60`, "after": `7`, "entries": `[]`, "prefix": `"p"`, "template": `"t"`, "flux": `"from(bucket: \"b\") |> range(start: -1h)"`, "separator": `","`,
	"namespace": `"acme"`, "file": `"monday.db"`, "measurement": `"m"`, "fields": `{"seconds":12.5}`, "before": `"2026-11-22T10:00:00Z"`,
	"workspace": `"a"`, "kind": `"row"`, "data": `[]`, "sql": `"SELECT 1"`,
}

// required gives the fields that a verb's request cannot do without, with a value
// each.
func required(t *testing.T, verb subjects.Verb) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for _, field := range describedFields(t, verb) {
		if field.Required {
			require.Contains(t, samples, field.Name)
			fields[field.Name] = samples[field.Name]
		}
	}
	return fields
}

// bodyOf makes a body of fields.
func bodyOf(fields map[string]string) string {
	var members []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		members = append(members, `"`+name+`":`+fields[name])
	}
	return "{" + strings.Join(members, ",") + "}"
}

func TestDescribe_Describe_Good(t *testing.T) {
	reply := subjects.Describe()
	t.Run("EveryVerbIsThere", func(t *testing.T) {
		var tenant, raw, admin []subjects.Verb
		for _, verb := range reply.Verbs {
			assert.NotEmpty(t, verb.Description, verb.Name)
			assert.Equal(t, verb.Name.Description(), verb.Description)
			assert.Equal(t, verb.Name.Writes(), verb.Writes)
			if verb.Admin {
				admin = append(admin, verb.Name)
			} else {
				tenant = append(tenant, verb.Name)
			}
			if verb.Raw {
				raw = append(raw, verb.Name)
			}
		}
		assert.Equal(t, subjects.TenantVerbs(), tenant)
		assert.Equal(t, subjects.AdminVerbs(), admin)
		assert.Equal(t, subjects.RawVerbs(), raw)
	})
	t.Run("WhatIsRequiredIsWhatCheckRequires", func(t *testing.T) {
		for _, verb := range reply.Verbs {
			fields := required(t, verb.Name)
			_, err := decodeRequest(verb.Name, bodyOf(fields))
			require.NoError(t, err, verb.Name)
			for name := range fields {
				rest := maps.Clone(fields)
				delete(rest, name)
				_, err := decodeRequest(verb.Name, bodyOf(rest))
				requireBadField(t, err, name)
				assert.ErrorContains(t, err, name+" is required")
			}
		}
	})
	t.Run("EveryFieldIsOneAndHasItsType", func(t *testing.T) {
		others := map[string]string{"string": `1`, "boolean": `"true"`, "integer": `"1"`, "duration": `[]`, "list": `{}`, "object": `[]`, "time": `"soon"`}
		for _, verb := range reply.Verbs {
			for _, field := range verb.Fields {
				if field.Type == "any" {
					continue
				}
				require.Contains(t, others, field.Type)
				fields := required(t, verb.Name)
				fields[field.Name] = others[field.Type]
				_, err := decodeRequest(verb.Name, bodyOf(fields))
				requireBadField(t, err, field.Name)
				assert.NotContains(t, err.Error(), "there is no field")
				assert.Equal(t, field.Type == "list" && field.Name != "entry_ids", len(field.Fields) > 0)
			}
		}
	})
	t.Run("AsTheContractShowsIt", func(t *testing.T) {
		data, err := json.Marshal(reply.Verbs[0])
		require.NoError(t, err)
		assert.JSONEq(t, `{"name":"set","raw":true,"description":"store a value under a key","writes":true,"fields":[
			{"name":"group","type":"string","required":false},{"name":"key","type":"string","required":true},
			{"name":"value","type":"string","required":true},{"name":"encoding","type":"string","required":false},
			{"name":"ttl","type":"duration","required":false},{"name":"if_revision","type":"integer","required":false}]}`, string(data))
		assert.Contains(t, reply.Verbs, subjects.VerbDescription{
			Name: "get_many", Description: "read many entries at one point",
			Fields: []subjects.FieldDescription{{Name: "entries", Type: "list", Required: true, Fields: []subjects.FieldDescription{
				{Name: "group", Type: "string"}, {Name: "key", Type: "string", Required: true},
			}}},
		})
	})
	t.Run("FitsAMessageManyTimes", func(t *testing.T) {
		data, err := json.Marshal(reply)
		require.NoError(t, err)
		assert.Less(t, len(data), 64<<10)
	})
}
