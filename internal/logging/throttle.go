// SPDX-License-Identifier: EUPL-1.2

package logging

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// The bounds of lines with the same message.
const (
	// burstLines is the number of lines written at once: they may have different causes.
	burstLines = 5
	// minInterval is the time until one more line is written. It doubles with each line, up
	// to maxInterval. If a message did not come for maxInterval, it begins again.
	minInterval = 10 * time.Second
	maxInterval = 10 * time.Minute
)

// leftOutKey is the attribute with the number of lines left out before a line.
const leftOutKey = "left_out"

// Throttle returns a logger that writes the first five lines of a message at once. Then it
// writes one line after 10 s, one after 20 s more, and so on, up to one in 10 minutes. Each
// of these is the newest line. Its left_out is the number of lines left out since the last
// one. If a message did not come for 10 minutes, it begins again.
//
// Messages must be constants, because each is remembered. Lines below LevelInfo are all
// written. A throttled logger is returned unchanged. If logger is nil or zero, Throttle
// returns a logger that discards everything.
//
//	logger = logging.Throttle(logger)
//	defer logging.Flush(logger)
func Throttle(logger *slog.Logger) *slog.Logger {
	if logger == nil || logger.Handler() == nil {
		return slog.New(slog.DiscardHandler)
	}
	if _, throttled := logger.Handler().(*handler); throttled {
		return logger
	}
	return slog.New(&handler{next: logger.Handler(), lines: &lines{known: map[string]*line{}}})
}

// Flush writes, for each message with lines left out, the newest line and the number of those
// lines. Then counting begins again. Flush does nothing with a logger that is not throttled.
func Flush(logger *slog.Logger) {
	throttled, ok := logger.Handler().(*handler)
	if !ok {
		return
	}
	lines := throttled.lines
	lines.mutex.Lock()
	defer lines.mutex.Unlock()
	for key, line := range lines.known {
		if line.timer != nil {
			line.timer.Stop()
		}
		line.writeHeld()
		delete(lines.known, key)
	}
}

// handler is the handler of a throttled logger.
type handler struct {
	next slog.Handler
	// scope has the attributes and groups of every line of the logger.
	scope string
	lines *lines
}

// lines is the state of all messages of a logger and of the loggers made from it.
type lines struct {
	mutex sync.Mutex
	known map[string]*line
}

// line is the state of one message.
type line struct {
	// written counts the lines of the burst.
	written int
	// came is the arrival of the newest line. last is the time of the last written line.
	// One more may be written when interval has passed since last.
	came     time.Time
	last     time.Time
	interval time.Duration
	// held is the newest line that was left out. handler would have written it.
	held    slog.Record
	handler slog.Handler
	leftOut uint64
	timer   *time.Timer
}

// Enabled implements slog.Handler.
func (handler *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return handler.next.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (handler *handler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelInfo && !handler.lines.hold(handler, &record) {
		return nil
	}
	return handler.next.Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (handler *handler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return handler.within(handler.next.WithAttrs(attributes), fmt.Sprint(attributes))
}

// WithGroup implements slog.Handler.
func (handler *handler) WithGroup(name string) slog.Handler {
	return handler.within(handler.next.WithGroup(name), name)
}

func (handler *handler) within(next slog.Handler, scope string) slog.Handler {
	inner := *handler
	inner.next, inner.scope = next, handler.scope+"\x00"+scope
	return &inner
}

// hold records a line, and reports whether it must be written now.
func (lines *lines) hold(handler *handler, record *slog.Record) (write bool) {
	key := record.Level.String() + handler.scope + "\x00" + record.Message
	lines.mutex.Lock()
	defer lines.mutex.Unlock()
	known, now := lines.known[key], time.Now()
	if known == nil || known.timer == nil && now.Sub(known.came) >= maxInterval {
		known = &line{interval: minInterval}
		lines.known[key] = known
	}
	known.came = now
	if known.written < burstLines {
		known.written, known.last = known.written+1, now
		return true
	}
	if known.timer == nil && now.Sub(known.last) >= known.interval {
		known.wrote(now)
		return true
	}
	known.held, known.handler = record.Clone(), handler.next
	known.leftOut++
	if known.timer == nil {
		known.timer = time.AfterFunc(known.interval-now.Sub(known.last), func() { lines.next(known) })
	}
	return false
}

// next writes the newest line of a message at the end of its interval.
func (lines *lines) next(line *line) {
	lines.mutex.Lock()
	defer lines.mutex.Unlock()
	line.timer = nil
	line.wrote(time.Now())
	line.writeHeld()
}

// wrote records the time of a written line, and doubles the interval.
func (line *line) wrote(now time.Time) {
	line.last, line.interval = now, min(2*line.interval, maxInterval)
}

// writeHeld writes the newest line that was left out. That line does not count as left out.
func (line *line) writeHeld() {
	if line.leftOut == 0 {
		return
	}
	if before := line.leftOut - 1; before > 0 {
		line.held.AddAttrs(slog.Uint64(leftOutKey, before))
	}
	_ = line.handler.Handle(context.Background(), line.held) // nobody can read a message about a failed log
	line.leftOut = 0
}
