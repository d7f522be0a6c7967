// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// referenceFiles are the files that the examples read.
var referenceFiles = map[string]string{
	"logo.png":            "\x89PNG\r\n\x1a\n",
	"transfer.json":       `{"if":[{"group":"stock","key":"apples","exists":true}],"then":[{"op":"increment","group":"stock","key":"apples","by":-1}]}`,
	"nginx.conf.template": "# the theme is {{.theme}}\n",
	"points.txt":          "deploy,host=a1 seconds=12.5\n",
	"latest.flux":         `from(bucket: "journal") |> range(start: -1h) |> last()`,
	"row.json":            `{"sku":"A-18","stock":5}`,
}

// referenceSeed is the content of each example's namespace: a key at revision 41, and the
// other keys of the examples.
func referenceSeed(key string) string {
	var operations []string
	set := func(group, key, value string) {
		operations = append(operations, fmt.Sprintf(`{"op":"set","group":%q,"key":%q,"value":%q}`, group, key, value))
	}
	set("config", "theme", "dark")
	set("config", "path", "/usr/bin")
	set("presence", "42", "online")
	set("presence", "user:1", "online")
	set("files", "logo", "an image")
	set("stock", "apples", "12")
	set("user:42", "name", "Ada")
	set("sessions", "k3F", "Ada")
	for number := len(operations); number < 40; number++ {
		set("other", "key", "value")
	}
	group, name, _ := strings.Cut(key, "/")
	set(group, name, "dark")
	set("config", "hosts", "a1,b2")
	return `{"then":[` + strings.Join(operations, ",") + `]}`
}

// readReference gives each example a namespace of its own with the same content, and an
// archive in two formats. Programs that would change the machine are replaced by programs
// that do nothing.
func readReference(t *testing.T, reader *reader) {
	t.Helper()
	programs := t.TempDir()
	for _, name := range []string{"systemctl", "ping"} {
		require.NoError(t, os.WriteFile(filepath.Join(programs, name), []byte("#!/bin/sh\n"), 0o700)) //nolint:gosec // it is a program
	}
	reader.addProgramFolder(programs)
	for name, content := range referenceFiles {
		reader.put(t, name, content)
	}
	reader.start(t,
		"storebus journal commit acme 'deploy seconds=1'", "storebus compact --before $(date -u +%Y-%m-%dT%H:%M:%S.%NZ) --force",
		"storebus journal commit acme 'deploy seconds=1'", "storebus compact --before $(date -u +%Y-%m-%dT%H:%M:%S.%NZ) --force --format zstd",
		"cp data/archive/*.zst a.jsonl.zst",
	)
	reader.replace( // the sidecar goes on, and others are its backups
		"storebus restore data/backup/monday.db", "storebus backup tuesday.db && storebus restore data/backup/tuesday.db --database restored.db",
		"storebus restore --accept --database /var/lib/storebus/storebus.db", "echo damaged > restored.db.mark && storebus restore --accept --database restored.db && rm restored.db.mark",
		"storebus check data/storebus.db", "storebus check restored.db",
		"storebus check data/backup/monday.db", "storebus check data/backup/tuesday.db",
	)
	broker := startBroker(t, "127.0.0.1:0")
	reader.replace("nats://broker:4222 --creds /etc/storebus.creds", broker.URL(), "nats://broker:4222", broker.URL())
	for name, content := range map[string]string{".config/fish/completions/.keep": "", "nats/context/berlin.json": `{"url":"nats://` + reader.nats + `"}`} {
		path := filepath.Join(reader.home(), name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	count, begun := 0, false
	reader.before = func(line string) string {
		if strings.HasPrefix(line, "storebus serve") {
			begun = true // it replaces the running sidecar
			return line
		}
		if begun {
			begun = false
			reader.start(t)
		}
		count++
		namespace := fmt.Sprintf("acme-%d", count)
		tenant := newTenant(t, "nats://"+reader.nats, namespace)
		key := "config/theme"
		if strings.Contains(line, "sessions") {
			key = "sessions/k3F"
		}
		tenant.call(t, "transaction", referenceSeed(key))
		if strings.Contains(line, "workspace") && !strings.Contains(line, "workspace open") {
			tenant.call(t, "workspace_open", `{"workspace":"import-42"}`)
		}
		return regexp.MustCompile(`\bacme\b`).ReplaceAllString(line, namespace)
	}
}
