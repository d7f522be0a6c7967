// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

// trial is one case: a kind at one level, with values of one size.
type trial struct {
	kind
	inFlight, valueBytes int
}

func (trial trial) String() string {
	return fmt.Sprintf("%s, %d in flight, %s", trial.name, trial.inFlight, report.Bytes(trial.valueBytes))
}

// namespace keeps values of different sizes apart, and changes that somebody
// listens to from those that nobody does.
func (trial trial) namespace() string {
	switch {
	case trial.subscribers > 0:
		return "heard-" + strconv.Itoa(trial.subscribers)
	case trial.lag:
		return "lag"
	case trial.expiry:
		return "expiring"
	}
	return "v" + strconv.Itoa(trial.valueBytes)
}

// places gives where the keys of a case are.
func (trial trial) places() load.Places {
	return trial.spread.Places(trial.namespace())
}

// hasLongWork reports whether a large group is deleted, or expires, beside a case.
func (trial trial) hasLongWork() bool { return trial.work != "" }

// result gives the medians of the rounds of a case.
func (trial trial) result(rounds []report.Round) report.Result {
	return report.NewResult(trial.name, string(trial.target), trial.inFlight, trial.valueBytes, rounds)
}

// writesStore reports whether a case, or what goes on beside it, writes to a sidecar.
func (trial trial) writesStore() bool {
	switch trial.target {
	case targetJournal:
		return true
	case targetSidecar, targetEmbedded, targetLarge, targetScale, targetNoHTTP, targetScraped:
		return trial.writers > 0 || trial.verb == verbSet || trial.verb == verbRawSet
	}
	return trial.writers > 0
}

// keys is how many keys a case uses.
func (trial trial) keys(config *Config) int {
	switch trial.target {
	case targetLarge:
		return max(largeKeys, config.Keys)
	case targetScale:
		return trial.held
	}
	return config.Keys
}

// brokerOf gives the broker that a case's requests go to.
func (stage *stage) brokerOf(trial trial) *broker {
	if trial.target == targetAlways {
		return stage.always
	}
	return stage.sidecarOf(trial).broker
}

// operationOf gives what a case asks.
func (stage *stage) operationOf(trial trial) load.Operation {
	space := stage.sidecarOf(trial).space
	if trial.target == targetEcho {
		space = stage.echoSpace
	}
	namespace, bucket := trial.namespace(), bucketName(stage.id, trial.valueBytes)
	switch trial.verb {
	case verbSet:
		return load.Set(space, trial.places())
	case verbGet:
		return load.Get(space, trial.places(), trial.valueBytes)
	case verbRawSet:
		return load.RawSet(space, namespace)
	case verbRawGet:
		return load.RawGet(space, namespace, trial.valueBytes)
	case verbList:
		return load.List(space, namespace, trial.keys(&stage.config))
	case verbPut:
		return load.Put(bucket)
	case verbRead:
		return load.Read(bucket, trial.valueBytes)
	case verbCommit:
		return load.Commit(space, namespace)
	}
	return load.Echo(plainEcho(space.Prefix()), trial.valueBytes)
}

// loopOf gives the loop of a case, to be run for a time.
func (stage *stage) loopOf(trial trial, duration time.Duration, seed uint64) load.Loop {
	return load.Loop{
		Connections: stage.brokerOf(trial).load,
		Operation:   stage.operationOf(trial),
		InFlight:    trial.inFlight,
		Duration:    duration,
		Keys:        load.UniformKeys(trial.keys(&stage.config)),
		Values:      stage.values[trial.valueBytes],
		Seed:        seed,
	}
}

// meterOf gives the processes that a case keeps busy.
func (stage *stage) meterOf(trial trial) meter {
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
