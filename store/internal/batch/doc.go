// SPDX-License-Identifier: EUPL-1.2

// Package batch has what a commit will change. It owns the changes of entries, groups and
// namespaces until the commit, their encoding for the record, and for each table beside the
// entries the part that a batch changes. Two of these tables are here too: the quotas, which a
// batch needs to admit a value, and the answers to requests with an id. All other tables implement
// Table and Part.
//
// A batch does no input or output except through the view and the tables, and asks no clock. So the
// same commands on the same view at the same time give the same batch. A batch writes nothing:
// the owner of the committer takes its changes, and saves them.
//
// Batches and tables belong to the owner of the committer.
package batch
