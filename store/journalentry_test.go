// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestJournalentry_NewJournalCommand_Good(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	committed, err := opened.CommitToJournal("de ploy,=", map[string]any{
		"float": 12.5, "single": float32(0.5), "whole": 3.0, "zero": math.Copysign(0, -1), "small": math.SmallestNonzeroFloat64,
		"int": -1, "int8": int8(-8), "int16": int16(-16), "int32": int32(-32), "int64": int64(math.MinInt64),
		"uint": uint(1), "uint8": uint8(8), "uint16": uint16(16), "uint32": uint32(32), "uint64": uint64(math.MaxUint64),
		"bool": true, "text": "tab\t\"quoted\" \\ ☂", "": nil,
	}, nil)
	require.ErrorIs(t, err, store.ErrInvalidJournalEntry)
	assert.Zero(t, committed)
	committed, err = opened.CommitToJournal("de ploy,=", map[string]any{
		"float": 12.5, "single": float32(0.5), "whole": 3.0, "zero": math.Copysign(0, -1), "small": math.SmallestNonzeroFloat64,
		"int": -1, "int8": int8(-8), "int16": int16(-16), "int32": int32(-32), "int64": int64(math.MinInt64),
		"uint": uint(1), "uint8": uint8(8), "uint16": uint16(16), "uint32": uint32(32), "uint64": uint64(math.MaxUint64),
		"bool": true, "text": "tab\t\"quoted\" \\ ☂",
	}, map[string]string{"host": "a 1", "left out": ""})
	require.NoError(t, err)
	assert.Equal(t, map[string]any{
		"float": 12.5, "single": 0.5, "whole": 3.0, "zero": math.Copysign(0, -1), "small": math.SmallestNonzeroFloat64,
		"int": int64(-1), "int8": int64(-8), "int16": int64(-16), "int32": int64(-32), "int64": int64(math.MinInt64),
		"uint": uint64(1), "uint8": uint64(8), "uint16": uint64(16), "uint32": uint64(32), "uint64": uint64(math.MaxUint64),
		"bool": true, "text": "tab\t\"quoted\" \\ ☂",
	}, committed.Fields)
	assert.Equal(t, map[string]string{"host": "a 1"}, committed.Tags)
	pending, _, err := opened.PendingJournal(10, 1<<20)
	require.NoError(t, err)
	assert.Equal(t, []store.JournalEntry{committed}, pending)
}

func TestJournalentry_NewJournalCommand_Bad(t *testing.T) {
	field := map[string]any{"a": 1.0}
	manyFields, manyTags := map[string]any{}, map[string]string{}
	for index := range store.MaxJournalFields + 1 {
		manyFields[fmt.Sprint(index)] = true
	}
	for index := range store.MaxJournalTags + 1 {
		manyTags[fmt.Sprint(index)] = "x"
	}
	large := map[string]any{}
	for index := range 17 {
		large[fmt.Sprint(index)] = strings.Repeat("x", store.MaxJournalTextBytes)
	}
	for name, test := range map[string]struct {
		namespace, measurement string
		fields                 map[string]any
		tags                   map[string]string
		want                   error
	}{
		"Namespace":            {"events", "m", field, nil, store.ErrInvalidName},
		"NoMeasurement":        {"", "", field, nil, store.ErrInvalidJournalEntry},
		"MeasurementComment":   {"", "#m", field, nil, store.ErrInvalidJournalEntry},
		"MeasurementReserved":  {"", "_m", field, nil, store.ErrInvalidJournalEntry},
		"MeasurementLine":      {"", "m v=1\nadmin", field, nil, store.ErrInvalidJournalEntry},
		"MeasurementReturn":    {"", "m\r", field, nil, store.ErrInvalidJournalEntry},
		"MeasurementNUL":       {"", "m\x00", field, nil, store.ErrInvalidJournalEntry},
		"MeasurementDelete":    {"", "m\x7f", field, nil, store.ErrInvalidJournalEntry},
		"MeasurementBytes":     {"", "m\xff", field, nil, store.ErrInvalidJournalEntry},
		"MeasurementBackslash": {"", `m\`, field, nil, store.ErrInvalidJournalEntry},
		"MeasurementLong":      {"", strings.Repeat("m", store.MaxJournalNameBytes+1), field, nil, store.ErrTooLarge},
		"NoFields":             {"", "m", nil, nil, store.ErrInvalidJournalEntry},
		"ManyFields":           {"", "m", manyFields, nil, store.ErrInvalidJournalEntry},
		"FieldName":            {"", "m", map[string]any{"": 1}, nil, store.ErrInvalidJournalEntry},
		"FieldHidesComma":      {"", "m", map[string]any{`a\,b`: 1}, nil, store.ErrInvalidJournalEntry},
		"FieldHidesEquals":     {"", "m", map[string]any{`a\=b`: 1}, nil, store.ErrInvalidJournalEntry},
		"FieldHidesSpace":      {"", "m", map[string]any{`a\ b`: 1}, nil, store.ErrInvalidJournalEntry},
		"FieldTime":            {"", "m", map[string]any{"time": 1}, nil, store.ErrInvalidJournalEntry},
		"FieldNamespace":       {"", "m", map[string]any{"namespace": 1}, nil, store.ErrInvalidJournalEntry},
		"FieldReserved":        {"", "m", map[string]any{"_field": 1}, nil, store.ErrInvalidJournalEntry},
		"FieldNotANumber":      {"", "m", map[string]any{"a": math.NaN()}, nil, store.ErrInvalidJournalEntry},
		"FieldInfinite":        {"", "m", map[string]any{"a": float32(math.Inf(-1))}, nil, store.ErrInvalidJournalEntry},
		"FieldType":            {"", "m", map[string]any{"a": []int{1}}, nil, store.ErrInvalidJournalEntry},
		"FieldNothing":         {"", "m", map[string]any{"a": nil}, nil, store.ErrInvalidJournalEntry},
		"FieldLine":            {"", "m", map[string]any{"a": "x\nadmin v=1"}, nil, store.ErrInvalidJournalEntry},
		"FieldReturn":          {"", "m", map[string]any{"a": "x\r"}, nil, store.ErrInvalidJournalEntry},
		"FieldNUL":             {"", "m", map[string]any{"a": "\x00"}, nil, store.ErrInvalidJournalEntry},
		"FieldBytes":           {"", "m", map[string]any{"a": "\xff"}, nil, store.ErrInvalidJournalEntry},
		"FieldLong":            {"", "m", map[string]any{"a": strings.Repeat("x", store.MaxJournalTextBytes+1)}, nil, store.ErrTooLarge},
		"EntryLarge":           {"", "m", large, nil, store.ErrTooLarge},
		"ManyTags":             {"", "m", field, manyTags, store.ErrInvalidJournalEntry},
		"TagName":              {"", "m", field, map[string]string{"": "x"}, store.ErrInvalidJournalEntry},
		"TagTime":              {"", "m", field, map[string]string{"time": "x"}, store.ErrInvalidJournalEntry},
		"TagNamespace":         {"acme", "m", field, map[string]string{"namespace": "other"}, store.ErrInvalidJournalEntry},
		"TagAndField":          {"", "m", field, map[string]string{"a": "x"}, store.ErrInvalidJournalEntry},
		"TagLine":              {"", "m", field, map[string]string{"t": "x\n"}, store.ErrInvalidJournalEntry},
		"TagTab":               {"", "m", field, map[string]string{"t": "x\ty"}, store.ErrInvalidJournalEntry},
		"TagBackslash":         {"", "m", field, map[string]string{"t": `x\`}, store.ErrInvalidJournalEntry},
		"TagHidesComma":        {"", "m", field, map[string]string{"t": `a\,b`}, store.ErrInvalidJournalEntry},
		"MeasurementHides":     {"", `a\ b`, field, nil, store.ErrInvalidJournalEntry},
		"TagLong":              {"", "m", field, map[string]string{"t": strings.Repeat("x", store.MaxJournalNameBytes+1)}, store.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := store.NewJournalCommand(test.namespace, test.measurement, test.fields, test.tags)
			require.ErrorIs(t, err, test.want)
		})
	}
}
