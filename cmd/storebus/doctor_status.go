// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"

	"dappco.re/go/storebus"
	"dappco.re/go/storebus/subjects"
)

// From these figures on a check is not ok any more.
const (
	// clockApart is a difference of clocks that is visible in times of expiry.
	clockApart = time.Second
	// noRoom is the free space on the disk below which writes soon end.
	noRoom = 64 << 20
	// largeLog is the size of SQLite's write-ahead log if checkpoints are held up.
	largeLog = 256 << 20
	// lateEvents and latePoints are ages at which an event or a point should have left the
	// sidecar.
	lateEvents, latePoints = time.Minute, 10 * time.Minute
	// oldPage is the age of a page of the write-ahead log that a checkpoint should have taken.
	oldPage = 10 * time.Minute
	// fullShare is the share of a limit that counts as nearly full.
	fullShare = 0.9
)

// These figures depend on the machine. A test sets them.
var (
	// slowRoundTrip is a round trip between client and broker that slows every call.
	slowRoundTrip = 100 * time.Millisecond
	// slowSync is a wait for the disk that slows every write.
	slowSync = 100 * time.Millisecond
	// littleRoom is the least free space on the disk that any database should have.
	littleRoom uint64 = 1 << 30
)

// operator checks the sidecar's status, which only an operator may read.
func (examination *examination) operator(ctx context.Context) {
	subject := examination.space.Admin(subjects.VerbAdminStatus)
	var status subjects.StatusReply
	asked := time.Now()
	err := examination.read(ctx, subject, &status)
	took := time.Since(asked)
	switch {
	case errors.Is(err, errNotPermitted):
		examination.report(fine("operator", "%s: %v", subject, err).
			warns("connect as an operator for the checks of the disk, the clock, the events and the journal; storebus permissions prints its user"))
		return
	case err != nil:
		examination.report(examination.noReply("operator", subject, err))
		return
	}
	examination.report(fine("operator", "%s is permitted", subject))
	examination.report(statusFindings(&status, asked.Add(took/2))...)
}

// read calls a verb and decodes its reply.
func (examination *examination) read(ctx context.Context, subject string, reply any) error {
	message, err := examination.ask(ctx, subject, "{}")
	if err != nil {
		return err
	}
	return json.Unmarshal(message.Data, reply)
}

// statusFindings judges a status. now is the local time at which the status was made.
func statusFindings(status *subjects.StatusReply, now time.Time) []finding {
	findings := []finding{versionFinding(status.Version), writableFinding(status), durabilityFinding(status.Durability)}
	if !status.Time.IsZero() {
		findings = append(findings, clockFinding(status.Time.Sub(now)))
	}
	findings = append(findings, aheadFinding(status.ClockAheadSeconds))
	if status.DiskFreeBytes != nil {
		findings = append(findings, roomFinding(*status.DiskFreeBytes, status.DatabaseBytes))
	}
	if status.Sync != nil {
		findings = append(findings, syncFinding(status.Sync))
	}
	if status.DatabaseBytes > 0 {
		findings = append(findings, logFinding(status.WALBytes, status.WALOldestSeconds))
	}
	return append(findings, loadFinding(&status.Queue), eventsFinding(status, now), journalFinding(status.Journal, now))
}

func versionFinding(version string) finding {
	found := fine("version", "this program and the sidecar are %s", version)
	if version != storebus.Version {
		found.Finding = fmt.Sprintf("this program is %s, and the sidecar %s", storebus.Version, version)
		return found.warns("use a program of the same version as the sidecar")
	}
	return found
}

func writableFinding(status *subjects.StatusReply) finding {
	if status.Writable {
		return fine("writes", "the sidecar takes writes")
	}
	return fine("writes", "the sidecar refuses writes: %s", status.Reason).fails("make room on the disk, or bring the broker back; the log of the sidecar says more")
}

func durabilityFinding(durability string) finding {
	switch durability {
	case "full":
		return fine("durability", "full: every reply means on disk")
	case "relaxed":
		return fine("durability", "relaxed: a reply survives a crash of the sidecar, but not of the machine")
	}
	return fine("durability", "%s: the data ends with the sidecar", durability).warns("start the sidecar with a database file")
}

func clockFinding(apart time.Duration) finding {
	found := fine("clock", "the clocks of this machine and of the sidecar are %s apart", milliseconds(apart.Abs()))
	if apart.Abs() > clockApart {
		return found.warns("set both clocks, by NTP for instance: the sidecar decides when a key expires")
	}
	return found
}

func aheadFinding(seconds float64) finding {
	if seconds == 0 {
		return fine("store clock", "the store goes by the clock of its machine")
	}
	return fine("store clock", "the time of the store is %.3f s ahead of its machine's clock, which was set back", seconds).
		warns("set the clock of that machine if it is wrong; otherwise wait until it has caught up")
}

// roomFinding judges the free space on the disk. A backup needs as much as the database.
func roomFinding(free, database uint64) finding {
	found := fine("disk", "%s are free, the database has %s", humanize.IBytes(free), humanize.IBytes(database))
	switch {
	case free < noRoom:
		return found.fails("make room on the disk now: writes are refused if there is none")
	case free < max(littleRoom, database):
		return found.warns("make room on the disk: a backup takes as much as the database")
	}
	return found
}

func syncFinding(sync *subjects.SyncStatus) finding {
	half, most := seconds(sync.P50Seconds), seconds(sync.P99Seconds)
	found := fine("fsync", "half of %d commits waited for the disk %s or less, 99 of 100 %s or less", sync.Count, milliseconds(half), milliseconds(most))
	if half > slowSync || most > 5*slowSync {
		return found.warns("move the database to a faster disk, with nothing else on it")
	}
	return found
}

func seconds(number float64) time.Duration { return time.Duration(number * float64(time.Second)) }

func logFinding(bytes uint64, oldestSeconds float64) finding {
	found := fine("write-ahead log", "it has %s", humanize.IBytes(bytes))
	if oldestSeconds > oldPage.Seconds() {
		found.Finding += fmt.Sprintf(", and no checkpoint could take its oldest page for %.0f s", oldestSeconds)
	}
	if bytes > largeLog || oldestSeconds > oldPage.Seconds() {
		return found.warns("look for another program that reads the database file, and end it")
	}
	return found
}

func loadFinding(queue *subjects.QueueStatus) finding {
	found := fine("load", "%d of %d requests are in hand", queue.Requests, queue.RequestLimit)
	if float64(queue.Requests) > fullShare*float64(queue.RequestLimit) {
		return found.warns("send fewer requests at once, or raise --queue-limit of the sidecar")
	}
	return found
}

func eventsFinding(status *subjects.StatusReply, now time.Time) finding {
	if status.Backlog == 0 {
		return fine("events", "every change is announced")
	}
	late := now.Sub(status.OldestUnpublishedAt).Round(time.Second)
	found := fine("events", "%s to be announced, the oldest for %s", counted(status.Backlog, "change"), max(late, 0))
	if late > lateEvents {
		return found.warns("look at the sidecar's connection to the broker, and at the permissions of its user for events")
	}
	return found
}

func journalFinding(journal *subjects.JournalStatus, now time.Time) finding {
	if journal == nil || journal.Endpoint == nil {
		return fine("journal", "no endpoint")
	}
	found := fine("journal", "%s: %s pending, %d delivered, %d rejected", *journal.Endpoint, counted(journal.Pending, "point"), journal.Delivered, journal.Rejected)
	switch {
	case journal.LastError != "":
		found.Finding += ": " + journal.LastError
		return found.warns("look at the endpoint; the points are kept and sent again")
	case !journal.OldestPendingAt.IsZero() && now.Sub(journal.OldestPendingAt) > latePoints:
		return found.warns("look at the endpoint, then deliver with storebus journal flush")
	case journal.Rejected > 0:
		return found.warns("read the reasons with storebus journal rejected NAMESPACE, then use storebus journal requeue NAMESPACE")
	}
	return found
}
