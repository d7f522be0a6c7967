// SPDX-License-Identifier: EUPL-1.2

package upkeep

import (
	"log/slog"
	"time"

	"dappco.re/go/storebus/store/internal/clock"
	"dappco.re/go/storebus/store/internal/disk"
	"dappco.re/go/storebus/store/internal/sqlite"
)

const (
	// aheadToTell is the smallest difference at which the log says that the store's clock is
	// ahead of the wall clock. aheadAtStart is the smallest difference at which a start gives
	// advice. stepToTell is the smallest step forward in the log.
	aheadToTell  = time.Second
	aheadAtStart = 10 * time.Second
	stepToTell   = 10 * time.Second
	// clockSaveInterval is how often the time of a clock that is ahead is saved. So a crash
	// makes deadlines later by that much at most.
	clockSaveInterval = time.Minute
)

// ClockWatch logs when the clocks begin to differ, and when that is over.
type ClockWatch struct {
	disk   *disk.Disk
	logger *slog.Logger
	clock  *clock.Clock
	// ahead tells that the log says so.
	ahead bool
	// last has the values of the clocks at the last look.
	last clock.Reading
	// saved is when the store's time was last saved.
	saved time.Duration

	selectTime *sqlite.Statement
	saveTime   *sqlite.Statement
}

// NewClockWatch prepares the statements of the saved time.
func NewClockWatch(session *sqlite.Session, clock *clock.Clock, writer *disk.Disk, logger *slog.Logger) *ClockWatch {
	return &ClockWatch{
		disk: writer, logger: logger, clock: clock,
		selectTime: session.Prepare(`SELECT value FROM meta WHERE name = 'clock'`),
		saveTime:   session.Prepare(`INSERT OR REPLACE INTO meta (name, value) VALUES ('clock', ?)`),
	}
}

// Begin has the clock run on from the times that the database has.
func (watch *ClockWatch) Begin(committed ...int64) error {
	saved, _, err := watch.selectTime.Integer()
	if err != nil {
		return err
	}
	for _, time := range append(committed, saved) {
		watch.clock.KeepTime(time)
	}
	told, wall := watch.clock.Compare()
	watch.last, watch.saved = wall, wall.Elapsed
	if ahead := time.Duration(told.Time - wall.Time); ahead >= aheadAtStart {
		watch.ahead = true
		watch.logger.Warn("the newest commit is ahead of the wall clock, so the store's time is: set the wall clock if it is wrong, "+
			"else see \"When the clock jumps\" in docs/operations.md",
			slog.Time("store", told.UTC()), slog.Time("wall", wall.UTC()), slog.Float64("ahead_seconds", ahead.Seconds()))
	}
	return nil
}

// look logs a change.
func (watch *ClockWatch) look() {
	told, wall := watch.clock.Compare()
	ahead, before := time.Duration(told.Time-wall.Time), watch.last
	watch.last = wall
	if step := time.Duration(wall.Time-before.Time) - (wall.Elapsed - before.Elapsed); step >= stepToTell && ahead == 0 && !watch.ahead {
		watch.logger.Warn("the wall clock was set forward, or the machine slept: deadlines in between are over", slog.Float64("seconds", step.Seconds()))
	}
	switch {
	case !watch.ahead && ahead >= aheadToTell:
		watch.ahead = true
		watch.logger.Warn("the wall clock was set back: the store's time goes on, and is ahead of it until it has caught up",
			slog.Time("store", told.UTC()), slog.Time("wall", wall.UTC()), slog.Float64("ahead_seconds", ahead.Seconds()))
	case watch.ahead && ahead == 0:
		watch.ahead = false
		watch.logger.Info("the wall clock has caught up: the store's time is the wall clock's", slog.Time("wall", wall.UTC()))
	}
}

// Save saves the time of a clock that is ahead of the wall clock. The next start has it run on
// from there.
func (watch *ClockWatch) Save() {
	told, wall := watch.clock.Compare()
	watch.saved = wall.Elapsed
	if told.Time == wall.Time || !watch.disk.Writes() {
		return
	}
	watch.disk.Tried(workClock, watch.disk.Unsynced(func(transaction *sqlite.Transaction) { transaction.Execute(watch.saveTime, told.Time) }))
}

// Keep looks at the clocks, and saves the store's time now and then.
func (watch *ClockWatch) Keep() {
	watch.look()
	if watch.last.Elapsed-watch.saved >= clockSaveInterval {
		watch.Save()
	}
}
