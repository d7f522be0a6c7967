// SPDX-License-Identifier: EUPL-1.2

package mark

import (
	"log/slog"
	"sync"
	"time"

	"dappco.re/go/storebus/internal/logging"
)

// interval is the time between two marks at least. Together with the time of writing one, it is how
// far a mark lags.
const interval = 750 * time.Millisecond

// Writer writes the marks of a store in the background, so that no commit waits for one.
type Writer struct {
	path    string
	logger  *slog.Logger
	failing logging.Condition

	mutex   sync.Mutex
	noted   Mark
	changed bool

	news    chan struct{}
	stopped chan struct{}
	running sync.WaitGroup
}

// NewWriter returns the writer for a database. The caller closes it.
func NewWriter(databasePath string, logger *slog.Logger) *Writer {
	writer := &Writer{path: databasePath, logger: logger, news: make(chan struct{}, 1), stopped: make(chan struct{})}
	writer.running.Go(writer.run)
	return writer
}

// Note has a mark written soon. It does not wait.
func (writer *Writer) Note(mark Mark) {
	writer.mutex.Lock()
	writer.noted, writer.changed = mark, true
	writer.mutex.Unlock()
	select {
	case writer.news <- struct{}{}:
	default: // there is news already
	}
}

// Close writes the last mark, and returns when it is on disk.
func (writer *Writer) Close() {
	close(writer.stopped)
	writer.running.Wait()
	writer.write()
}

func (writer *Writer) run() {
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		if !await(writer.stopped, pause.C) || !await(writer.stopped, writer.news) {
			return
		}
		writer.write()
		pause.Reset(interval)
	}
}

// await waits for a value, and returns false if stopped is closed first.
func await[Value any](stopped <-chan struct{}, values <-chan Value) bool {
	select {
	case <-stopped:
		return false
	case <-values:
		return true
	}
}

// write writes the mark that was noted last. If that fails, the next one is tried.
func (writer *Writer) write() {
	writer.mutex.Lock()
	noted, changed := writer.noted, writer.changed
	writer.changed = false
	writer.mutex.Unlock()
	if !changed {
		return
	}
	err := Write(writer.path, noted)
	if err == nil {
		if leftOut, changed := writer.failing.Becomes(""); changed {
			writer.logger.Info("the mark of the database is written again", slog.Uint64("left_out", leftOut))
		}
		return
	}
	writer.mutex.Lock()
	writer.changed = true // a full disk may have room at the next commit, or when the store closes
	writer.mutex.Unlock()
	if _, changed := writer.failing.Becomes("failing"); changed {
		writer.logger.Warn("the mark of the database cannot be written: a start would not see that an older copy was put in its place", slog.Any("error", err))
	}
}
