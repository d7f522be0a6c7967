// SPDX-License-Identifier: EUPL-1.2

package store

import (
	"hash/maphash"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/sqlite"
)

// RetryWindow is the time for which the store remembers the answer to a request with an id, by
// the store's clock.
const RetryWindow = 2 * time.Minute

const (
	// generationSpan is the time that one part of the memory covers.
	generationSpan = RetryWindow / 8
	// retriesPerSlice is the most that one transaction removes.
	retriesPerSlice = 1024
	// retryBytes estimates the size of a row without the answer.
	retryBytes = 160
)

// requestName identifies a request with an id.
type requestName struct {
	namespace string
	id        string
}

// answer is the remembered answer to a request.
type answer struct {
	requestName
	digest [DigestBytes]byte
	bytes  []byte
}

// retries remembers answers: the database holds them, in the order in which they
// were given, and memory knows where, by a hash of their names. It belongs to the
// committer's goroutine.
type retries struct {
	seeds [2]maphash.Seed
	// generations are parts of the memory, the oldest first: each is forgotten as a whole.
	generations []*retryGeneration
	// lastID is the newest row, forgottenID the newest that memory has forgotten, and
	// deletedID the newest that is deleted.
	lastID, forgottenID, deletedID int64
	// clearing tells that forgotten rows are to be deleted now.
	clearing bool

	insert      *sqlite.Statement
	selectOne   *sqlite.Statement
	selectNames *sqlite.Statement
	deleteUpTo  *sqlite.Statement
}

// retryGeneration has the answers of a span of time.
type retryGeneration struct {
	begun, newest time.Time
	lastID        int64
	rows          map[retryHash]int64
}

// retryHash stands for a name. It is random in each process, and long enough that two names
// never share one by chance; if they did, the older would be forgotten.
type retryHash [2]uint64

func newRetries(session *sqlite.Session) *retries {
	return &retries{
		seeds:       [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		insert:      session.Prepare(`INSERT INTO retries (id, committed_at, namespace, request_id, digest, answer) VALUES (?, ?, ?, ?, ?, ?)`),
		selectOne:   session.Prepare(`SELECT committed_at, namespace, request_id, digest, answer FROM retries WHERE id = ?`),
		selectNames: session.Prepare(`SELECT id, committed_at, namespace, request_id FROM retries ORDER BY id`),
		deleteUpTo:  session.Prepare(`DELETE FROM retries WHERE id <= ?`),
	}
}

// Load reads which answers there are.
func (retries *retries) Load() error {
	first := true
	return retries.selectNames.Query(func(row sqlite.Row) bool {
		id := row.Signed(0)
		if first {
			first, retries.deletedID, retries.forgottenID = false, id-1, id-1
		}
		retries.note(requestName{namespace: row.Text(2), id: row.Text(3)}, id, time.Unix(0, row.Signed(1)).UTC())
		return true
	})
}

// newest is when the newest answer was given, in Unix nanoseconds.
func (retries *retries) newest() int64 {
	if len(retries.generations) == 0 {
		return 0
	}
	return retries.generations[len(retries.generations)-1].newest.UnixNano()
}

// answersIn gives the table of the answers, and a batch's part of it.
var answersIn = slot[answerPart, *answerPart, *retries]{Place: placeOfAnswers}

// answerPart are the answers that a batch gives, in the order in which they came.
type answerPart struct {
	list   []*answer
	byName map[requestName]*answer
}

func (answers *answerPart) add(given *answer) {
	if answers.byName == nil {
		answers.byName = map[requestName]*answer{}
	}
	answers.byName[given.requestName] = given
	answers.list = append(answers.list, given)
}

func (answers *answerPart) MergeInto(below *batch) {
	for _, given := range answers.list {
		answersIn.in(below).add(given)
	}
}

func (answers *answerPart) Empty() bool { return len(answers.list) == 0 }

func (*answerPart) Waits() waiting { return waitsAsUsual }

func (answers *answerPart) AppendTo(section []byte) []byte {
	for _, given := range answers.list {
		section = changelog.AppendText(section, given.namespace)
		section = changelog.AppendText(section, given.id)
		section = changelog.AppendText(section, given.digest[:])
		section = changelog.AppendText(section, given.bytes)
	}
	return section
}

func (*retries) Read(batch *batch, section *changelog.Reader) {
	for section.More() {
		given := &answer{requestName: requestName{namespace: section.Text(), id: section.Text()}}
		if digest := section.Text(); copy(given.digest[:], digest) != len(digest) || len(digest) != DigestBytes {
			section.Fail()
		}
		given.bytes = []byte(section.Text())
		answersIn.in(batch).add(given)
	}
}

// Save writes the answers of a batch.
func (retries *retries) Save(transaction *sqlite.Transaction, batch *batch) {
	for index, answer := range answersIn.of(batch).list {
		id := retries.lastID + int64(index) + 1
		// No bytes at all would be NULL.
		bytes := append([]byte{}, answer.bytes...)
		transaction.Execute(retries.insert, id, batch.timestamp.UnixNano(), answer.namespace, answer.id, answer.digest[:], bytes)
	}
}

// Saved remembers where the answers of a batch are.
func (retries *retries) Saved(batch *batch) (bytes int) {
	for _, answer := range answersIn.of(batch).list {
		retries.note(answer.requestName, retries.lastID+1, batch.timestamp)
		bytes += retryBytes + len(answer.bytes)
	}
	return bytes
}

func (retries *retries) note(name requestName, id int64, committedAt time.Time) {
	last := len(retries.generations) - 1
	if last < 0 || committedAt.Sub(retries.generations[last].begun) >= generationSpan {
		retries.generations = append(retries.generations, &retryGeneration{begun: committedAt, rows: map[retryHash]int64{}})
		last++
	}
	generation := retries.generations[last]
	if committedAt.After(generation.newest) {
		generation.newest = committedAt
	}
	generation.lastID = id
	generation.rows[retries.hash(name)] = id
	retries.lastID = id
}

func (retries *retries) hash(name requestName) (hash retryHash) {
	for index, seed := range retries.seeds {
		hash[index] = maphash.Comparable(seed, name)
	}
	return hash
}

// find returns the answer to a request within the window, nil if there is none.
func (retries *retries) find(name requestName, now time.Time) (*answer, error) {
	if len(retries.generations) == 0 {
		return nil, nil
	}
	hash := retries.hash(name)
	for _, generation := range slices.Backward(retries.generations) {
		if id, known := generation.rows[hash]; known {
			return retries.readAnswer(id, name, now)
		}
	}
	return nil, nil
}

func (retries *retries) readAnswer(id int64, name requestName, now time.Time) (found *answer, err error) {
	err = retries.selectOne.Query(func(row sqlite.Row) bool {
		if row.Text(1) != name.namespace || row.Text(2) != name.id || now.Sub(time.Unix(0, row.Signed(0))) >= RetryWindow {
			return false
		}
		found = &answer{requestName: name}
		copy(found.digest[:], row.Bytes(3))
		found.bytes = append([]byte{}, row.Bytes(4)...)
		return false
	}, id)
	return found, err
}

// forget drops the answers outside the window from memory.
func (retries *retries) forget(now time.Time) {
	for len(retries.generations) > 0 && now.Sub(retries.generations[0].newest) >= RetryWindow {
		retries.forgottenID = retries.generations[0].lastID
		retries.generations[0] = nil
		retries.generations = retries.generations[1:]
	}
	retries.clearing = retries.deletedID < retries.forgottenID
}

// areOld reports whether forgotten answers are to be deleted.
func (retries *retries) areOld() bool { return retries.clearing }

// nextSlice returns the last row of the next slice of forgotten answers.
func (retries *retries) nextSlice() int64 {
	return min(retries.deletedID+retriesPerSlice, retries.forgottenID)
}

// remove deletes the answers up to a row in the transaction of the caller.
func (retries *retries) remove(transaction *sqlite.Transaction, through int64) {
	transaction.Execute(retries.deleteUpTo, through)
}

// removed records that remove is committed.
func (retries *retries) removed(through int64) {
	retries.deletedID = through
	retries.clearing = through < retries.forgottenID
}

// keep leaves the forgotten answers in the database until more are forgotten.
func (retries *retries) keep() { retries.clearing = false }

// known returns how many answers memory knows.
func (retries *retries) known() (count int) {
	for _, generation := range retries.generations {
		count += len(generation.rows)
	}
	return count
}

// answer returns the remembered answer to a request, nil if there is none.
func (batch *batch) answer(name requestName) (*answer, error) {
	for at := batch; at != nil; at = at.below {
		if earlier := answersIn.of(at).byName[name]; earlier != nil {
			return earlier, nil
		}
	}
	return answersIn.table(batch.tables).find(name, batch.timestamp)
}

// DigestBytes is the length of Request.Digest.
const DigestBytes = 32
