// SPDX-License-Identifier: EUPL-1.2

package workspacefile

import (
	"context"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// Remember has the file remember answers. For each of them it forgets two that are older than the
// window: so it holds few more than the window has.
func (transaction *Transaction) Remember(answers []*batch.Answer, now time.Time) error {
	for _, given := range answers {
		_, err := transaction.transaction.ExecContext(context.Background(), `DELETE FROM requests WHERE id IN (SELECT id FROM requests ORDER BY id LIMIT 2) AND answered_at <= ?`,
			now.Add(-batch.RetryWindow).UnixNano())
		if err != nil {
			return err
		}
		_, err = transaction.transaction.ExecContext(context.Background(), `INSERT OR REPLACE INTO requests (request_id, digest, answer, answered_at) VALUES (?, ?, ?, ?)`,
			given.ID, given.Digest[:], append([]byte{}, given.Bytes...), now.UnixNano()) // No bytes at all would be NULL.
		if err != nil {
			return err
		}
	}
	return nil
}

// Answer returns the answer that the file remembers within the window, nil if there is none.
func (content content) Answer(name batch.RequestName, now time.Time) (*batch.Answer, error) {
	answers, err := content.answers(name.Namespace, now.Add(-batch.RetryWindow), `request_id = ?`, name.ID)
	if err != nil || len(answers) == 0 {
		return nil, err
	}
	return answers[0], nil
}

// answers returns the answers from after a time that a condition holds for, the oldest first.
func (content content) answers(namespace string, after time.Time, condition string, arguments ...any) ([]*batch.Answer, error) {
	rows, err := content.reader.QueryContext(context.Background(), `SELECT request_id, digest, answer FROM requests WHERE answered_at > ? AND `+condition+` ORDER BY id`,
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
