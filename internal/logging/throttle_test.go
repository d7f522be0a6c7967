// SPDX-License-Identifier: EUPL-1.2

package logging_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"dappco.re/go/storebus/internal/logging"
)

// written collects the output of a logger.
type written struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

func (written *written) Write(line []byte) (int, error) {
	written.mutex.Lock()
	defer written.mutex.Unlock()
	return written.text.Write(line)
}

// lines returns the lines since its last call.
func (written *written) lines() []string {
	written.mutex.Lock()
	defer written.mutex.Unlock()
	defer written.text.Reset()
	return strings.FieldsFunc(written.text.String(), func(char rune) bool { return char == '\n' })
}

// newLogger returns a throttled logger, and a function for its output without the times.
func newLogger() (*slog.Logger, func() []string) {
	written := &written{}
	handler := slog.NewTextHandler(written, &slog.HandlerOptions{ReplaceAttr: func(_ []string, attribute slog.Attr) slog.Attr {
		if attribute.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return attribute
	}})
	return logging.Throttle(slog.New(handler)), written.lines
}

func TestThrottle_Handle_Good(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, lines := newLogger()
		for number := range 20_000 {
			logger.Warn("no", "number", number)
		}
		assert.Equal(t, []string{
			"level=WARN msg=no number=0", "level=WARN msg=no number=1", "level=WARN msg=no number=2", "level=WARN msg=no number=3", "level=WARN msg=no number=4",
		}, lines())
		<-time.After(10 * time.Second)
		synctest.Wait()
		assert.Equal(t, []string{"level=WARN msg=no number=19999 left_out=19994"}, lines())
		// A single later line is written at once, and without a count.
		<-time.After(20 * time.Second)
		logger.Warn("no", "number", 7)
		assert.Equal(t, []string{"level=WARN msg=no number=7"}, lines())
	})
}

func TestThrottle_Handle_Good_WhatGoesOnForAWeek(t *testing.T) {
	for _, interval := range []time.Duration{time.Second, 25 * time.Second, 9 * time.Minute} {
		t.Run(interval.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				logger, lines := newLogger()
				const week = 7 * 24 * time.Hour
				for range week / interval {
					logger.Error("still")
					<-time.After(interval)
				}
				logging.Flush(logger)
				count := len(lines())
				// One each ten minutes, and some at the beginning.
				assert.Less(t, count, int(week/(10*time.Minute))+12)
				assert.Greater(t, count, int(week/(10*time.Minute))/2)
				<-time.After(time.Hour)
				logger.Error("still")
				assert.Len(t, lines(), 1, "it begins anew")
			})
		})
	}
}

func TestThrottle_Handle_Good_OthersAreWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, lines := newLogger()
		requests, events := logger.With("connection", "requests"), logger.With("connection", "events").WithGroup("group")
		for range 100 {
			requests.Error("gone")
		}
		lines()
		events.Error("gone", "why", "x")
		requests.Warn("gone")
		requests.Error("another")
		requests.Debug("nothing")
		assert.Equal(t, []string{
			"level=ERROR msg=gone connection=events group.why=x", "level=WARN msg=gone connection=requests", "level=ERROR msg=another connection=requests",
		}, lines())
		logging.Flush(logger)
		assert.Equal(t, []string{"level=ERROR msg=gone connection=requests left_out=94"}, lines())
	})
}

func TestThrottle_Flush_Good(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, lines := newLogger()
		for number := range 7 {
			logger.Info("no", "number", number)
		}
		lines()
		logging.Flush(logger)
		assert.Equal(t, []string{"level=INFO msg=no number=6 left_out=1"}, lines())
		logging.Flush(logger)
		<-time.After(time.Hour)
		synctest.Wait()
		assert.Empty(t, lines())
		logger.Info("no", "number", 8)
		assert.Len(t, lines(), 1)
	})
}

func TestThrottle_Throttle_Good(t *testing.T) {
	logger, _ := newLogger()
	assert.Same(t, logger, logging.Throttle(logger), "nothing is counted twice")
	inner := logger.With("connection", "events")
	assert.Same(t, inner, logging.Throttle(inner))
	logging.Throttle(nil).Error("nobody reads it")
	logging.Throttle(&slog.Logger{}).Error("nobody reads it")
	logging.Flush(slog.New(slog.DiscardHandler))
}

func TestThrottle_Handle_Ugly_FromManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logger, lines := newLogger()
		var writing sync.WaitGroup
		for range 32 {
			writing.Go(func() {
				for range 100 {
					logger.Warn("no")
				}
			})
		}
		writing.Wait()
		assert.Len(t, lines(), 5)
		logging.Flush(logger)
		assert.Equal(t, []string{"level=WARN msg=no left_out=3194"}, lines())
	})
}

func TestThrottle_Handle_Good_DebugLinesAreAllWritten(t *testing.T) {
	var output written
	logger := logging.Throttle(slog.New(slog.NewTextHandler(&output, &slog.HandlerOptions{Level: slog.LevelDebug})))
	for range 20 {
		logger.Debug("request")
	}
	assert.Len(t, output.lines(), 20)
}

func TestCondition_Becomes_Good(t *testing.T) {
	var condition logging.Condition
	for _, step := range []struct {
		state   string
		leftOut uint64
		changed bool
	}{
		{"", 0, false}, {"", 0, false}, {"away", 0, true}, {"away", 0, false}, {"away", 0, false}, {"refused", 2, true}, {"", 0, true}, {"away", 0, true},
	} {
		leftOut, changed := condition.Becomes(step.state)
		assert.Equal(t, step.leftOut, leftOut)
		assert.Equal(t, step.changed, changed)
		assert.Equal(t, step.state != "", condition.Holds())
	}
}
