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

// preloadInFlight is the number of writes in flight while keys are loaded.
const preloadInFlight = 256

// Prepare starts the parts for the trials, writes every key they use, and teaches the
// responder its answers. It returns the trials that can be measured.
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

// keySpace is a set of keys: a namespace of a sidecar, or a bucket.
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
			continue // points have no keys
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

// filling returns the writes that fill the keys of a trial. The responder has no store: it
// repeats the sidecar's answers. If keys expire, the trial writes them itself.
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

// writeKeys writes every key once and waits until nothing is left to do.
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

// teach makes the responder give exactly the sidecar's answers.
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

// pattern is the responder's subject for the requests of a trial.
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

// teachOne sends one request to the sidecar, and sends its reply to the responder.
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

// learn sends an answer to the responder.
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
