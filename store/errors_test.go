// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/store"
)

func TestErrors_Error_Good(t *testing.T) {
	for _, test := range []struct {
		err      error
		sentinel error
		text     string
	}{
		{&store.RevisionConflictError{Group: "g", Key: "k", Expected: 1, Current: 2}, store.ErrRevisionConflict, `group "g" key "k" stands at revision 2, not 1`},
		{&store.CompactedError{Namespace: "acme", After: 1, Oldest: 3, Revision: 9}, store.ErrCompacted, `changes of namespace "acme" after revision 1 cannot be read: the log holds 3 to 9`},
		{&store.TransactionError{List: "then", Index: 3, Err: store.ErrNotFound}, store.ErrNotFound, "then[3]: not found"},
		{&store.TooLargeError{What: "entry", Size: 20, Limit: 10}, store.ErrTooLarge, "entry takes 20 bytes, 10 are allowed"},
		{&store.QuotaError{Quota: "keys", Limit: 10, Usage: 12}, store.ErrQuotaExceeded, "quota exceeded: keys: 12 in use, 10 are allowed"},
		{&store.TemplateError{Line: 2, Column: 3, Message: "wrong"}, store.ErrInvalidTemplate, "invalid template: line 2, column 3: wrong"},
		{&store.TemplateError{Message: "wrong"}, store.ErrInvalidTemplate, "invalid template: wrong"},
	} {
		assert.EqualError(t, test.err, test.text)
		assert.ErrorIs(t, fmt.Errorf("wrapped: %w", test.err), test.sentinel)
	}
}
