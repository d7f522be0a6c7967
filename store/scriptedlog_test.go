// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
	"dappco.re/go/storebus/store/internal/changelog"
)

// scriptedLog is a log before the one in the database. It says nothing of a record until it is
// told to.
type scriptedLog struct {
	changelog.Log

	mutex   sync.Mutex
	waiting []appended
	// arrived gets the id of each record that is handed over.
	arrived chan uint64
	// holds tells that records wait; else they are acknowledged at once.
	holds bool
	ended bool
}

type appended struct {
	record       *changelog.Record
	acknowledged func(error)
}

// openScripted opens a store behind a scripted log, which lets records go on at once.
func openScripted(t *testing.T) (*store.Store, *scriptedLog) {
	t.Helper()
	scripted := &scriptedLog{arrived: make(chan uint64, 100)}
	config := store.OverLog(store.StoreConfig{DatabasePath: databasePath(t)}, func(database changelog.Log) changelog.Log {
		scripted.Log = database
		return scripted
	})
	opened := openStore(t, config)
	return opened, scripted
}

func (log *scriptedLog) Append(record *changelog.Record, acknowledged func(error)) {
	log.mutex.Lock()
	holds := log.holds && !log.ended
	if holds {
		log.waiting = append(log.waiting, appended{record, acknowledged})
	}
	log.mutex.Unlock()
	if !holds {
		acknowledged(nil)
		return
	}
	log.arrived <- record.ID
}

// Close acknowledges what is under way as unknown.
func (log *scriptedLog) Close() error {
	log.mutex.Lock()
	waiting := log.waiting
	log.waiting, log.ended = nil, true
	log.mutex.Unlock()
	for _, record := range waiting {
		record.acknowledged(store.ErrOutcomeUnknown)
	}
	return log.Log.Close()
}

func (log *scriptedLog) hold(holds bool) {
	log.mutex.Lock()
	defer log.mutex.Unlock()
	log.holds = holds
}

// take removes the records that wait.
func (log *scriptedLog) take() []appended {
	log.mutex.Lock()
	defer log.mutex.Unlock()
	waiting := log.waiting
	log.waiting = nil
	return waiting
}

// answers are the answers to writes, in the order in which they came.
type answers struct {
	list chan error
}

func newAnswers() *answers { return &answers{list: make(chan error, 100)} }

func (answers *answers) done(_ store.Outcome, err error) { answers.list <- err }

// setLater submits a write whose record waits, as one of its own.
func setLater(t *testing.T, opened *store.Store, log *scriptedLog, answers *answers, key string, ifRevision *uint64) {
	t.Helper()
	opened.Submit(store.SetCommand{Group: "acme:g", Key: key, Value: "value of " + key, IfRevision: ifRevision}, answers.done)
	<-log.arrived
}

func TestScriptedlog_Append_Good(t *testing.T) {
	t.Run("NothingIsAnsweredOrSeenBefore", func(t *testing.T) {
		opened, log := openScripted(t)
		require.NoError(t, opened.Set("acme:g", "before", "value"))
		log.hold(true)
		answers := newAnswers()
		for _, key := range []string{"a", "b", "c"} {
			setLater(t, opened, log, answers, key, new(uint64))
		}
		_, err := opened.Get("acme:g", "a")
		require.ErrorIs(t, err, store.ErrNotFound)
		require.Empty(t, changes(t, opened, "acme", 1))
		require.Empty(t, answers.list)
		for _, record := range log.take() {
			record.acknowledged(nil)
		}
		for range 3 {
			require.NoError(t, <-answers.list)
		}
		require.Len(t, changes(t, opened, "acme", 1), 3)
	})
	t.Run("ABatchStandsOnTheOneBefore", func(t *testing.T) {
		opened, log := openScripted(t)
		log.hold(true)
		answers := newAnswers()
		first := uint64(1)
		setLater(t, opened, log, answers, "a", new(uint64))
		setLater(t, opened, log, answers, "a", &first)
		opened.Submit(store.IncrementCommand{Group: "acme:g", Key: "n", By: 2}, answers.done)
		<-log.arrived
		opened.Submit(store.IncrementCommand{Group: "acme:g", Key: "n", By: 3}, answers.done)
		<-log.arrived
		opened.Submit(store.DeleteGroupCommand{Group: "acme:g"}, answers.done)
		<-log.arrived
		opened.Submit(store.IncrementCommand{Group: "acme:g", Key: "n", By: 7}, answers.done)
		<-log.arrived
		// One that changes nothing is answered with the one that it has seen.
		opened.Submit(store.SetCommand{Group: "acme:g", Key: "a", IfRevision: &first}, answers.done)
		for _, record := range log.take() {
			require.Empty(t, answers.list)
			record.acknowledged(nil)
			require.NoError(t, <-answers.list)
		}
		require.ErrorIs(t, <-answers.list, store.ErrRevisionConflict)
		log.hold(false)
		value, err := opened.Get("acme:g", "n")
		require.NoError(t, err)
		assert.Equal(t, "7", value)
		_, err = opened.Get("acme:g", "a")
		require.ErrorIs(t, err, store.ErrNotFound)
		requireFollows(t, opened, t.TempDir())
	})
	t.Run("EachKindOfChange", func(t *testing.T) {
		opened, log := openScripted(t)
		log.hold(true)
		ended := make(chan struct{})
		go func() {
			for {
				select {
				case <-log.arrived:
					for _, record := range log.take() {
						record.acknowledged(nil)
					}
				case <-ended:
					return
				}
			}
		}()
		changeEverything(t, opened, t.TempDir())
		require.NoError(t, opened.Transaction(func(transaction *store.StoreTransaction) error { return transaction.Set("acme:g", "t", "1") }))
		log.hold(false)
		close(ended)
		requireFollows(t, opened, t.TempDir())
	})
	t.Run("OnlySoManyAreUnderWay", func(t *testing.T) {
		opened, log := openScripted(t)
		log.hold(true)
		answers := newAnswers()
		for index := range 8 {
			setLater(t, opened, log, answers, fmt.Sprint(index), nil)
		}
		for index := range 10 {
			opened.Submit(store.SetCommand{Group: "acme:g", Key: fmt.Sprint("later", index)}, answers.done)
		}
		_, err := opened.Status() // the committer has seen them
		require.NoError(t, err)
		require.Empty(t, log.arrived)
		first := log.take()
		require.Len(t, first, 8)
		for _, record := range first {
			record.acknowledged(nil)
		}
		for range 8 {
			require.NoError(t, <-answers.list)
		}
		<-log.arrived
		for waiting := log.take(); len(waiting) > 0; waiting = log.take() {
			for _, record := range waiting {
				record.acknowledged(nil)
			}
			if len(answers.list) < 10 {
				select {
				case <-log.arrived:
				case err := <-answers.list:
					answers.list <- err
				}
			}
		}
		log.hold(false)
		for range 10 {
			require.NoError(t, <-answers.list)
		}
	})
}

func TestScriptedlog_Append_Ugly(t *testing.T) {
	t.Run("TwiceAndOutOfOrder", func(t *testing.T) {
		opened, log := openScripted(t)
		log.hold(true)
		answers := newAnswers()
		for _, key := range []string{"a", "b", "c"} {
			setLater(t, opened, log, answers, key, nil)
		}
		waiting := log.take()
		log.hold(false)
		waiting[2].acknowledged(nil)
		waiting[1].acknowledged(nil)
		waiting[1].acknowledged(errors.New("said too late"))
		require.Empty(t, answers.list)
		waiting[0].acknowledged(nil)
		for range 3 {
			require.NoError(t, <-answers.list)
		}
		waiting[0].acknowledged(nil)
		waiting[2].acknowledged(errors.New("said too late"))
		require.NoError(t, opened.Set("acme:g", "d", "value"))
		assert.Len(t, changes(t, opened, "acme", 0), 4)
		requireFollows(t, opened, t.TempDir())
	})
	t.Run("RefusedWithAllBehindIt", func(t *testing.T) {
		opened, log := openScripted(t)
		require.NoError(t, opened.Set("acme:g", "before", "value"))
		log.hold(true)
		answers := newAnswers()
		for _, key := range []string{"a", "b", "c"} {
			setLater(t, opened, log, answers, key, nil)
		}
		waiting := log.take()
		log.hold(false)
		refusal := fmt.Errorf("%w: somebody else writes", store.ErrUnavailable)
		waiting[0].acknowledged(nil)
		waiting[1].acknowledged(refusal)
		require.NoError(t, <-answers.list)
		require.ErrorIs(t, <-answers.list, store.ErrUnavailable)
		require.ErrorIs(t, <-answers.list, store.ErrUnavailable)
		waiting[2].acknowledged(nil) // too late: it stood on the one before
		require.NoError(t, opened.Set("acme:g", "d", "value"))
		events := changes(t, opened, "acme", 0)
		require.Len(t, events, 3)
		assert.Equal(t, []string{"before", "a", "d"}, []string{events[0].Key, events[1].Key, events[2].Key})
		requireFollows(t, opened, t.TempDir())
	})
	t.Run("Unknown", func(t *testing.T) {
		opened, log := openScripted(t)
		log.hold(true)
		answers := newAnswers()
		setLater(t, opened, log, answers, "a", nil)
		setLater(t, opened, log, answers, "b", nil)
		log.take()[0].acknowledged(fmt.Errorf("%w: no word came", store.ErrOutcomeUnknown))
		require.ErrorIs(t, <-answers.list, store.ErrOutcomeUnknown)
		require.ErrorIs(t, <-answers.list, store.ErrOutcomeUnknown)
		log.hold(false)
		require.ErrorIs(t, opened.Set("acme:g", "c", "value"), store.ErrUnavailable)
		require.Empty(t, changes(t, opened, "acme", 0))
	})
	t.Run("NotAtAll", func(t *testing.T) {
		opened, log := openScripted(t)
		log.hold(true)
		answers := newAnswers()
		setLater(t, opened, log, answers, "a", nil)
		require.Empty(t, changes(t, opened, "acme", 0)) // reads go on
		require.NoError(t, opened.Close())
		require.ErrorIs(t, <-answers.list, store.ErrOutcomeUnknown)
	})
	t.Run("ExpiriesWait", func(t *testing.T) {
		clock := newClock()
		scripted := &scriptedLog{arrived: make(chan uint64, 100)}
		opened := openStore(t, store.OverLog(store.StoreConfig{Clock: clock.Now}, func(database changelog.Log) changelog.Log {
			scripted.Log = database
			return scripted
		}))
		require.NoError(t, opened.SetWithTTL("acme:g", "a", "value", 1000*1000*1000))
		scripted.hold(true)
		clock.Advance(2 * 1000 * 1000 * 1000)
		counted := make(chan int, 1)
		go func() {
			count, err := opened.Count("acme:g")
			assert.NoError(t, err)
			counted <- count
		}()
		<-scripted.arrived
		_, err := opened.Get("acme:g", "a")
		require.ErrorIs(t, err, store.ErrNotFound)
		require.Empty(t, counted)
		scripted.take()[0].acknowledged(nil)
		require.Zero(t, <-counted)
		scripted.hold(false)
	})
}

func TestScriptedlog_After_Good(t *testing.T) {
	source := openStore(t, store.StoreConfig{})
	changeEverything(t, source, t.TempDir())
	records, err := store.RecordsAfter(source, 0)
	require.NoError(t, err)
	config := store.StoreConfig{DatabasePath: databasePath(t)}
	behind := openWithID(t, config, source.ID())
	require.NoError(t, behind.Close())
	// A log that has more than the database, which catches up with it.
	config = store.OverLog(config, func(database changelog.Log) changelog.Log {
		return aheadLog{Log: database, records: records}
	})
	opened, err := store.NewConfigured(config)
	require.NoError(t, err)
	require.NoError(t, store.Settle(source))
	require.NoError(t, store.Settle(opened))
	require.NoError(t, store.RemoveArchived(source))
	require.NoError(t, store.RemoveArchived(opened))
	assert.Equal(t, tablesOf(t, source)["entries"], tablesOf(t, opened)["entries"])
	assert.Equal(t, tablesOf(t, source)["quotas"], tablesOf(t, opened)["quotas"])
	require.NoError(t, opened.Close())
}

// aheadLog has records that the database does not have.
type aheadLog struct {
	changelog.Log
	records []changelog.Record
}

func (log aheadLog) After(id uint64) ([]changelog.Record, error) {
	return log.records[id:min(id+3, uint64(len(log.records)))], nil
}
