// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"reflect"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func TestMessages_SetRequest_Good(t *testing.T) {
	t.Run("EmptyStringTravels", func(t *testing.T) {
		data, err := json.Marshal(subjects.SetRequest{Key: new("k"), Content: subjects.NewContent("")})
		require.NoError(t, err)
		assert.JSONEq(t, `{"key":"k","value":""}`, string(data))
	})
	t.Run("ComesBackFromDecode", func(t *testing.T) {
		request := subjects.SetRequest{Group: new(""), Key: new("k"), Content: subjects.NewContent("\xff"), TTL: new(subjects.KeepExpiry), IfRevision: new(uint64(0))}
		data, err := json.Marshal(request)
		require.NoError(t, err)
		var again subjects.SetRequest
		require.NoError(t, subjects.Decode(data, &again))
		assert.Equal(t, request, again)
	})
}

func TestMessages_ListRequest_Ugly(t *testing.T) {
	t.Run("NothingIsOmittedForBeingEmpty", func(t *testing.T) {
		for _, message := range []any{
			subjects.Content{}, subjects.Entry{}, subjects.Event{}, subjects.Error{}, subjects.StatusReply{}, subjects.Lookup{}, subjects.Guard{},
			subjects.Operation{}, subjects.EntryName{}, subjects.TouchReply{}, subjects.IncrementReply{}, subjects.TransactionReply{},
			subjects.GroupsReply{}, subjects.NamespacesReply{}, subjects.FieldDescription{}, subjects.VerbDescription{},
		} {
			for _, field := range reflect.VisibleFields(reflect.TypeOf(message)) {
				assert.NotContains(t, field.Tag.Get("json"), "omitempty", "%T.%s", message, field.Name)
			}
		}
		for _, newRequest := range newRequest {
			message := reflect.ValueOf(newRequest()).Elem().Interface()
			for _, field := range reflect.VisibleFields(reflect.TypeOf(message)) {
				assert.NotContains(t, field.Tag.Get("json"), "omitempty", "%T.%s", message, field.Name)
			}
		}
	})
}
