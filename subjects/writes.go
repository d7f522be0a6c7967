// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"cmp"
	"time"
)

// TouchRequest sets when an entry expires, and leaves the value unchanged. TTL is
// required and cannot be KeepExpiry. IfRevision is compare-and-set.
type TouchRequest struct {
	Group      *string `json:"group,omitzero"`
	Key        *string `json:"key,omitzero" required:"true"`
	TTL        *TTL    `json:"ttl,omitzero" required:"true"`
	IfRevision *uint64 `json:"if_revision,omitzero"`
}

// Check implements Request.
func (request TouchRequest) Check() error {
	if err := checkEntry(request.Group, request.Key); err != nil {
		return err
	}
	if request.TTL == nil {
		return BadField("ttl", `ttl is required: a number of seconds, a duration such as "90s", or "never"`)
	}
	return checkNewTTL(*request.TTL)
}

// TouchReply is the reply to a touch.
type TouchReply struct {
	Revision  uint64    `json:"revision"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// IncrementRequest adds By to the number of an entry; By is 1 if left out. A missing key
// counts from 0. Without a TTL the expiry stays unchanged.
type IncrementRequest struct {
	Group *string `json:"group,omitzero"`
	Key   *string `json:"key,omitzero" required:"true"`
	By    *int64  `json:"by,omitzero"`
	TTL   *TTL    `json:"ttl,omitzero"`
}

// Check implements Request.
func (request IncrementRequest) Check() error {
	return cmp.Or(checkEntry(request.Group, request.Key), checkOptional(request.TTL, TTL.Check))
}

// IncrementReply is the reply to an increment. Value is the sum.
type IncrementReply struct {
	Value     int64     `json:"value"`
	Revision  uint64    `json:"revision"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// DeleteGroupRequest removes every key of a group. Group has no default here.
type DeleteGroupRequest struct {
	Group *string `json:"group,omitzero" required:"true"`
}

// Check implements Request.
func (request DeleteGroupRequest) Check() error {
	return checkRequired("group", request.Group, CheckGroup)
}

// DeleteGroupReply is the reply to a delete_group. Deleted is the number of keys. If it
// is 0, nothing has changed, and Revision is the namespace's current revision.
type DeleteGroupReply struct {
	Deleted  uint64 `json:"deleted"`
	Revision uint64 `json:"revision"`
}

// DeletePrefixRequest removes every key of the groups whose names begin with Prefix. The
// empty prefix means the whole namespace, and needs All.
type DeletePrefixRequest struct {
	Prefix *string `json:"prefix,omitzero" required:"true"`
	All    *bool   `json:"all,omitzero"`
}

// Check implements Request. A forgotten prefix does not empty a namespace.
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

// DeletePrefixReply is the reply to a delete_prefix: the number of groups and of keys
// that were removed.
type DeletePrefixReply struct {
	Groups   uint64 `json:"groups"`
	Deleted  uint64 `json:"deleted"`
	Revision uint64 `json:"revision"`
}
