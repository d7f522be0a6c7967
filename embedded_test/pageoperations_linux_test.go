// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// readOperations replaces nats://broker:4222 by two brokers: one without users, and one
// with the users that the program prints. Secrets stand in for the ellipses.
func readOperations(t *testing.T, reader *reader) {
	t.Helper()
	reader.addTool(t)
	open := startBroker(t, "127.0.0.1:0")
	guarded := startGuardingBroker(t, printedPermissions(t, "acme", "other"))
	reader.replace(
		"--nats nats://broker:4222 --database /var/lib/storebus/", "--nats "+open.URL()+" --database "+reader.folder+"/var/",
		"--nats nats://broker:4222 --creds /etc/storebus.creds", "--nats "+open.URL(),
		"nats://broker:4222", guarded.ClientURL(),
		"STOREBUS_PASSWORD=… STOREBUS_EVENTS_PASSWORD=…", "STOREBUS_PASSWORD="+passwordOf("storebus_requests")+" STOREBUS_EVENTS_PASSWORD="+passwordOf("storebus_events"),
		"--password …", "--password "+passwordOf("acme"),
		"https://influx:8086", "http://"+freeAddress(t), // nothing answers there, and the sidecar serves all the same
		"journal-….jsonl.gz", "data/archive/*.jsonl.gz",
		".entry_id == 17", ".entry_id == 1",
	)
	reader.before = func(line string) string {
		switch {
		case strings.HasPrefix(line, "storebus get acme config theme"):
			reader.do(t, strings.Replace(line, "get acme config theme", "set acme config theme dark", 1))
		case strings.HasPrefix(line, "nats req store.admin.status"), strings.HasPrefix(line, "storebus backup"):
			reader.forget("STOREBUS_PASSWORD=", "STOREBUS_EVENTS_PASSWORD=")
			reader.start(t)
		case strings.HasPrefix(line, "storebus archive verify"):
			reader.do(t, "storebus journal commit acme 'deploy seconds=1'")
			reader.do(t, "storebus compact --before $(date -u +%Y-%m-%dT%H:%M:%S.%NZ) --force")
		}
		return line
	}
}

// addTool gives the reader the nats tool.
func (reader *reader) addTool(t *testing.T) {
	t.Helper()
	programs := t.TempDir()
	require.NoError(t, os.Symlink(installed(t, "nats"), filepath.Join(programs, "nats")))
	reader.addProgramFolder(programs)
}
