// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/subjects"
)

// The flags of quota.
const (
	maxKeysFlag           = "max-keys"
	maxGroupsFlag         = "max-groups"
	maxBytesFlag          = "max-bytes"
	maxValueBytesFlag     = "max-value-bytes"
	maxJournalBytesFlag   = "max-journal-bytes"
	maxWorkspaceBytesFlag = "max-workspace-bytes"
	maxLogBytesFlag       = "max-log-bytes"
)

func quotaCommand() *clientCommand {
	return &clientCommand{
		name:        "quota",
		columns:     propertyColumns,
		usage:       "print or change the quota of a namespace",
		description: "Prints the limits of a namespace. With flags it changes these limits first; 0 is no limit. A limit below the present use forbids growth, and removes nothing; but the log loses its oldest changes. The namespace * has the limits of each namespace without a quota of its own. " + operatorHelp,
		words:       []string{"NAMESPACE"},
		flags: []cli.Flag{
			&cli.Uint64Flag{Config: decimalDigits, Name: maxKeysFlag, HideDefault: true, Usage: "allow this `NUMBER` of keys"},
			&cli.Uint64Flag{Config: decimalDigits, Name: maxGroupsFlag, HideDefault: true, Usage: "allow this `NUMBER` of groups"},
			&cli.GenericFlag{Name: maxBytesFlag, HideDefault: true, Value: new(byteSize), Usage: "allow this `SIZE` of groups, keys and values together: 64MiB"},
			&cli.GenericFlag{Name: maxValueBytesFlag, HideDefault: true, Value: new(byteSize), Usage: "allow this `SIZE` of a value: 64KiB"},
			&cli.GenericFlag{Name: maxJournalBytesFlag, HideDefault: true, Value: new(byteSize), Usage: "allow this `SIZE` of journal entries: 64MiB"},
			&cli.GenericFlag{Name: maxWorkspaceBytesFlag, HideDefault: true, Value: new(byteSize), Usage: "allow this `SIZE` of the files of workspaces: 64MiB"},
			&cli.GenericFlag{Name: maxLogBytesFlag, HideDefault: true, Value: new(byteSize), Usage: "keep this `SIZE` of the newest changes in the log: 64MiB"},
		},
		examples: []string{
			"storebus quota acme",
			"storebus quota acme --max-keys 10000 --max-bytes 64MiB",
			"storebus quota acme --max-keys 0",
			"storebus quota '*' --max-bytes 64MiB --max-journal-bytes 64MiB",
		},
		run: quota,
	}
}

func quota(ctx context.Context, call *call) error {
	reply, err := call.store.Quota(ctx, call.word(0), client.QuotaOptions{
		MaxKeys: call.number(maxKeysFlag), MaxGroups: call.number(maxGroupsFlag),
		MaxBytes: call.size(maxBytesFlag), MaxValueBytes: call.size(maxValueBytesFlag),
		MaxJournalBytes: call.size(maxJournalBytesFlag), MaxWorkspaceBytes: call.size(maxWorkspaceBytesFlag),
		MaxLogBytes: call.size(maxLogBytesFlag),
	})
	if err != nil || call.json {
		return err
	}
	call.printProperties(quotaRows(reply))
	return nil
}

// number returns the number in a flag, nil if the flag was not given.
func (call *call) number(flag string) *uint64 {
	if !call.given[flag] {
		return nil
	}
	return new(call.command.Uint64(flag))
}

// size returns the size in a flag, nil if the flag was not given.
func (call *call) size(flag string) *uint64 {
	if !call.given[flag] {
		return nil
	}
	return new(uint64(sizeOf(call.command, flag)))
}

func quotaRows(reply subjects.QuotaReply) []property {
	return []property{
		{"keys", atMost(reply.MaxKeys)},
		{"groups", atMost(reply.MaxGroups)},
		{"bytes", atMostBytes(reply.MaxBytes)},
		{"bytes of a value", atMostBytes(reply.MaxValueBytes)},
		{"journal bytes", atMostBytes(reply.MaxJournalBytes)},
		{"workspace bytes", atMostBytes(reply.MaxWorkspaceBytes)},
		{"log bytes", atMostBytes(reply.MaxLogBytes)},
	}
}
