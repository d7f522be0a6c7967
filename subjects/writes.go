// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"time"
)

// TouchRequest sets when an entry expires, and leaves its value as it is. TTL is
// required and cannot be KeepExpiry; IfRevision is compare-and-set.
type TouchRequest struct {
	Group      *string `json:"group,omitzero"`
	Key        *string `json:"key,omitzero" required:"true"`
	TTL        *TTL    `json:"ttl,omitzero" required:"true"`
	IfRevision *uint64 `json:"if_revision,omitzero"`
}

// Check is Request's.
func (request TouchRequest) Check() error {
	if err := checkEntry(request.Group, request.Key); err != nil {
		return err
	}
	if request.TTL == nil {
		return BadField("ttl", `ttl is required: a number of seconds, a duration such as "90s", or "never"`)
	}
	return checkNewTTL(*request.TTL)
}

// TouchReply answers a touch.
type TouchReply struct {
	Revision  uint64    `json:"revision"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// IncrementRequest adds By, 1 where it is left out, to the number that an entry
// holds; a key that is not there counts from 0. Without a TTL the expiry stays.
type IncrementRequest struct {
	Group *string `json:"group,omitzero"`
	Key   *string `json:"key,omitzero" required:"true"`
	By    *int64  `json:"by,omitzero"`
	TTL   *TTL    `json:"ttl,omitzero"`
}

// Check is Request's.
func (request IncrementRequest) Check() error {
	return cmp.Or(checkEntry(request.Group, request.Key), checkOptional(request.TTL, TTL.Check))
}

// IncrementReply answers an increment. Value is what stands now.
type IncrementReply struct {
	Value     int64     `json:"value"`
	Revision  uint64    `json:"revision"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// DeleteGroupRequest removes every key of a group, which has no default here.
type DeleteGroupRequest struct {
	Group *string `json:"group,omitzero" required:"true"`
}

// Check is Request's.
func (request DeleteGroupRequest) Check() error {
	return checkRequired("group", request.Group, CheckGroup)
}

// DeleteGroupReply answers a delete_group. Deleted is the number of keys. Where it
// is 0 nothing has changed, and Revision is the namespace's current one.
type DeleteGroupReply struct {
	Deleted  uint64 `json:"deleted"`
	Revision uint64 `json:"revision"`
}

// DeletePrefixRequest removes every key of the groups whose names begin with Prefix;
// the empty prefix, which All has to confirm, is the whole namespace.
type DeletePrefixRequest struct {
	Prefix *string `json:"prefix,omitzero" required:"true"`
	All    *bool   `json:"all,omitzero"`
}

// Check is Request's. A prefix that somebody has forgotten does not empty a namespace.
func (request DeletePrefixRequest) Check() error {
	if err := checkRequired("prefix", request.Prefix, checkPrefix(MaxGroupBytes)); err != nil {
		return err
	}
	all := request.All != nil && *request.All
	switch empty := *request.Prefix == ""; {
	case empty && !all:
		return BadField("all", `an empty prefix is the whole namespace: give "all":true with it`)
	case !empty && all:
		return BadField("all", `"all":true goes with an empty prefix only`)
	}
	return nil
}

// DeletePrefixReply answers a delete_prefix: how many groups lost how many keys.
type DeletePrefixReply struct {
	Groups   uint64 `json:"groups"`
	Deleted  uint64 `json:"deleted"`
	Revision uint64 `json:"revision"`
}
