// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"context"
	"database/sql"
	"log/slog"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// The file of a workspace remembers a request with an id in the transaction of its write, and
// the store remembers it right afterwards. So the id is known wherever it comes again. After a
// crash between the two, the answer is carried over from the file.

// answersPerCommand is how many answers are carried over from a file at once.
const answersPerCommand = 512

// alone carries out a request while no other request of its name is carried out. The store then
// also knows the answers that only the files remembered.
func (workspaces *workspaces) alone(request *Request, carryOut func() (Outcome, error)) (Outcome, error) {
	if request.ID == "" {
		return carryOut()
	}
	leave, err := workspaces.requests.Enter(commands.NameOf(request))
	if err != nil {
		return Outcome{}, err
	}
	defer leave()
	if err := workspaces.load(); err != nil {
		return Outcome{}, err
	}
	return carryOut()
}

// once carries out a request that changes a file, unless the store knows its answer.
func (workspaces *workspaces) once(request Request, carryOut func(request fileRequest) (Outcome, error)) (Outcome, error) {
	return workspaces.alone(&request, func() (Outcome, error) {
		if request.ID == "" {
			return carryOut(fileRequest{Request: request})
		}
		earlier, now, err := workspaces.host.Recall(commands.NameOf(&request))
		if err != nil {
			return Outcome{}, err
		}
		if earlier != nil {
			return commands.Repeat(&request, earlier)
		}
		outcome, err := carryOut(fileRequest{Request: request, at: now})
		if err == nil {
			keepAnswers(workspaces.host, workspaces.config.logger, commands.Given(&request, &outcome))
		}
		return outcome, err
	})
}

// endOnce carries out a request that ends a workspace. The commit looks the id up itself. If the
// request does not come to its commit, because its workspace has ended, the store may still know
// the answer.
func (workspaces *workspaces) endOnce(request Request, name workspaceName, end func(workspace *workspace) (Outcome, error)) (Outcome, error) {
	return workspaces.alone(&request, func() (outcome Outcome, err error) {
		workspace, err := workspaces.find(name)
		if err == nil {
			outcome, err = end(workspace)
			err = workspace.failure(err)
		}
		if err == nil || request.ID == "" {
			return outcome, err
		}
		if earlier, _, recallErr := workspaces.host.Recall(commands.NameOf(&request)); recallErr == nil && earlier != nil {
			return commands.Repeat(&request, earlier)
		}
		return Outcome{}, err
	})
}

// keepAnswers has the store remember answers that are in the file of a workspace. If it cannot, the
// file still does, for as long as there is one.
func keepAnswers(host commandHost, logger *slog.Logger, answers []*batch.Answer) {
	for part := range slices.Chunk(answers, answersPerCommand) {
		if _, err := host.Do(rememberCommand{answers: part}); err != nil {
			logger.Warn("answers are remembered by their workspace alone", slog.String("namespace", part[0].Namespace), slog.Any("error", err))
		}
	}
}

// fileRequest is a request that changes the file of a workspace, with the store's time.
type fileRequest struct {
	Request
	at time.Time
}

// answeredIn carries out a request in a transaction of the file of a workspace. If the file
// knows the id, it gives the answer. Otherwise the answer is remembered with the write.
func (request *fileRequest) answeredIn(transaction *sql.Tx, carryOut func() (Outcome, error)) (Outcome, error) {
	earlier, err := request.findIn(transaction)
	if err != nil {
		return Outcome{}, err
	}
	if earlier != nil {
		return commands.Repeat(&request.Request, earlier)
	}
	outcome, err := carryOut()
	if err != nil {
		return Outcome{}, err
	}
	if outcome, err = commands.WithAnswer(&request.Request, outcome); err != nil {
		return Outcome{}, err
	}
	return outcome, saveAnswers(transaction, commands.Given(&request.Request, &outcome), request.at)
}

// findIn returns the answer to a request that the file of a workspace remembers, nil if there
// is none.
func (request *fileRequest) findIn(file rowsQuerier) (*batch.Answer, error) {
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
func saveAnswers(transaction *sql.Tx, answers []*batch.Answer, now time.Time) error {
	for _, given := range answers {
		_, err := transaction.ExecContext(context.Background(), `DELETE FROM requests WHERE id IN (SELECT id FROM requests ORDER BY id LIMIT 2) AND answered_at <= ?`,
			now.Add(-RetryWindow).UnixNano())
		if err != nil {
			return err
		}
		_, err = transaction.ExecContext(context.Background(), `INSERT OR REPLACE INTO requests (request_id, digest, answer, answered_at) VALUES (?, ?, ?, ?)`,
			given.ID, given.Digest[:], append([]byte{}, given.Bytes...), now.UnixNano()) // No bytes at all would be NULL.
		if err != nil {
			return err
		}
	}
	return nil
}

// readAnswers returns the answers that the file of a workspace remembers, the oldest first.
func readAnswers(database *sql.DB, namespace string, after time.Time) ([]*batch.Answer, error) {
	return scanAnswers(database, namespace, after, `true`)
}

type rowsQuerier interface {
	QueryContext(ctx context.Context, query string, arguments ...any) (*sql.Rows, error)
}

func scanAnswers(file rowsQuerier, namespace string, after time.Time, condition string, arguments ...any) ([]*batch.Answer, error) {
	rows, err := file.QueryContext(context.Background(), `SELECT request_id, digest, answer FROM requests WHERE answered_at > ? AND `+condition+` ORDER BY id`,
		append([]any{after.UnixNano()}, arguments...)...)
	if err != nil {
		return nil, err
	}
	return sqlite.ReadRows(rows, func(row **batch.Answer) error {
		var digest []byte
		*row = &batch.Answer{RequestName: batch.RequestName{Namespace: namespace}}
		err := rows.Scan(&(*row).ID, &digest, &(*row).Bytes)
		copy((*row).Digest[:], digest)
		return err
	})
}
