// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"time"
)

// Every field of a request, except a list, is a pointer, and nil if it is left out. Every
// optional field is `omitzero`: `omitempty` would leave out a pointer to an empty string
// too, and {"value":""} is not the same as {}. Required fields have the tag required.
// Describe reads the tag, and Check enforces it.

// DefaultGroup is the group of a request that names none.
const DefaultGroup = "default"

// EncodingBase64 marks a value that is not valid UTF-8 and is encoded as standard base64
// with padding.
const EncodingBase64 = "base64"

// Content is a value on the wire: a JSON string, or base64 if the bytes are not UTF-8.
// Value is nil if the value is left out (keys_only, value_omitted).
type Content struct {
	Value    *string `json:"value,omitzero"`
	Encoding *string `json:"encoding,omitzero"`
}

// SetRequest stores Value under Key. Group defaults to DefaultGroup. Without a TTL the
// entry does not expire. IfRevision is compare-and-set.
type SetRequest struct {
	Group      *string `json:"group,omitzero"`
	Key        *string `json:"key,omitzero" required:"true"`
	Content    `required:"value"`
	TTL        *TTL    `json:"ttl,omitzero"`
	IfRevision *uint64 `json:"if_revision,omitzero"`
}

// Check implements Request.
func (request SetRequest) Check() error {
	return cmp.Or(checkEntry(request.Group, request.Key), request.checkContent(), checkOptional(request.TTL, TTL.Check))
}

// SetReply is the reply to a set.
type SetReply struct {
	Revision  uint64    `json:"revision"`
	Created   bool      `json:"created"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// GetRequest asks for one entry. A TTL, which cannot be KeepExpiry, also sets the expiry,
// and the reply has the new expiry.
type GetRequest struct {
	Group *string `json:"group,omitzero"`
	Key   *string `json:"key,omitzero" required:"true"`
	TTL   *TTL    `json:"ttl,omitzero"`
}

// Check implements Request.
func (request GetRequest) Check() error {
	return cmp.Or(checkEntry(request.Group, request.Key), checkOptional(request.TTL, checkNewTTL))
}

// Entry is one entry in a reply. ValueOmitted says that the value is left out of a page,
// because no message carries it.
type Entry struct {
	Group string `json:"group"`
	Key   string `json:"key"`
	Content
	Revision     uint64    `json:"revision"`
	UpdatedAt    time.Time `json:"updated_at"`
	ExpiresAt    time.Time `json:"expires_at,omitzero"`
	ValueOmitted bool      `json:"value_omitted,omitzero"`
}

// ExistsRequest asks whether a key exists.
type ExistsRequest struct {
	Group *string `json:"group,omitzero"`
	Key   *string `json:"key,omitzero" required:"true"`
}

// Check implements Request.
func (request ExistsRequest) Check() error { return checkEntry(request.Group, request.Key) }

// ExistsReply is the reply to an exists. Revision is 0, and left out, if the key is
// missing.
type ExistsReply struct {
	Exists   bool   `json:"exists"`
	Revision uint64 `json:"revision,omitzero"`
}

// DeleteRequest removes one entry; IfRevision is compare-and-set.
type DeleteRequest struct {
	Group      *string `json:"group,omitzero"`
	Key        *string `json:"key,omitzero" required:"true"`
	IfRevision *uint64 `json:"if_revision,omitzero"`
}

// Check implements Request.
func (request DeleteRequest) Check() error { return checkEntry(request.Group, request.Key) }

// DeleteReply is the reply to a delete. If the key was missing, Deleted is false and
// Revision is the namespace's current revision.
type DeleteReply struct {
	Deleted  bool   `json:"deleted"`
	Revision uint64 `json:"revision"`
}

// ListRequest asks for a page of a group, in byte order of the keys.
type ListRequest struct {
	Group      *string `json:"group,omitzero"`
	Prefix     *string `json:"prefix,omitzero"`
	After      *string `json:"after,omitzero"`
	Limit      *int    `json:"limit,omitzero"`
	KeysOnly   *bool   `json:"keys_only,omitzero"`
	Descending *bool   `json:"descending,omitzero"`
}

// Check implements Request.
func (request ListRequest) Check() error {
	return cmp.Or(checkOptional(request.Group, CheckGroup), checkOptional(request.Prefix, checkPrefix(MaxKeyBytes)),
		checkOptional(request.Limit, checkLimit))
}

// ListReply is one page of entries. Pass Next as After to get the next page. An empty
// Next ends the list.
type ListReply struct {
	Entries  []Entry `json:"entries"`
	Next     string  `json:"next,omitzero"`
	Revision uint64  `json:"revision"`
	Store    string  `json:"store"`
}

// ChangesRequest asks for the changes of a namespace with a revision above After. Group
// selects one group. Wait holds the reply until there is a change. Store, if given, must
// be the store's id.
type ChangesRequest struct {
	After *uint64 `json:"after,omitzero" required:"true"`
	Group *string `json:"group,omitzero"`
	Limit *int    `json:"limit,omitzero"`
	Wait  *Wait   `json:"wait,omitzero"`
	Store *string `json:"store,omitzero"`
}

// Check implements Request.
func (request ChangesRequest) Check() error {
	if request.After == nil {
		return BadField("after", "after is required: the last revision that is known, 0 for none")
	}
	return cmp.Or(checkOptional(request.Group, CheckGroup), checkOptional(request.Limit, checkLimit), checkOptional(request.Wait, Wait.Check))
}

// ChangesReply is one page of the log. Next is the last revision that was looked at,
// Oldest the lowest that can still be read, and Revision the namespace's current
// revision.
type ChangesReply struct {
	Changes  []Event `json:"changes"`
	Next     uint64  `json:"next"`
	Oldest   uint64  `json:"oldest"`
	Revision uint64  `json:"revision"`
	Store    string  `json:"store"`
}

// EventType is the kind of a change.
type EventType string

// The types of events.
const (
	EventSet         EventType = "set"
	EventDelete      EventType = "delete"
	EventDeleteGroup EventType = "delete_group"
	EventTouch       EventType = "touch"
	EventExpire      EventType = "expire"
)

// Event is one change: the body of a message on store.events.<ns>.<group>, and an element
// of ChangesReply.
type Event struct {
	Revision  uint64    `json:"revision"`
	Previous  uint64    `json:"previous"`
	Type      EventType `json:"type"`
	Store     string    `json:"store"`
	Namespace string    `json:"namespace"`
	Group     string    `json:"group"`
	Key       *string   `json:"key,omitzero"`
	Content
	Created      *bool             `json:"created,omitzero"`
	ExpiresAt    time.Time         `json:"expires_at,omitzero"`
	Timestamp    time.Time         `json:"timestamp"`
	Transaction  *TransactionRange `json:"transaction,omitzero"`
	ValueOmitted bool              `json:"value_omitted,omitzero"`
}

// TransactionRange is the first and the last revision of an event's transaction.
type TransactionRange struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}
