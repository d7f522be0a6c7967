// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/store"
)

// servePatience is the longest wait of a test for something that must happen.
const servePatience = 10 * time.Second

// program is a storebus in a process of its own.
type program struct {
	command *exec.Cmd
	output  *bufio.Reader
	errors  *errorOutput
}

// errorOutput keeps the standard error of a program, and signals each line.
type errorOutput struct {
	mutex   sync.Mutex
	text    strings.Builder
	written chan struct{}
}

func (output *errorOutput) Write(text []byte) (int, error) {
	output.mutex.Lock()
	defer output.mutex.Unlock()
	select {
	case output.written <- struct{}{}:
	default:
	}
	return output.text.Write(text)
}

func (output *errorOutput) String() string {
	output.mutex.Lock()
	defer output.mutex.Unlock()
	return output.text.String()
}

func (output *errorOutput) waitFor(t *testing.T, text string) {
	t.Helper()
	timeout := time.After(servePatience)
	for !strings.Contains(output.String(), text) {
		select {
		case <-output.written:
		case <-timeout:
			t.Fatalf("no %q in: %s", text, output)
		}
	}
}

// startProgram starts the program in a folder of its own. The end of the test kills it.
func startProgram(t *testing.T, variables []string, arguments ...string) *program {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	program := &program{command: exec.Command(executable, arguments...), errors: &errorOutput{written: make(chan struct{}, 1)}}
	program.command.Dir = t.TempDir()
	program.command.Env = append(append(os.Environ(), asProgram+"=1", "NATS_URL=nats://127.0.0.1:1"), variables...)
	program.command.Stderr = program.errors
	output, err := program.command.StdoutPipe()
	require.NoError(t, err)
	program.output = bufio.NewReader(output)
	require.NoError(t, program.command.Start())
	t.Cleanup(func() {
		_ = program.command.Process.Kill()
		_ = program.command.Wait()
	})
	return program
}

// ready waits for the line of a ready program, and returns the URL in it.
func (program *program) ready(t *testing.T) (url string) {
	t.Helper()
	line, err := program.output.ReadString('\n')
	require.NoError(t, err, program.errors)
	require.True(t, strings.HasPrefix(line, "storebus ready at nats://"), line)
	return strings.Fields(line)[3]
}

// end sends a signal. It returns the exit status and the rest of the output.
func (program *program) end(t *testing.T, signal os.Signal) (status int, rest string) {
	t.Helper()
	require.NoError(t, program.command.Process.Signal(signal))
	remaining, err := io.ReadAll(program.output)
	require.NoError(t, err)
	_ = program.command.Wait()
	return program.command.ProcessState.ExitCode(), string(remaining)
}

func TestServe_Serve_Good(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		program := startProgram(t, nil, "serve", "--listen", "127.0.0.1:0")
		url := program.ready(t)
		connection, err := nats.Connect(url)
		require.NoError(t, err)
		reply, err := connection.Request("store.acme.set.config.theme", []byte("dark"), servePatience)
		require.NoError(t, err)
		assert.Equal(t, `{"revision":1,"created":true}`, string(reply.Data))
		connection.Close()

		status, rest := program.end(t, signal)
		assert.Equal(t, exitDone, status)
		assert.Empty(t, rest)
		assert.Contains(t, program.errors.String(), "set acme config theme dark --nats "+url)
		assert.FileExists(t, filepath.Join(program.command.Dir, "data", "storebus.db"))
		assert.NoFileExists(t, filepath.Join(program.command.Dir, "data", "storebus.db-wal"))
	}
}

func TestServe_Serve_Good_Variables(t *testing.T) {
	program := startProgram(t, []string{"STOREBUS_LISTEN=127.0.0.1:0", "STOREBUS_PREFIX=berlin", "STOREBUS_DATABASE=:memory:"}, "serve")
	line, err := program.output.ReadString('\n')
	require.NoError(t, err)
	assert.Regexp(t, `^storebus ready at nats://127\.0\.0\.1:\d+ serving berlin\.> from :memory: \(durability memory\)\n$`, line)
	status, _ := program.end(t, syscall.SIGTERM)
	assert.Equal(t, exitDone, status)
}

func TestServe_Serve_Good_TheSameProgramAsItsClient(t *testing.T) {
	url := startProgram(t, nil, "serve", "--listen", "127.0.0.1:0", "--database", ":memory:").ready(t)
	set := startProgram(t, nil, "set", "acme", "config", "theme", "dark", "--nats", url)
	output, err := io.ReadAll(set.output)
	require.NoError(t, err)
	require.NoError(t, set.command.Wait())
	assert.Equal(t, "1\n", string(output))
	missing := startProgram(t, nil, "get", "acme", "config", "none", "--nats", url)
	require.Error(t, missing.command.Wait())
	assert.Equal(t, exitNotFound, missing.command.ProcessState.ExitCode())
	assert.Equal(t, "storebus: not found: config/none is not there\n", missing.errors.String())
}

func TestServe_Serve_Bad(t *testing.T) {
	t.Run("TheAddressIsTaken", func(t *testing.T) {
		t.Chdir(t.TempDir())
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer listener.Close()
		status, _, errorOutput := runProgram("serve", "--database", ":memory:", "--listen", listener.Addr().String())
		assert.Equal(t, exitFailed, status)
		assert.Contains(t, errorOutput, "use it with --nats URL")
	})
	t.Run("TheTokenIsMissing", func(t *testing.T) {
		status, _, errorOutput := runProgram("serve", "--journal-url", "http://influx", "--journal-bucket", "b", "--journal-token-file", filepath.Join(t.TempDir(), "none"))
		assert.Equal(t, exitUsage, status)
		assert.Contains(t, errorOutput, "read the token: open ")
	})
	t.Run("TheTokenIsForNoEndpoint", func(t *testing.T) {
		status, _, errorOutput := runProgram("serve", "--journal-token-file", filepath.Join(t.TempDir(), "none"))
		assert.Equal(t, exitUsage, status)
		assert.Contains(t, errorOutput, "TokenFile needs URL")
	})
}

func TestServe_Serve_Ugly_ToldToEndWhileItWaitsForTheBroker(t *testing.T) {
	program := startProgram(t, nil, "serve", "--nats", "nats://127.0.0.1:1")
	// The database is created before the broker answers.
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(program.command.Dir, "data", "storebus.db"))
		return err == nil
	}, servePatience, time.Millisecond)
	status, rest := program.end(t, syscall.SIGTERM)
	assert.Equal(t, exitDone, status, program.errors)
	assert.Empty(t, rest)
}

func TestServe_Serve_Ugly_ASecondSignalEndsAtOnce(t *testing.T) {
	// A broker that refuses events delays the end.
	denied := &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{"store.events.>"}}}
	broker := startUserBroker(t, denied)
	program := startProgram(t, []string{"STOREBUS_PASSWORD=p"}, "serve", "--nats", broker.ClientURL(), "--user", "sidecar")
	program.ready(t)
	connection, err := nats.Connect(broker.ClientURL(), nats.UserInfo("client", "p"))
	require.NoError(t, err)
	defer connection.Close()
	_, err = connection.Request("store.acme.set.config.theme", []byte("dark"), servePatience)
	require.NoError(t, err)
	program.errors.waitFor(t, "events not published")

	require.NoError(t, program.command.Process.Signal(syscall.SIGTERM))
	program.errors.waitFor(t, "msg=stopping")
	status, _ := program.end(t, syscall.SIGTERM)
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, program.errors.String(), "storebus: ended at once")
}

// configOf returns the configuration of a command line.
func configOf(t *testing.T, arguments ...string) (config storebus.Config) {
	t.Helper()
	command := serveCommand()
	command.Action = func(_ context.Context, command *cli.Command) (err error) {
		config, err = serveConfig(command)
		return err
	}
	require.NoError(t, command.Run(t.Context(), append([]string{"serve"}, arguments...)))
	return config
}

func TestServe_Config_Good(t *testing.T) {
	t.Setenv(journalTokenVariable, "secret")
	t.Setenv("NATS_URL", "nats://elsewhere:4222")
	t.Run("Defaults", func(t *testing.T) {
		config := configOf(t)
		assert.Equal(t, storebus.DefaultDatabasePath, config.DatabasePath)
		assert.Equal(t, storebus.DefaultListen, config.Listen)
		assert.Empty(t, config.NATS.URL)
		assert.Equal(t, store.Retention{Age: store.DefaultRetentionAge, Count: store.DefaultRetentionCount, Bytes: store.DefaultRetentionBytes}, config.Retention)
		assert.Equal(t, int64(64<<20), config.QueueBytes)
		assert.Equal(t, "secret", config.Journal.Token)
	})
	t.Run("EveryFlag", func(t *testing.T) {
		config := configOf(t, "--database", "db", "--durability", "relaxed", "--purge-interval", "2m", "--change-retention-age", "72h",
			"--change-retention-count", "7", "--change-retention-bytes", "2GiB", "--default-quota-keys", "1", "--default-quota-groups", "2", "--default-quota-bytes", "3KiB",
			"--default-quota-value-bytes", "4", "--default-quota-journal-bytes", "5", "--default-quota-workspace-bytes", "6", "--default-quota-log-bytes", "7", "--cache-bytes", "256MiB", "--state-directory", "s",
			"--archive-directory", "a", "--backup-directory", "b", "--nats", "nats://broker:4222", "--creds", "c", "--nkey", "n", "--user", "u",
			"--password", "p", "--token", "t", "--password-file", "pf", "--token-file", "tf", "--events-password-file", "epf", "--events-token-file", "etf", "--tlscert", "cert", "--tlskey", "key", "--tlsca", "ca", "--inbox-prefix", "_INBOX_x",
			"--events-creds", "ec", "--events-nkey", "en", "--events-user", "eu", "--events-password", "ep", "--events-token", "et",
			"--prefix", "berlin", "--queue-limit", "5", "--queue-bytes", "1KiB", "--http", ":8080", "--http-token-file", "web.token",
			"--journal-url", "http://influx", "--journal-organisation", "o", "--journal-bucket", "j", "--journal-token-file", "token")
		assert.Equal(t, storebus.Config{
			DatabasePath: "db", Durability: store.DurabilityRelaxed, PurgeInterval: 2 * time.Minute,
			Retention:    store.Retention{Age: 72 * time.Hour, Count: 7, Bytes: 2 << 30},
			DefaultQuota: store.Quota{MaxKeys: 1, MaxGroups: 2, MaxBytes: 3 << 10, MaxValueBytes: 4, MaxJournalBytes: 5, MaxWorkspaceBytes: 6, MaxLogBytes: 7},
			CacheBytes:   256 << 20, StateDirectory: "s", ArchiveDirectory: "a", BackupDirectory: "b",
			NATS: storebus.NATSConfig{URL: "nats://broker:4222",
				NATSCredentials: storebus.NATSCredentials{CredentialsFile: "c", SeedFile: "n", User: "u", Password: "p", PasswordFile: "pf", Token: "t", TokenFile: "tf"},
				CertificateFile: "cert", KeyFile: "key", AuthorityFile: "ca", InboxPrefix: "_INBOX_x"},
			EventsNATS: storebus.NATSCredentials{CredentialsFile: "ec", SeedFile: "en", User: "eu", Password: "ep", PasswordFile: "epf", Token: "et", TokenFile: "etf"},
			Prefix:     "berlin", QueueLimit: 5, QueueBytes: 1 << 10, HTTPAddress: ":8080", HTTPTokenFile: "web.token",
			Journal: storebus.JournalConfig{URL: "http://influx", Organisation: "o", Bucket: "j", TokenFile: "token"},
		}, config)
	})
}

func TestServe_Help_Ugly_ShowsNoSecret(t *testing.T) {
	t.Setenv(journalTokenVariable, "very-secret")
	for _, variable := range []string{"STOREBUS_PASSWORD", "STOREBUS_TOKEN", "STOREBUS_EVENTS_PASSWORD", "STOREBUS_EVENTS_TOKEN"} {
		t.Setenv(variable, "very-secret")
	}
	_, output, errorOutput := runProgram("serve", "--help")
	assert.NotContains(t, output+errorOutput, "very-secret")
}

func TestServe_Listen_Bad_BeyondThisMachine(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "broker.example:0"} {
		t.Run(address, func(t *testing.T) {
			t.Chdir(t.TempDir())
			status, output, errorOutput := runProgram("serve", "--listen", address)
			assert.Equal(t, exitUsage, status)
			assert.Empty(t, output)
			for _, word := range []string{address, "asks nobody for credentials", "--nats URL", "--listen address such as 127.0.0.1:4222", "--insecure"} {
				assert.Contains(t, errorOutput, word)
			}
			assert.NoDirExists(t, "data")
		})
	}
}

func TestServe_Listen_Ugly_Insecure(t *testing.T) {
	program := startProgram(t, []string{"STOREBUS_INSECURE=true"}, "serve", "--listen", "0.0.0.0:0", "--database", ":memory:")
	assert.Regexp(t, `^nats://127\.0\.0\.1:\d+$`, program.ready(t))
}
