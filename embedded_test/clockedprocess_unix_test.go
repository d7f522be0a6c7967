// SPDX-License-Identifier: EUPL-1.2

//go:build unix

package embedded_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus"
)

// clockedVariable turns this test binary into a sidecar whose clock a test can set. Its value is a
// clockedConfig in JSON.
const clockedVariable = "STOREBUS_TEST_CLOCKED_SIDECAR"

// clockStep is by how much one signal sets the clock.
const clockStep = 4 * time.Second

// The signals that set the clock.
const (
	clockForward = syscall.SIGUSR1
	clockBack    = syscall.SIGUSR2
)

func init() { programs[clockedVariable] = runClocked }

type clockedConfig struct{ URL, Database, Archives, Endpoint string }

// startClockedProcess starts a sidecar as a process. SIGUSR1 sets its clock forward, SIGUSR2 back.
func startClockedProcess(t *testing.T, config clockedConfig) *process {
	t.Helper()
	executable, err := os.Executable()
	require.NoError(t, err)
	encoded, err := json.Marshal(config)
	require.NoError(t, err)
	return startProcess(t, executable, []string{clockedVariable + "=" + string(encoded)})
}

// runClocked is the main function of the sidecar's process. It returns after SIGTERM.
func runClocked(encoded string) error {
	var config clockedConfig
	if err := json.Unmarshal([]byte(encoded), &config); err != nil {
		return err
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, clockForward, clockBack, syscall.SIGTERM)
	var step atomic.Int64
	began := time.Now()
	sidecar, err := storebus.Start(context.Background(), storebus.Config{
		DatabasePath:     config.Database,
		ArchiveDirectory: config.Archives,
		NATS:             storebus.NATSConfig{URL: config.URL},
		Journal:          storebus.JournalConfig{URL: config.Endpoint, Organisation: "o", Bucket: "b"},
		Clock:            func() time.Time { return time.Now().Add(time.Duration(step.Load())) },
		Elapsed:          func() time.Duration { return time.Since(began) },
		Logger:           slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	fmt.Println(readyLine) //nolint:forbidigo // the parent reads this line
	for received := range signals {
		switch received {
		case clockForward:
			step.Add(int64(clockStep))
		case clockBack:
			step.Add(-int64(clockStep))
		default:
			return sidecar.Close()
		}
	}
	return nil
}
