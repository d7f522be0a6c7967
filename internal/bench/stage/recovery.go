// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/internal/bench/report"
)

const (
	// killSilence is the longest wait for the replies of a killed sidecar.
	killSilence = time.Second
	// killSeed is the seed of the sets before the kill.
	killSeed = ^uint64(0)
)

// Recover kills the sidecar amid sets after the given time, and starts it again.
func (stage *Stage) Recover(ctx context.Context, size Size, after time.Duration) (report.Recovery, error) {
	loop := stage.loopOf(size.Sets(stage.config.ValueBytes), 0, killSeed)
	loop.Silence = killSilence
	drive, err := loop.Start()
	if err != nil {
		return report.Recovery{}, err
	}
	err = drive.Pause(ctx, after)
	stage.sidecars[targetScale].process.kill()
	drive.Stop()
	if _, waitError := drive.Wait(ctx); err == nil { // missing replies of the killed sidecar are no failure
		err = waitError
	}
	if err != nil {
		return report.Recovery{}, err
	}
	return stage.restart(ctx, size)
}

// restart starts a sidecar on the existing files.
func (stage *Stage) restart(ctx context.Context, size Size) (recovery report.Recovery, err error) {
	began := time.Now()
	if err := stage.startSidecar(ctx, targetScale, string(targetScale), stage.outside); err != nil {
		return recovery, err
	}
	recovery.Ready = time.Since(began).Seconds()
	if err := stage.getOnce(ctx, size); err != nil {
		return recovery, err
	}
	recovery.FirstGet = time.Since(began).Seconds()
	status, err := stage.sidecars[targetScale].client.Status(ctx)
	if err != nil {
		return recovery, err
	}
	recovery.Keys, stage.durability = status.Entries, status.Durability
	if recovery.Keys != uint64(size.Keys) {
		return recovery, fmt.Errorf("after the SIGKILL there were %d keys, not %d", recovery.Keys, size.Keys)
	}
	return recovery, nil
}

// getOnce gets a key that has not been read since the start.
func (stage *Stage) getOnce(ctx context.Context, size Size) error {
	operation := load.Get(stage.sidecars[targetScale].space, size.Places(""), stage.config.ValueBytes)
	key := rand.New(rand.NewPCG(killSeed, 0)).IntN(size.Keys)
	subject, payload := operation.Request(load.Input{Key: key})
	ctx, cancel := context.WithTimeout(ctx, load.ReplyTimeout)
	defer cancel()
	reply, err := stage.outside.control.RequestWithContext(ctx, subject, payload)
	if err == nil {
		_, err = operation.Accept(reply)
	}
	return err
}
