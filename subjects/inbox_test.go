// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

// Requests and the inboxes below the root that they are answered in, and are not.
var inboxRows = []struct {
	request      string
	good, others []string
}{
	{
		request: "berlin.store.acme.set",
		good:    []string{"acme", "acme.x", "acme.x.y", "acme_consumer.x", "acme_.x", "acme_worker_7.x"},
		others:  []string{"", "acme2.x", "acme-2.x", "acm.x", "ACME.x", "other.x", "other_acme.x", "x.acme", "_acme.x", "storebus_operator.x"},
	},
	{
		request: "berlin.store.acme.set.acme2.other",
		good:    []string{"acme.x", "acme_consumer.x"},
		others:  []string{"acme2.x", "other.x"},
	},
	{
		request: "berlin.store.admin.status",
		good:    []string{"storebus_operator.x", "storebus_operator_ann.x"},
		others:  []string{"admin.x", "admin_ann.x", "acme.x", "storebus.x", "storebus_consumer.x", "storebus_requests.x", "storebus_operators.x"},
	},
	{
		request: "berlin.store.storebus.get", // a tenant whose name is that of the service
		good:    []string{"storebus.x", "storebus_consumer.x", "storebus_operators.x"},
		others: []string{
			"storebus_operator.x", "storebus_operator_ann.x", "storebus_requests.x", "storebus_requests_2.x", "storebus_events.x", "storebus-2.x",
		},
	},
	{request: "berlin.store.acme_consumer.get", others: []string{"acme_consumer.x", "acme.x"}}, // no namespace
	{request: "berlin.store.events.get", others: []string{"events.x", "acme.x"}},
	{request: "berlin.store", others: []string{"berlin.x", "store.x", ".x"}},
}

func TestInbox_CheckReply_Good(t *testing.T) {
	space := newSpace(t, "berlin.store")
	for _, row := range inboxRows {
		for _, inbox := range row.good {
			assert.NoError(t, space.CheckReply(row.request, "_INBOX_berlin.store."+inbox))
		}
		for _, elsewhere := range []string{"_INBOX.x", "_INBOX.other.x", "_INBOX_berlin.x", "_INBOX_berlin.stores.x", "_INBOX_store.other.x", "_R_.x.y"} {
			assert.NoError(t, space.CheckReply(row.request, elsewhere), "it is not below the root")
		}
	}
}

func TestInbox_CheckReply_Bad(t *testing.T) {
	space := newSpace(t, "berlin.store")
	for _, row := range inboxRows {
		for _, inbox := range row.others {
			err := space.CheckReply(row.request, "_INBOX_berlin.store."+inbox)
			assert.ErrorIs(t, err, subjects.ErrBadRequest, "%s of %s", inbox, row.request)
		}
	}
	err := space.CheckReply("berlin.store.acme.set", "_INBOX_berlin.store.other.x")
	require.ErrorContains(t, err, "another user's inbox")
	assert.ErrorContains(t, err, "_INBOX_berlin.store.acme or _INBOX_berlin.store.acme_")
	err = space.CheckReply("berlin.store.a_b.set", "_INBOX_berlin.store.other.x")
	assert.ErrorContains(t, err, "of no namespace")
}
