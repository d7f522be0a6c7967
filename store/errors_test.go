// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

func TestErrors_Error_Good(t *testing.T) {
	for _, test := range []struct {
		err      error
		sentinel error
		text     string
	}{
		{&store.NotFoundError{Group: "g", Key: "k"}, store.ErrNotFound, `group "g" key "k": not found`},
		{&store.RevisionConflictError{Group: "g", Key: "k", Expected: 1, Current: 2}, store.ErrRevisionConflict, `group "g" key "k" stands at revision 2, not 1`},
		{&store.CompactedError{Namespace: "acme", After: 1, Oldest: 3, Revision: 9}, store.ErrCompacted, `changes of namespace "acme" after revision 1 cannot be read: the log holds 3 to 9`},
		{&store.TransactionError{List: "then", Index: 3, Err: store.ErrNotFound}, store.ErrNotFound, "then[3]: not found"},
		{&store.TooLargeError{What: "entry", Size: 20, Limit: 10}, store.ErrTooLarge, "entry takes 20 bytes, 10 are allowed"},
		{&store.QuotaExceededError{Quota: "keys", Limit: 10, Usage: 12}, store.ErrQuotaExceeded, "quota exceeded: keys: 12 in use, 10 are allowed"},
		{&store.TemplateError{Line: 2, Column: 3, Message: "wrong"}, store.ErrInvalidTemplate, "invalid template: line 2, column 3: wrong"},
		{&store.TemplateError{Message: "wrong"}, store.ErrInvalidTemplate, "invalid template: wrong"},
	} {
		assert.EqualError(t, test.err, test.text)
		assert.ErrorIs(t, fmt.Errorf("wrapped: %w", test.err), test.sentinel)
	}
}

// TestErrors_NotFound_Bad asks for a key that is not there, and one that has expired, in
// every way that there is.
func TestErrors_NotFound_Bad(t *testing.T) {
	clock := newClock()
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase, Clock: clock.Now})
	scoped := newScoped(t, opened, "acme")
	require.NoError(t, opened.SetWithTTL("acme:config", "expired", "", time.Second))
	clock.Advance(time.Minute)
	for _, key := range []string{"absent", "expired"} {
		asked := []func() error{
			func() error { _, err := opened.Get("acme:config", key); return err },
			func() error { _, err := opened.GetEntry("acme:config", key); return err },
			func() error { _, err := opened.GetSplit("acme:config", key, ","); return err },
			func() error { _, err := opened.GetFields("acme:config", key); return err },
			func() error { _, err := opened.Touch("acme:config", key, 0); return err },
			func() error { _, err := scoped.GetFrom("config", key); return err },
			func() error { _, err := scoped.Touch("config", key, time.Minute); return err },
			func() error { _, err := submit(opened, store.TouchCommand{Group: "acme:config", Key: key}); return err },
			func() error {
				_, err := submit(opened, store.TransactionCommand{Namespace: "acme", Then: []store.Command{store.TouchCommand{Group: "acme:config", Key: key}}})
				return err
			},
			func() error {
				done := make(chan error, 1)
				opened.SubmitGet("acme:config", key, func(_ store.Entry, err error) { done <- err })
				return <-done
			},
			func() error {
				return scoped.Transaction(func(transaction *store.ScopedStoreTransaction) error {
					_, err := transaction.GetEntry("config", key)
					return err
				})
			},
		}
		for index, ask := range asked {
			err := ask()
			require.ErrorIs(t, err, store.ErrNotFound, "%d", index)
			var missing *store.NotFoundError
			require.ErrorAs(t, err, &missing, "%d", index)
			assert.Equal(t, store.NotFoundError{Group: "acme:config", Key: key}, *missing)
			assert.Equal(t, 1, strings.Count(err.Error(), key), "the key is named once: %s", err)
		}
	}
}

// TestErrors_QuotaExceeded_Bad reads the figures where a transaction has wrapped them.
func TestErrors_QuotaExceeded_Bad(t *testing.T) {
	opened := openStore(t, store.StoreConfig{DatabasePath: store.MemoryDatabase})
	scoped, err := store.NewScopedConfigured(opened, store.ScopedStoreConfig{Namespace: "acme", Quota: store.QuotaConfig{MaxKeys: 1}})
	require.NoError(t, err)
	err = scoped.Transaction(func(transaction *store.ScopedStoreTransaction) error {
		return errors.Join(transaction.Set("a", ""), transaction.Set("b", ""))
	})
	require.ErrorIs(t, err, store.ErrQuotaExceeded)
	var exceeded *store.QuotaExceededError
	require.ErrorAs(t, err, &exceeded)
	assert.Equal(t, store.QuotaExceededError{Quota: "keys", Limit: 1, Usage: 1}, *exceeded)
}
