// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// The limits of a request's fields.
const (
	// DefaultLimit is the most elements of a page without limit.
	DefaultLimit = 100
	// MaxLimit is the largest limit of a page.
	MaxLimit = 1000
	// MaxElements is the most entries of a get_many, and the most guards and operations
	// in each list of a transaction.
	MaxElements = 1000
	// MaxTemplateBytes is the longest template of a render.
	MaxTemplateBytes = 64 << 10
	// MaxFluxBytes is the longest query of a journal_query.
	MaxFluxBytes = 64 << 10
)

// Request is the body of a request, of any verb. Check returns ErrBadRequest for a
// missing required field and for a value that the contract does not allow. Decode cannot
// see these mistakes. The error has the field at fault by its path (then/3/key). Check
// does not decode cursors.
type Request interface {
	Check() error
}

// checkEntry checks the names of an entry. The group may be left out.
func checkEntry(group, key *string) error {
	return cmp.Or(checkOptional(group, CheckGroup), checkRequired("key", key, CheckKey))
}

// checkRequired checks a required field.
func checkRequired(field string, text *string, check func(string) error) error {
	if text == nil {
		return BadField(field, field+" is required")
	}
	return check(*text)
}

// checkOptional checks a field that may be left out.
func checkOptional[Value any](value *Value, check func(Value) error) error {
	if value == nil {
		return nil
	}
	return check(*value)
}

// checkPrefix checks a prefix of names: valid UTF-8, not longer than a name, possibly
// empty.
func checkPrefix(limit int) func(string) error {
	return func(prefix string) error {
		if len(prefix) > limit {
			return BadField("prefix", fmt.Sprintf("prefix is at most %d bytes, not %d", limit, len(prefix)))
		}
		if !utf8.ValidString(prefix) {
			return BadField("prefix", fmt.Sprintf("prefix is valid UTF-8, which %s is not", quote(prefix)))
		}
		return nil
	}
}

func checkLimit(limit int) error {
	if limit < 1 || limit > MaxLimit {
		return BadField("limit", fmt.Sprintf("limit is 1 to %d, not %d", MaxLimit, limit))
	}
	return nil
}

// checkNewTTL checks a time to live for an entry that exists.
func checkNewTTL(ttl TTL) error {
	if ttl.Keep() {
		return BadField("ttl", `ttl is a new time to live here, or "never"; "keep" would change nothing`)
	}
	return ttl.Check()
}

// checkElements checks the length of a list.
func checkElements(field string, length int) error {
	if length > MaxElements {
		return BadField(field, fmt.Sprintf("%s holds at most %d elements, not %d", field, MaxElements, length))
	}
	return nil
}

// checkQuota checks one limit of a quota. The store counts in int64.
func checkQuota(field string, limit *uint64) error {
	if limit != nil && *limit > math.MaxInt64 {
		return BadField(field, fmt.Sprintf("%s is 0 for none, and at most %d", field, math.MaxInt64))
	}
	return nil
}

// within adds to an error the place of its element in a list of the request: the key of
// element 3 of then is then/3/key.
func within(list string, index int, err error) error {
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	place := list + "/" + strconv.Itoa(index)
	field := place
	if failure.Field != "" {
		field += "/" + failure.Field
	}
	return BadField(field, place+": "+failure.Message)
}
