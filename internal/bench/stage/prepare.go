// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
	"dappco.re/go/storebus/subjects"
)

// preloadInFlight is how many writes are in flight while keys are loaded.
const preloadInFlight = 256

// Prepare starts what the trials need, writes every key that they use, and teaches
// the responder what to answer. It gives the trials that can be measured.
func (stage *Stage) Prepare(ctx context.Context, trials []Trial, progress *report.Progress) ([]Trial, error) {
	for _, start := range []func(context.Context) error{stage.startEcho, stage.startOutsideSidecar} {
		if err := start(ctx); err != nil {
			return nil, err
		}
	}
	possible, silent := trials[:0:0], map[string]bool{}
	for _, trial := range trials {
		progress.Say("starting what %s needs", trial.Name)
		err := stage.require(ctx, trial)
		if errors.Is(err, ErrNoJetStream) && stage.config.NATSURL != "" {
			if !silent[trial.Name] {
				progress.Note("%s is left out: %v", trial.Name, err)
			}
			silent[trial.Name] = true
			continue
		}
		if err != nil {
			return nil, err
		}
		possible = append(possible, trial)
	}
	if len(possible) == 0 {
		return nil, fmt.Errorf("nothing can be measured: %w", ErrNoJetStream)
	}
	for _, step := range []func() error{
		func() error { return stage.preload(ctx, possible, progress) },
		func() error { return stage.teach(ctx, possible) },
		stage.syncBroker,
		func() error { return stage.AwaitCheckpoints(ctx) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return possible, nil
}

// keySpace is where keys are: a namespace of a sidecar, or a bucket.
type keySpace struct {
	target     target
	namespace  string
	valueBytes int
}

// preload writes every key of every key space that a trial uses, once.
func (stage *Stage) preload(ctx context.Context, trials []Trial, progress *report.Progress) error {
	filled := map[keySpace]bool{}
	for _, trial := range trials {
		if trial.verb == verbCommit {
			continue // points are nobody's keys
		}
		write := trial.filling()
		space := keySpace{write.target, write.namespace(), write.ValueBytes}
		if filled[space] {
			continue
		}
		filled[space] = true
		progress.Say("writing %d keys of %s for %s", write.keys(&stage.config), report.Bytes(write.ValueBytes), trial.Name)
		if write.target == targetLarge {
			progress.Tell("writing a million keys, which takes a while")
		}
		if err := stage.writeKeys(ctx, write); err != nil {
			return fmt.Errorf("write the keys for %s: %w", trial.Name, err)
		}
	}
	return nil
}

// filling gives the writes that fill what a trial uses. The responder has no store:
// it answers as the sidecar does. Keys that expire are the trial's own to write.
func (trial Trial) filling() Trial {
	trial.InFlight, trial.verb, trial.expiry = preloadInFlight, verbSet, false
	switch trial.target {
	case targetKV, targetAlways:
		trial.verb = verbPut
	case targetEcho:
		trial.target = targetSidecar
	}
	return trial
}

// writeKeys writes every key once and waits until nothing of it is left to do.
func (stage *Stage) writeKeys(ctx context.Context, write Trial) error {
	loop := stage.loopOf(write, 0, 0)
	loop.Keys = load.EveryKey(write.keys(&stage.config))
	outcome, err := loop.Run(ctx)
	if err != nil {
		return err
	}
	if err := outcome.Complete(); err != nil {
		return err
	}
	return stage.sidecarOf(write).drain(ctx)
}

// teach has the responder answer what it is asked exactly as the sidecar does.
func (stage *Stage) teach(ctx context.Context, trials []Trial) error {
	taught := map[string]bool{}
	for _, trial := range trials {
		pattern := stage.pattern(trial)
		if trial.target != targetEcho || trial.verb == verbEcho || taught[pattern] {
			continue
		}
		taught[pattern] = true
		if err := stage.teachOne(ctx, trial, pattern); err != nil {
			return fmt.Errorf("teach the responder %s: %w", pattern, err)
		}
	}
	return nil
}

// pattern is the subject that the responder hears the requests of a trial on.
func (stage *Stage) pattern(trial Trial) string {
	namespace := trial.namespace()
	switch trial.verb {
	case verbSet:
		return stage.echoSpace.Request(namespace, subjects.VerbSet)
	case verbRawGet:
		return stage.echoSpace.Request(namespace, subjects.VerbGet) + ".*.*"
	}
	return stage.echoSpace.Request(namespace, subjects.VerbGet)
}

// teachOne asks the sidecar once, and hands the reply to the responder.
func (stage *Stage) teachOne(ctx context.Context, trial Trial, pattern string) error {
	asked := trial
	asked.target = targetSidecar
	operation := stage.operationOf(asked)
	random := rand.New(rand.NewPCG(0, 0))
	subject, payload := operation.Request(load.Input{Value: stage.values[trial.ValueBytes].Value(random)})
	reply, err := stage.outside.control.RequestWithContext(ctx, subject, payload)
	if err != nil {
		return err
	}
	if _, err := operation.Accept(reply); err != nil {
		return err
	}
	return stage.outside.learn(ctx, stage.echoSpace.Prefix(), pattern, reply)
}

// learn hands an answer to the responder.
func (broker *broker) learn(ctx context.Context, space, pattern string, answer *nats.Msg) error {
	lesson := nats.NewMsg(answersSubject(space))
	for name, values := range answer.Header {
		lesson.Header[name] = values
	}
	lesson.Header.Set(patternHeader, pattern)
	lesson.Data = answer.Data
	reply, err := broker.control.RequestMsgWithContext(ctx, lesson)
	if err == nil && len(reply.Data) > 0 {
		err = errors.New(string(reply.Data))
	}
	return err
}
