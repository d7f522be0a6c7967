// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"runtime"
	"runtime/debug"

	"dappco.re/go/storebus"
)

// versionReply identifies this program, as -o json prints it. Modules are the versions of
// the most important modules. Facts that are not in the build are left out.
type versionReply struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitzero"`
	// Committed is the time of the commit.
	Committed string `json:"committed_at,omitzero"`
	// Modified says that the build had uncommitted changes.
	Modified   bool   `json:"modified"`
	Go         string `json:"go"`
	System     string `json:"system"`
	SQLite     string `json:"sqlite,omitzero"`
	NATS       string `json:"nats,omitzero"`
	NATSServer string `json:"nats_server,omitzero"`
}

func versionCommand() *clientCommand {
	return &clientCommand{
		name:        "version",
		columns:     propertyColumns,
		usage:       "print the version of this program",
		description: "Prints the version of this program, the commit of its source, and the versions of its main modules. It needs no sidecar.",
		examples:    []string{"storebus version", "storebus version -o json | jq -r .commit"},
		local:       true,
		run: func(_ context.Context, call *call) error {
			// Without build information only the version is known.
			info, _ := debug.ReadBuildInfo()
			reply := newVersionReply(info)
			if call.json {
				return call.printJSON(reply)
			}
			call.printProperties(versionRows(reply))
			return nil
		},
	}
}

// newVersionReply reads the build information. info is nil if there is none.
func newVersionReply(info *debug.BuildInfo) versionReply {
	reply := versionReply{Version: storebus.Version, Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	if info == nil {
		return reply
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			reply.Commit = setting.Value
		case "vcs.time":
			reply.Committed = setting.Value
		case "vcs.modified":
			reply.Modified = setting.Value == "true"
		}
	}
	modules := map[string]*string{
		"modernc.org/sqlite": &reply.SQLite, "github.com/nats-io/nats.go": &reply.NATS, "github.com/nats-io/nats-server/v2": &reply.NATSServer,
	}
	for _, module := range info.Deps {
		if version, wanted := modules[module.Path]; wanted {
			*version = module.Version
		}
	}
	return reply
}

func versionRows(reply versionReply) []property {
	commit := reply.Commit
	if reply.Modified {
		commit += " with changes"
	}
	rows := []property{
		{"version", reply.Version},
		{"commit", commit},
		{"committed at", reply.Committed},
		{"go", reply.Go},
		{"system", reply.System},
		{"modernc.org/sqlite", reply.SQLite},
		{"nats.go", reply.NATS},
		{"nats-server", reply.NATSServer},
	}
	known := rows[:0]
	for _, row := range rows {
		if row.value != "" {
			known = append(known, row)
		}
	}
	return known
}
