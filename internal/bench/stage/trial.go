// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

// Trial is one case: a kind at one level, with values of one size.
type Trial struct {
	Kind
	InFlight, ValueBytes int
}

func (trial Trial) String() string {
	return fmt.Sprintf("%s, %d in flight, %s", trial.Name, trial.InFlight, report.Bytes(trial.ValueBytes))
}

// namespace separates values of different sizes, and changes with subscribers from changes
// without.
func (trial Trial) namespace() string {
	switch {
	case trial.subscribers > 0:
		return "heard-" + strconv.Itoa(trial.subscribers)
	case trial.lag:
		return "lag"
	case trial.expiry:
		return "expiring"
	}
	return "v" + strconv.Itoa(trial.ValueBytes)
}

// places returns the places of a case's keys.
func (trial Trial) places() load.Places {
	return trial.spread.Places(trial.namespace())
}

// HasSidecar reports whether a sidecar answers the requests of a case.
func (trial Trial) HasSidecar() bool {
	return !slices.Contains([]target{targetEcho, targetKV, targetAlways}, trial.target)
}

// HasLongWork reports whether a large group is deleted, or expires, beside a case.
func (trial Trial) HasLongWork() bool { return trial.work != "" }

// Result returns the medians of the rounds of a case.
func (trial Trial) Result(rounds []report.Round) report.Result {
	return report.NewResult(trial.Name, string(trial.target), trial.InFlight, trial.ValueBytes, rounds)
}

// writesStore reports whether a case, or a companion, writes to a sidecar.
func (trial Trial) writesStore() bool {
	switch trial.target {
	case targetJournal:
		return true
	case targetSidecar, targetEmbedded, targetLarge, targetScale, targetNoHTTP, targetScraped:
		return trial.writers > 0 || trial.verb == verbSet || trial.verb == verbRawSet
	}
	return trial.writers > 0
}

// keys returns the number of keys of a case.
func (trial Trial) keys(config *Config) int {
	switch trial.target {
	case targetLarge:
		return max(largeKeys, config.Keys)
	case targetScale:
		return trial.held
	}
	return config.Keys
}

// brokerOf returns the broker for the requests of a case.
func (stage *Stage) brokerOf(trial Trial) *broker {
	if trial.target == targetAlways {
		return stage.always
	}
	return stage.sidecarOf(trial).broker
}

// operationOf returns the operation of a case.
func (stage *Stage) operationOf(trial Trial) load.Operation {
	space := stage.sidecarOf(trial).space
	if trial.target == targetEcho {
		space = stage.echoSpace
	}
	namespace, bucket := trial.namespace(), bucketName(stage.id, trial.ValueBytes)
	switch trial.verb {
	case verbSet:
		return load.Set(space, trial.places())
	case verbGet:
		return load.Get(space, trial.places(), trial.ValueBytes)
	case verbRawSet:
		return load.RawSet(space, namespace)
	case verbRawGet:
		return load.RawGet(space, namespace, trial.ValueBytes)
	case verbList:
		return load.List(space, namespace, trial.keys(&stage.config))
	case verbPut:
		return load.Put(bucket)
	case verbRead:
		return load.Read(bucket, trial.ValueBytes)
	case verbCommit:
		return load.Commit(space, namespace)
	}
	return load.Echo(plainEcho(space.Prefix()), trial.ValueBytes)
}

// loopOf returns the loop of a case, for a given time.
func (stage *Stage) loopOf(trial Trial, duration time.Duration, seed uint64) load.Loop {
	return load.Loop{
		Connections: stage.brokerOf(trial).load,
		Operation:   stage.operationOf(trial),
		InFlight:    trial.InFlight,
		Duration:    duration,
		Keys:        load.UniformKeys(trial.keys(&stage.config)),
		Values:      stage.values[trial.ValueBytes],
		Seed:        seed,
		WithIDs:     trial.withIDs,
	}
}

// meterOf returns a meter for the processes that a case keeps busy.
func (stage *Stage) meterOf(trial Trial) meter {
	meter := meter{report.RoleClient: os.Getpid()}
	if broker := stage.brokerOf(trial); broker.process != nil {
		meter[report.RoleBroker] = broker.process.pid()
	}
	if sidecar := stage.sidecars[trial.target]; sidecar != nil {
		meter[report.RoleResponder] = sidecar.process.pid()
	}
	if trial.target == targetEcho {
		meter[report.RoleResponder] = stage.echo.pid()
	}
	if subscribers := stage.subscribers[trial.subscribers]; subscribers != nil {
		meter[report.RoleSubscribers] = subscribers.pid()
	}
	return meter
}
