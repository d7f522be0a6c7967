// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// brokerAddress matches the URL in a ready line.
var brokerAddress = regexp.MustCompile(`nats://[0-9a-z.:\[\]]+`)

// serveOwn starts a sidecar as a process with a broker of its own, and returns the broker's
// address.
func serveOwn(t *testing.T, environment []string, flags ...string) (*process, string) {
	t.Helper()
	started := startProcess(t, storebusBinary(t), environment, append([]string{"serve"}, flags...)...)
	line := started.line(t, readyLine)
	address := brokerAddress.FindString(line)
	require.NotEmpty(t, address, "the ready line names the NATS URL: %s", line)
	return started, address
}

func TestProcess_Serve_Good(t *testing.T) {
	t.Run("PortZeroPicksAFreeOneAndSaysWhich", func(t *testing.T) {
		_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0")
		parsed, err := url.Parse(address)
		require.NoError(t, err)
		assert.NotEqual(t, "0", parsed.Port())
		newTenant(t, address, "acme").set(t, "config", "theme", "dark")
	})
	t.Run("SaysWhatToTryAndWhereItServes", func(t *testing.T) {
		sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0")
		assert.Zero(t, sidecar.terminate(t))
		// The database and the state are in the working directory of the process.
		assert.Contains(t, sidecar.printed(), "store.")
		assert.Contains(t, sidecar.printed(), "storebus ", "a command to try")
		assert.Contains(t, sidecar.printed(), address)
	})
	t.Run("CreatesMissingFoldersForTheirOwnerOnly", func(t *testing.T) {
		folder := filepath.Join(t.TempDir(), "a", "b c", "ü?#%")
		_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", filepath.Join(folder, "storebus.db"))
		newTenant(t, address, "acme").set(t, "config", "theme", "dark")
		info, err := os.Stat(folder)
		require.NoError(t, err)
		assert.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
		assert.FileExists(t, filepath.Join(folder, "storebus.db"))
	})
	t.Run("KeepsWhatItAcknowledgedAcrossARestart", func(t *testing.T) {
		database := filepath.Join(t.TempDir(), "storebus.db")
		sidecar, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database)
		newTenant(t, address, "acme").set(t, "config", "theme", "dark")
		sidecar.kill(t)
		_, address = serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database)
		got := newTenant(t, address, "acme").call(t, "get", `{"group":"config","key":"theme"}`)
		assert.Equal(t, "dark", *decode[entry](t, got).Value)
	})
	t.Run("ReadsVariables", func(t *testing.T) {
		database := filepath.Join(t.TempDir(), "by-variable.db")
		_, address := serveOwn(t, []string{"STOREBUS_LISTEN=127.0.0.1:0", "STOREBUS_DATABASE=" + database, "STOREBUS_PREFIX=other", "STOREBUS_DURABILITY=relaxed"})
		connection := connect(t, address)
		reply, err := connection.Request("other.admin.status", nil, patience)
		require.NoError(t, err)
		assert.Equal(t, "relaxed", decode[statusReply](t, answer{reply}).Durability)
		assert.FileExists(t, database)
	})
	t.Run("JoinsNoBrokerByAccident", func(t *testing.T) {
		outside := startBroker(t, "127.0.0.1:0")
		_, address := serveOwn(t, []string{"NATS_URL=" + outside.URL()}, "--listen", "127.0.0.1:0")
		assert.NotEqual(t, outside.URL(), address)
		_, err := connect(t, outside.URL()).Request("store.acme.get", []byte(`{"key":"k"}`), patience)
		assert.ErrorIs(t, err, nats.ErrNoResponders)
	})
	t.Run("WaitsForABrokerThatIsAway", func(t *testing.T) {
		outside := startBroker(t, "127.0.0.1:0")
		outside.kill(t)
		sidecar := startProcess(t, storebusBinary(t), nil, "serve", "--nats", outside.URL(), "--database", filepath.Join(t.TempDir(), "storebus.db"))
		startBroker(t, outside.address)
		sidecar.line(t, readyLine)
		newTenant(t, outside.URL(), "acme").set(t, "config", "theme", "dark")
		assert.Zero(t, sidecar.terminate(t))
	})
	t.Run("EndsWhileItWaitsForABroker", func(t *testing.T) {
		outside := startBroker(t, "127.0.0.1:0")
		outside.kill(t)
		sidecar := startProcess(t, storebusBinary(t), nil, "serve", "--nats", outside.URL(), "--database", filepath.Join(t.TempDir(), "storebus.db"))
		sidecar.says(t, "away")
		assert.Zero(t, sidecar.terminate(t))
		assert.NotContains(t, sidecar.printed(), readyLine)
	})
	t.Run("KeepsNothingOnDisk", func(t *testing.T) {
		_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", ":memory:")
		assert.Equal(t, "memory", readStatus(t, connect(t, address)).Durability)
	})
	t.Run("TakesEveryFlag", func(t *testing.T) {
		folder := t.TempDir()
		token := filepath.Join(folder, "token")
		require.NoError(t, os.WriteFile(token, []byte("secret\n"), 0o600))
		sidecar, address := serveOwn(t, []string{"STOREBUS_JOURNAL_TOKEN=do-not-show"},
			"--database", filepath.Join(folder, "storebus.db"), "--listen", "127.0.0.1:0", "--prefix", "team.store",
			"--durability", "relaxed", "--http", "127.0.0.1:0", "--purge-interval", "10s", "--state-directory", filepath.Join(folder, "state"),
			"--archive-directory", filepath.Join(folder, "archive"), "--backup-directory", filepath.Join(folder, "backup"),
			"--journal-url", "http://127.0.0.1:8086", "--journal-organisation", "acme", "--journal-bucket", "journal",
			"--change-retention-age", "1h", "--change-retention-count", "1000", "--change-retention-bytes", "1048576",
			"--cache-bytes", "1048576", "--queue-limit", "100", "--queue-bytes", "1048576")
		reply, err := connect(t, address).Request("team.store.admin.status", nil, patience)
		require.NoError(t, err)
		assert.JSONEq(t, `{"requests":1,"bytes":0,"result_bytes":0,"request_limit":100,"byte_limit":1048576}`,
			regexp.MustCompile(`"bytes":\d+`).ReplaceAllString(string(decode[statusReply](t, answer{reply}).Queue), `"bytes":0`))
		assert.Zero(t, sidecar.terminate(t))
		assert.NotContains(t, sidecar.printed(), "do-not-show", "a token is never shown")
	})
}

// printed is the whole output of a process that has ended.
func (process *process) printed() string {
	return process.output.String() + process.errors.String()
}

func TestProcess_Terminate_Good(t *testing.T) {
	const writers, writes = 8, 50
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startServe(t, outside.URL(), database)
	listener := startListener(t, outside.URL())
	load := startLoad(t, outside.URL())
	waitFor(t, load.begin(writers*writes), "acknowledgements")

	assert.Zero(t, sidecar.terminate(t), "exit status after SIGTERM under load")
	load.shut()
	again := startServe(t, outside.URL(), database)
	load.settle()
	told := invariants{load: load, listener: listener, refusals: []string{"unavailable"}, sidecar: again, database: database}
	assert.Zero(t, told.check(t).repeats, "everything that was committed was published, and is known to have been")
}

func TestProcess_Serve_Bad(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, code int, environment []string, arguments ...string) string {
		t.Helper()
		ended := runWith(t, environment, "", append([]string{"serve"}, arguments...)...)
		assert.Equal(t, code, ended.code, ended.stderr)
		assert.NotContains(t, ended.stdout, readyLine)
		assert.NotEmpty(t, ended.stderr)
		assert.NotContains(t, ended.stderr, "goroutine ", "an error, not a crash")
		return ended.stderr
	}
	t.Run("ASecondSidecarOnTheSameDatabase", func(t *testing.T) {
		database := filepath.Join(t.TempDir(), "storebus.db")
		first, _ := serveOwn(t, nil, "--listen", "127.0.0.1:0", "--database", database)
		message := refused(t, 1, nil, "--listen", "127.0.0.1:0", "--database", database)
		assert.Contains(t, message, database)
		assert.Contains(t, message, fmt.Sprint(first.native.Pid), "it names who has it")

		link := filepath.Join(t.TempDir(), "link.db")
		require.NoError(t, os.Symlink(database, link))
		refused(t, 1, nil, "--listen", "127.0.0.1:0", "--database", link)
	})
	t.Run("ASecondSidecarOnTheSamePrefix", func(t *testing.T) {
		outside := startBroker(t, "127.0.0.1:0")
		startServe(t, outside.URL(), filepath.Join(t.TempDir(), "first.db"))
		connection := connect(t, outside.URL())
		first := readStatus(t, connection)
		message := refused(t, 1, nil, "--nats", outside.URL(), "--database", filepath.Join(t.TempDir(), "second.db"))
		assert.Contains(t, message, first.Instance)
		assert.Contains(t, message, first.Store)
		assert.Contains(t, message, "store.")

		startServe(t, outside.URL(), filepath.Join(t.TempDir(), "third.db"), "--prefix", "another")
		(&tenant{connection: connection, namespace: "acme"}).set(t, "config", "theme", "dark")
	})
	t.Run("ATakenPortNamesTheOtherWay", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		message := refused(t, 1, nil, "--listen", listener.Addr().String(), "--database", filepath.Join(t.TempDir(), "storebus.db"))
		assert.Contains(t, message, listener.Addr().String())
		assert.Contains(t, message, "--nats")
	})
	t.Run("ListenWithNATSIsUsage", func(t *testing.T) {
		message := refused(t, 2, nil, "--listen", "127.0.0.1:0", "--nats", "nats://127.0.0.1:4222")
		assert.Contains(t, message, "--listen")
		assert.Contains(t, message, "--nats")
	})
	t.Run("UsageIsExitStatusTwo", func(t *testing.T) {
		for _, arguments := range [][]string{
			{"--no-such-flag"}, {"--listen", "nowhere"}, {"--durability", "sometimes"}, {"--queue-limit", "many"},
			{"--prefix", "store.>"}, {"--purge-interval", "soon"}, {"a word too many"}, {"--queue-limit", "-1"},
		} {
			refused(t, 2, nil, arguments...)
		}
		refused(t, 2, []string{"STOREBUS_QUEUE_LIMIT=many"}, "--listen", "127.0.0.1:0")
	})
	t.Run("AFolderThatCannotBe", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(file, nil, 0o600))
		message := refused(t, 1, nil, "--listen", "127.0.0.1:0", "--database", filepath.Join(file, "data", "storebus.db"))
		assert.Contains(t, message, file)
	})
	t.Run("ADatabaseFromTheFuture", func(t *testing.T) {
		database := filepath.Join(t.TempDir(), "future.db")
		execute(t, database, "PRAGMA user_version = 9999")
		message := refused(t, 1, nil, "--listen", "127.0.0.1:0", "--database", database)
		assert.Contains(t, message, "9999", "both versions are named")
		assert.Contains(t, message, database)
	})
	t.Run("SomebodyElsesDatabase", func(t *testing.T) {
		database := filepath.Join(t.TempDir(), "other.db")
		execute(t, database, "CREATE TABLE customers (name TEXT)")
		assert.Contains(t, refused(t, 1, nil, "--listen", "127.0.0.1:0", "--database", database), database)
	})
	t.Run("AFileThatIsNoDatabase", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "notes.txt")
		content := strings.Repeat("these are my notes\n", 1000)
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
		assert.Contains(t, refused(t, 1, nil, "--listen", "127.0.0.1:0", "--database", file), file)
		after, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, content, string(after), "it is left as it was")
	})
}

// execute runs a statement on a database file.
func execute(t *testing.T, path, statement string) {
	t.Helper()
	database, err := sql.Open("sqlite", path)
	require.NoError(t, err)
	defer database.Close()
	_, err = database.Exec(statement)
	require.NoError(t, err)
}

func TestProcess_Client_Good(t *testing.T) {
	_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0")
	command := func(t *testing.T, input string, arguments ...string) string {
		t.Helper()
		ended := runWith(t, []string{"STOREBUS_NATS=" + address}, input, arguments...)
		require.Zero(t, ended.code, ended.stderr)
		assert.Empty(t, ended.stderr)
		return ended.stdout
	}
	t.Run("SetPrintsTheRevision", func(t *testing.T) {
		assert.Equal(t, "1\n", command(t, "", "set", "acme", "config", "theme", "dark"))
		assert.Equal(t, "2\n", command(t, "", "set", "acme", "config", "theme", "light"))
	})
	t.Run("GetPrintsTheValueAndNothingElse", func(t *testing.T) {
		assert.Equal(t, "light", command(t, "", "get", "acme", "config", "theme"))
	})
	t.Run("ADashReadsStandardInput", func(t *testing.T) {
		binary := "\x00\xff two\nlines\n"
		command(t, binary, "set", "acme", "files", "blob", "-")
		assert.Equal(t, binary, command(t, "", "get", "acme", "files", "blob"))
		command(t, "", "set", "acme", "files", "empty", "-")
		assert.Empty(t, command(t, "", "get", "acme", "files", "empty"))
	})
	t.Run("FlagsStandAnywhere", func(t *testing.T) {
		for _, arguments := range [][]string{
			{"get", "--nats", address, "acme", "config", "theme"},
			{"get", "acme", "--nats", address, "config", "theme"},
			{"get", "acme", "config", "theme", "--nats=" + address, "--timeout", "10s"},
		} {
			ended := run(t, "", arguments...)
			assert.Equal(t, result{stdout: "light"}, ended)
		}
		assert.Equal(t, "5\n", command(t, "", "set", "acme", "config", "offset", "-5"))
		assert.Equal(t, "-5", command(t, "", "get", "acme", "config", "offset"))
	})
	t.Run("JSONIsTheReplyAsItCame", func(t *testing.T) {
		assert.JSONEq(t, `{"revision":6,"created":false}`, command(t, "", "set", "--json", "acme", "config", "offset", "6"))
		got := decodeBody[entry](t, []byte(command(t, "", "get", "acme", "config", "theme", "--json")))
		assert.Equal(t, "light", *got.Value)
		assert.Equal(t, uint64(2), got.Revision)
		assert.Equal(t, "store", decodeBody[statusReply](t, []byte(command(t, "", "status", "--json"))).Prefix)
	})
	t.Run("ListPrintsKeysAndValues", func(t *testing.T) {
		assert.Equal(t, "offset\t6\ntheme\tlight\n", command(t, "", "list", "acme", "config"))
	})
	t.Run("DeletePrintsTheRevision", func(t *testing.T) {
		assert.Equal(t, "7\n", command(t, "", "delete", "acme", "config", "offset"))
	})
	t.Run("HelpHasExamples", func(t *testing.T) {
		for _, name := range []string{"serve", "set", "get", "delete", "list", "watch", "status"} {
			ended := run(t, "", name, "--help")
			assert.Zero(t, ended.code, name)
			assert.Contains(t, ended.stdout, "storebus "+name, name)
		}
	})
}

func TestProcess_Client_Bad(t *testing.T) {
	_, address := serveOwn(t, nil, "--listen", "127.0.0.1:0")
	environment := []string{"STOREBUS_NATS=" + address}
	newTenant(t, address, "acme").set(t, "config", "theme", "dark")

	t.Run("AMissingKeyIsThree", func(t *testing.T) {
		for _, arguments := range [][]string{{"get", "acme", "config", "missing"}, {"delete", "acme", "config", "missing"}} {
			ended := runWith(t, environment, "", arguments...)
			assert.Equal(t, 3, ended.code)
			assert.Empty(t, ended.stdout)
			assert.Contains(t, ended.stderr, "not found")
		}
	})
	t.Run("UsageIsTwo", func(t *testing.T) {
		for _, arguments := range [][]string{
			{"get"}, {"get", "acme"}, {"set", "acme", "config", "theme"}, {"get", "acme", "config", "theme", "more"},
			{"get", "acme", "config", "theme", "--no-such-flag"}, {"set", "acme", "config", "theme", "v", "--ttl", "soon"},
			{"no-such-command"}, {"get", "acme", "config", "theme", "--timeout", "0s"},
		} {
			ended := runWith(t, environment, "", arguments...)
			assert.Equal(t, 2, ended.code, "%v: %s", arguments, ended.stderr)
			assert.NotEmpty(t, ended.stderr)
		}
	})
	t.Run("WhatIsRefusedSaysHow", func(t *testing.T) {
		for _, refused := range []struct {
			code      int
			arguments []string
		}{
			{2, []string{"get", "events", "config", "theme"}},
			{4, []string{"set", "acme", "config", "theme", "v", "--if-revision", "99"}},
			{2, []string{"get", "acme", "config", ""}},
		} {
			ended := runWith(t, environment, "", refused.arguments...)
			assert.Equal(t, refused.code, ended.code, "%v: %s", refused.arguments, ended.stderr)
			assert.NotEmpty(t, ended.stderr)
			assert.Empty(t, ended.stdout)
		}
	})
	t.Run("NobodyThereIsFive", func(t *testing.T) {
		outside := startBroker(t, "127.0.0.1:0")
		assert.Equal(t, 5, run(t, "", "get", "acme", "config", "theme", "--nats", outside.URL()).code, "a broker without a sidecar")
		outside.kill(t)
		ended := run(t, "", "get", "acme", "config", "theme", "--nats", outside.URL())
		assert.Equal(t, 5, ended.code, "no broker")
		assert.Contains(t, ended.stderr, outside.address)
	})
}

func TestProcess_Watch_Good(t *testing.T) {
	t.Parallel()
	outside := startBroker(t, "127.0.0.1:0")
	database := filepath.Join(t.TempDir(), "storebus.db")
	sidecar := startServe(t, outside.URL(), database)
	acme := newTenant(t, outside.URL(), "acme")
	acme.set(t, "config", "theme", "dark")
	watch := startProcess(t, storebusBinary(t), nil, "watch", "acme", "--after", "0", "--nats", outside.URL())
	assert.Equal(t, "1\tset\tconfig\ttheme\tdark", watch.line(t, ""))

	acme.set(t, "config", "theme", "two\nlines")
	assert.Equal(t, "2\tset\tconfig\ttheme\t\"two\\nlines\"", watch.line(t, ""))
	sidecar.kill(t)
	sidecar = startServe(t, outside.URL(), database)
	acme.remove(t, "config", "theme")
	assert.Equal(t, "3\tdelete\tconfig\ttheme", strings.TrimRight(watch.line(t, ""), "\t"), "it survives a restart of the sidecar")

	outside.kill(t)
	startBroker(t, outside.address)
	acme = newTenant(t, outside.URL(), "acme")
	awaitService(t, acme.connection)
	acme.set(t, "config", "theme", "back")
	assert.Equal(t, "4\tset\tconfig\ttheme\tback", watch.line(t, ""), "and of the broker")
	assert.Zero(t, watch.terminate(t))
	assert.Zero(t, sidecar.terminate(t))
}
