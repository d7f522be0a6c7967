// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"log/slog"
	"slices"
	"sync"
	"time"

	"dappco.re/go/storebus/store/internal/sqlite"
	"dappco.re/go/storebus/store/internal/state"
)

// The file of a workspace remembers a request with an id in the transaction of its write, and
// the store remembers it right afterwards. So the id is known wherever it comes again. After a
// crash between the two, the answer is carried over from the file.

// answersPerCommand is how many answers are carried over from a file at once.
const answersPerCommand = 512

// requestsUnderway are the requests with an id that are being carried out.
type requestsUnderway struct {
	mutex sync.Mutex
	names map[requestName]chan struct{}
}

func newRequestsUnderway() *requestsUnderway {
	return &requestsUnderway{names: map[requestName]chan struct{}{}}
}

// begin waits until no request of the name is carried out; the caller calls end.
func (underway *requestsUnderway) begin(name requestName) (end func()) {
	for {
		other, done := underway.enter(name)
		if other == nil {
			return func() { underway.leave(name, done) }
		}
		<-other
	}
}

// enter returns a channel that is closed when the other request of the name ends. If there is
// no other request, it returns nil and this one is under way.
func (underway *requestsUnderway) enter(name requestName) (other <-chan struct{}, done chan struct{}) {
	underway.mutex.Lock()
	defer underway.mutex.Unlock()
	if other, busy := underway.names[name]; busy {
		return other, nil
	}
	done = make(chan struct{})
	underway.names[name] = done
	return nil, done
}

func (underway *requestsUnderway) leave(name requestName, done chan struct{}) {
	underway.mutex.Lock()
	delete(underway.names, name)
	underway.mutex.Unlock()
	close(done)
}

// answered adds the answer to an outcome, if the request has one.
func (request *Request) answered(outcome Outcome) (_ Outcome, err error) {
	if request.Answer == nil {
		return outcome, nil
	}
	outcome.Answer, err = request.answer(outcome)
	return outcome, err
}

// given is the answer of an outcome as it is remembered: none for a request without an id.
func (request *Request) given(outcome *Outcome) []*answer {
	if request.ID == "" {
		return nil
	}
	return []*answer{{requestName: requestName{namespace: request.Namespace, id: request.ID}, digest: request.Digest, bytes: outcome.Answer}}
}

// answeredIn carries out a request in a transaction of the file of a workspace. If the file
// knows the id, it gives the answer. Otherwise the answer is remembered with the write.
func (request *Request) answeredIn(transaction *sql.Tx, carryOut func() (Outcome, error)) (Outcome, error) {
	earlier, err := request.findIn(transaction)
	if err != nil {
		return Outcome{}, err
	}
	if earlier != nil {
		return request.replay(earlier)
	}
	outcome, err := carryOut()
	if err != nil {
		return Outcome{}, err
	}
	if outcome, err = request.answered(outcome); err != nil {
		return Outcome{}, err
	}
	return outcome, saveAnswers(transaction, request.given(&outcome), request.at)
}

// findIn returns the answer to a request that the file of a workspace remembers, nil if there
// is none.
func (request *Request) findIn(file rowsQuerier) (*answer, error) {
	if request.ID == "" {
		return nil, nil
	}
	answers, err := scanAnswers(file, request.Namespace, request.at.Add(-RetryWindow), `request_id = ?`, request.ID)
	if err != nil || len(answers) == 0 {
		return nil, err
	}
	return answers[0], nil
}

// saveAnswers has the file of a workspace remember answers, and forget two for each that
// are older than the window: so it holds few more than the window has.
func saveAnswers(transaction *sql.Tx, answers []*answer, now time.Time) error {
	for _, given := range answers {
		_, err := transaction.ExecContext(context.Background(), `DELETE FROM requests WHERE id IN (SELECT id FROM requests ORDER BY id LIMIT 2) AND answered_at <= ?`,
			now.Add(-RetryWindow).UnixNano())
		if err != nil {
			return err
		}
		_, err = transaction.ExecContext(context.Background(), `INSERT OR REPLACE INTO requests (request_id, digest, answer, answered_at) VALUES (?, ?, ?, ?)`,
			given.id, given.digest[:], given.bytes, now.UnixNano())
		if err != nil {
			return err
		}
	}
	return nil
}

// readAnswers returns the answers that the file of a workspace remembers, the oldest first.
func readAnswers(database *sql.DB, namespace string, after time.Time) ([]*answer, error) {
	return scanAnswers(database, namespace, after, `true`)
}

type rowsQuerier interface {
	QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error)
}

func scanAnswers(file rowsQuerier, namespace string, after time.Time, condition string, arguments ...any) ([]*answer, error) {
	rows, err := file.QueryContext(context.Background(), `SELECT request_id, digest, answer FROM requests WHERE answered_at > ? AND `+condition+` ORDER BY id`,
		append([]any{after.UnixNano()}, arguments...)...)
	if err != nil {
		return nil, err
	}
	return sqlite.ReadRows(rows, func(row **answer) error {
		var digest []byte
		*row = &answer{requestName: requestName{namespace: namespace}}
		err := rows.Scan(&(*row).id, &digest, &(*row).bytes)
		copy((*row).digest[:], digest)
		return err
	})
}

// rememberCommand has the store remember answers that were given elsewhere. An answer that it
// knows already stays.
type rememberCommand struct {
	answers []*answer
}

func (command rememberCommand) apply(batch *batch, _ origin) (Outcome, error) {
	var unknown []*answer
	for _, given := range command.answers {
		earlier, err := batch.answer(given.requestName)
		if err != nil {
			return Outcome{}, err
		}
		if earlier == nil {
			unknown = append(unknown, given)
		}
	}
	for _, given := range unknown {
		answersIn.in(batch).add(given)
	}
	return Outcome{}, nil
}

func (rememberCommand) groups() []string { return nil }

// recall returns the store's answer to a request with an id, nil if there is none, and gives
// the request its time.
func (store *Store) recall(request *Request) (*answer, error) {
	return ask(store, func(*state.View) (*answer, error) {
		request.at = store.committer.clock.Now()
		return store.committer.tables.answers.find(requestName{namespace: request.Namespace, id: request.ID}, request.at)
	})
}

// now is the time by which the store goes.
func (store *Store) now() (time.Time, error) {
	return ask(store, func(*state.View) (time.Time, error) { return store.committer.clock.Now(), nil })
}

// remember has the store remember answers that are in the file of a workspace. If it cannot,
// the file still does, for as long as there is one.
func (store *Store) remember(answers []*answer) {
	for part := range slices.Chunk(answers, answersPerCommand) {
		if _, err := store.carryOut(rememberCommand{answers: part}, origin{}); err != nil {
			store.config.Logger.Warn("answers are remembered by their workspace alone", slog.String("namespace", part[0].namespace), slog.Any("error", err))
		}
	}
}
