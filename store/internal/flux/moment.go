// SPDX-License-Identifier: EUPL-1.2

package flux

import (
	"math"
	"time"
)

// The first and the last moment that a range can begin or end at.
var (
	firstMoment = time.Unix(0, math.MinInt64)
	lastMoment  = time.Unix(0, math.MaxInt64)
)

// maxMonths is more than the months between the first and the last moment.
const maxMonths = 12_000

// Duration is a length of time: months of the calendar, and nanoseconds. Both have the same
// sign.
type Duration struct {
	Months      int64
	Nanoseconds int64
}

// after returns the time that lies the duration after another. It adds the months first. If
// the month has no such day, it takes the month's last day.
func (duration Duration) after(moment time.Time) time.Time {
	year, month, day := moment.Date()
	first := time.Date(year, month+time.Month(duration.Months), 1, 0, 0, 0, 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	moved := moment.AddDate(0, 0, 1-day).AddDate(0, int(duration.Months), min(day, last)-1)
	return moved.Add(time.Duration(duration.Nanoseconds))
}

// Moment is the beginning or the end of a range.
type Moment struct {
	Position Position
	// Time is the moment if Relative and Now are not set.
	Time time.Time
	// Relative, if not nil, is the distance from now.
	Relative *Duration
	Now      bool
}

// resolve returns the moment in Unix nanoseconds.
func (moment *Moment) resolve(now time.Time) (int64, error) {
	resolved := moment.Time
	switch {
	case moment.Now:
		resolved = now
	case moment.Relative != nil:
		resolved = moment.Relative.after(now.UTC())
	}
	if resolved.Before(firstMoment) || resolved.After(lastMoment) {
		return 0, failAt(moment.Position, "the time lies before %d or after %d, which no entry does", firstMoment.UTC().Year()+1, lastMoment.UTC().Year()-1)
	}
	return resolved.UnixNano(), nil
}
