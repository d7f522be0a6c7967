// SPDX-License-Identifier: EUPL-1.2

package subjects

import (
	"strconv"
	"time"
)

// GetManyRecord is the result of a get_many. AppendGetMany writes the same JSON as
// json.Marshal of a GetManyReply.
type GetManyRecord struct {
	Entries  []EntryRecord
	Revision uint64
}

// TransactionRecord is the result of a transaction. AppendTransaction writes the same
// JSON as json.Marshal of a TransactionReply.
type TransactionRecord struct {
	Succeeded               bool
	FirstRevision, Revision uint64
	Results                 []ResultRecord
}

// ResultRecord is the result of one operation of a transaction. Op, one of
// OperationVerbs, decides which other fields have a meaning.
type ResultRecord struct {
	Op       Verb
	Revision uint64       // all but VerbGet
	Created  bool         // VerbSet
	Deleted  uint64       // VerbDelete: 0 or 1; VerbDeleteGroup: the number of keys
	Value    int64        // VerbIncrement
	Expires  time.Time    // VerbSet, VerbTouch, VerbIncrement
	Entry    *EntryRecord // VerbGet
}

// AppendTouchReply appends the reply to a touch to dst.
func AppendTouchReply(dst []byte, reply TouchReply) []byte {
	dst = appendUint(append(dst, `{"revision":`...), reply.Revision)
	return append(appendExpiry(dst, reply.ExpiresAt), '}')
}

// AppendIncrementReply appends the reply to an increment to dst.
func AppendIncrementReply(dst []byte, reply IncrementReply) []byte {
	dst = strconv.AppendInt(append(dst, `{"value":`...), reply.Value, 10)
	dst = appendUint(append(dst, `,"revision":`...), reply.Revision)
	return append(appendExpiry(dst, reply.ExpiresAt), '}')
}

// AppendDeleteGroupReply appends the reply to a delete_group to dst.
func AppendDeleteGroupReply(dst []byte, reply DeleteGroupReply) []byte {
	dst = appendUint(append(dst, `{"deleted":`...), reply.Deleted)
	return append(appendUint(append(dst, `,"revision":`...), reply.Revision), '}')
}

// AppendDeletePrefixReply appends the reply to a delete_prefix to dst.
func AppendDeletePrefixReply(dst []byte, reply DeletePrefixReply) []byte {
	dst = appendUint(append(dst, `{"groups":`...), reply.Groups)
	dst = appendUint(append(dst, `,"deleted":`...), reply.Deleted)
	return append(appendUint(append(dst, `,"revision":`...), reply.Revision), '}')
}

// AppendCountReply appends the reply to a count to dst.
func AppendCountReply(dst []byte, reply CountReply) []byte {
	dst = appendUint(append(dst, `{"count":`...), reply.Count)
	return append(appendUint(append(dst, `,"revision":`...), reply.Revision), '}')
}

// AppendGetMany appends the reply to a get_many to dst.
func AppendGetMany(dst []byte, reply *GetManyRecord) []byte {
	dst = appendEntries(dst, reply.Entries)
	return append(appendUint(append(dst, `,"revision":`...), reply.Revision), '}')
}

// AppendGroups appends a page of groups to dst.
func AppendGroups(dst []byte, page *GroupsReply) []byte {
	dst = append(dst, `{"groups":[`...)
	for index := range page.Groups {
		group := &page.Groups[index]
		dst = appendString(append(appendComma(dst, index), `{"group":`...), group.Group)
		dst = appendUint(append(dst, `,"keys":`...), group.Keys)
		dst = append(appendUint(append(dst, `,"revision":`...), group.Revision), '}')
	}
	dst = appendNext(append(dst, ']'), page.Next)
	return append(appendUint(append(dst, `,"revision":`...), page.Revision), '}')
}

// AppendTransaction appends the reply to a transaction to dst.
//
//	{"succeeded":true,"first_revision":41,"revision":42,"results":[{"revision":41,"created":true},{"value":7,"revision":42}]}
func AppendTransaction(dst []byte, reply *TransactionRecord) []byte {
	dst = strconv.AppendBool(append(dst, `{"succeeded":`...), reply.Succeeded)
	if reply.FirstRevision != 0 {
		dst = appendUint(append(dst, `,"first_revision":`...), reply.FirstRevision)
	}
	dst = appendUint(append(dst, `,"revision":`...), reply.Revision)
	dst = append(dst, `,"results":[`...)
	for index := range reply.Results {
		dst = appendResult(appendComma(dst, index), &reply.Results[index])
	}
	return append(dst, `]}`...)
}

// appendResult appends the reply of an operation's verb.
func appendResult(dst []byte, result *ResultRecord) []byte {
	switch result.Op {
	case VerbSet:
		return AppendSetReply(dst, SetReply{Revision: result.Revision, Created: result.Created, ExpiresAt: result.Expires})
	case VerbGet:
		return AppendEntry(dst, result.Entry)
	case VerbDelete:
		return AppendDeleteReply(dst, DeleteReply{Deleted: result.Deleted > 0, Revision: result.Revision})
	case VerbTouch:
		return AppendTouchReply(dst, TouchReply{Revision: result.Revision, ExpiresAt: result.Expires})
	case VerbIncrement:
		return AppendIncrementReply(dst, IncrementReply{Value: result.Value, Revision: result.Revision, ExpiresAt: result.Expires})
	default: // VerbDeleteGroup
		return AppendDeleteGroupReply(dst, DeleteGroupReply{Deleted: result.Deleted, Revision: result.Revision})
	}
}

// AppendRenderReply appends the reply to a render to dst. The text may have any bytes.
func AppendRenderReply(dst []byte, text string, revision uint64) []byte {
	dst = appendContent(dst, `{"text":`, text)
	return append(appendUint(append(dst, `,"revision":`...), revision), '}')
}

// AppendSplitReply appends the reply to a split to dst. The parts may have any bytes.
func AppendSplitReply(dst []byte, parts []string) []byte {
	return appendTexts(dst, `{"parts":[`, parts)
}

// AppendFieldsReply appends the reply to a fields to dst. The parts may have any bytes.
func AppendFieldsReply(dst []byte, fields []string) []byte {
	return appendTexts(dst, `{"fields":[`, fields)
}

func appendTexts(dst []byte, opening string, texts []string) []byte {
	texts, encoding := EncodeTexts(texts)
	dst = append(dst, opening...)
	for index, text := range texts {
		dst = appendString(appendComma(dst, index), text)
	}
	dst = append(dst, ']')
	if encoding != nil {
		dst = appendString(append(dst, `,"encoding":`...), *encoding)
	}
	return append(dst, '}')
}

// appendEntries appends the list of entries at the beginning of a reply.
func appendEntries(dst []byte, entries []EntryRecord) []byte {
	dst = append(dst, `{"entries":[`...)
	for index := range entries {
		dst = AppendEntry(appendComma(dst, index), &entries[index])
	}
	return append(dst, ']')
}

func appendNext(dst []byte, next string) []byte {
	if next == "" {
		return dst
	}
	return appendString(append(dst, `,"next":`...), next)
}
