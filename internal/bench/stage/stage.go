// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nuid"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/subjects"
)

// Stage has everything that takes part: the processes, and the client's connections.
type Stage struct {
	config    Config
	directory string
	launcher  launcher
	brokers   []*broker
	// outside is the broker of all cases except the embedded ones. always is the broker
	// whose JetStream fsyncs every write; it may be nil.
	outside, always *broker
	sidecars        map[target]*sidecar
	echo            *process
	echoSpace       subjects.Space
	subscribers     map[int]*process // by their number
	buckets         []bucket
	values          map[int]*load.ValuePool // by size
	// id keeps our subjects and buckets apart from those of others, if the broker was
	// running already.
	id string
	// last is the previous trial.
	last Trial
	// fsync is the time of an fsync in the folder of the files.
	fsync time.Duration
	// longLead is the time between the writing of a large group and its expiry, 0 until it
	// is known.
	longLead time.Duration
	// durability is the durability of the sidecars.
	durability string
}

// Open creates the folder and starts the broker, which every case needs. If a part ends by
// itself, its goroutine calls fail. The caller must close the stage, even after an error.
//
//	stage.Open(ctx, fail, stage.Config{Keys: 10_000, ValueBytes: 128, Connections: 1, Program: "/usr/local/bin/storebus"})
func Open(ctx context.Context, fail context.CancelCauseFunc, config Config) (*Stage, error) {
	stage := &Stage{
		config: config, sidecars: map[target]*sidecar{}, subscribers: map[int]*process{}, values: map[int]*load.ValuePool{},
		launcher: launcher{program: config.Program, fail: fail},
	}
	if config.NATSURL != "" {
		stage.id = "-" + nuid.Next()
	}
	for _, step := range []func(context.Context) error{stage.makeDirectory, stage.startOutside} {
		if err := step(ctx); err != nil {
			return stage, err
		}
	}
	return stage, nil
}

// Machine returns this machine, with the broker that most cases share.
func (stage *Stage) Machine() report.Machine {
	return report.NewMachine(storebus.Version, stage.outside.control.ConnectedServerVersion(), stage.fsync)
}

// Durability returns the durability of the sidecars.
func (stage *Stage) Durability() string { return stage.durability }

// Close ends every process and removes the files.
func (stage *Stage) Close() error {
	failures := []error{stage.deleteBuckets()}
	for _, broker := range stage.brokers {
		broker.disconnect()
	}
	failures = append(failures, stage.launcher.stop())
	if stage.directory != "" {
		failures = append(failures, os.RemoveAll(stage.directory))
	}
	return errors.Join(failures...)
}

func (stage *Stage) makeDirectory(context.Context) (err error) {
	if stage.config.Directory != "" {
		if err := os.MkdirAll(stage.config.Directory, 0o700); err != nil {
			return err
		}
	}
	if stage.config.Profile != "" {
		if err := os.MkdirAll(stage.config.Profile, 0o755); err != nil {
			return fmt.Errorf("the folder for profiles cannot be made: %w", err)
		}
	}
	stage.directory, err = os.MkdirTemp(stage.config.Directory, "storebus-bench-")
	if err != nil {
		return err
	}
	stage.launcher.directory = stage.directory
	stage.fsync, err = measureFsync(stage.directory)
	return err
}

func (stage *Stage) startEcho(ctx context.Context) (err error) {
	if stage.echoSpace, err = subjects.NewSpace("floor" + stage.id); err != nil {
		return err
	}
	stage.echo, err = stage.launcher.launch(ctx, "echo", stage.outside.url, echoCommand, "--", stage.echoSpace.Prefix())
	return err
}

// require starts the parts that one case needs, if they are missing.
func (stage *Stage) require(ctx context.Context, trial Trial) (err error) {
	if _, made := stage.values[trial.ValueBytes]; !made {
		stage.values[trial.ValueBytes] = load.NewValuePool(trial.ValueBytes)
	}
	switch trial.target {
	case targetKV:
		return stage.requireBucket(ctx, stage.outside, bucketName(stage.id, trial.ValueBytes))
	case targetAlways:
		return stage.requireAlways(ctx, trial)
	case targetEmbedded, targetLarge, targetScale, targetJournal, targetNoHTTP, targetScraped:
		if stage.sidecars[trial.target] != nil {
			return nil
		}
		if trial.target == targetEmbedded {
			return stage.startSidecar(ctx, targetEmbedded, "store", nil)
		}
		return stage.startSidecar(ctx, trial.target, string(trial.target), stage.outside)
	}
	return stage.requireSubscribers(ctx, trial)
}

// requireSubscribers starts the subscribers of a case.
func (stage *Stage) requireSubscribers(ctx context.Context, trial Trial) (err error) {
	count := trial.subscribers
	if count == 0 || stage.subscribers[count] != nil {
		return nil
	}
	space := stage.sidecars[targetSidecar].space
	stage.subscribers[count], err = stage.launcher.launch(ctx, "subscribers-"+strconv.Itoa(count), stage.outside.url, subscribersCommand, "--",
		strconv.Itoa(count), space.Events(trial.namespace()), stage.reportSubject(count))
	return err
}

// reportSubject is the subject on which subscribers report their arrivals.
func (stage *Stage) reportSubject(count int) string {
	return stage.echoSpace.Prefix() + ".arrived." + strconv.Itoa(count)
}
