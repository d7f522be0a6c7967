// SPDX-License-Identifier: EUPL-1.2

package batch

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/failure"
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
	// answersPerInsert is how many answers one statement writes.
	answersPerInsert = 16
	columnsOfAnswer  = 7
	// retryBytes estimates the size of a row without the answer.
	retryBytes = 160
)

// RequestName identifies a request with an id.
type RequestName struct {
	Namespace string
	ID        string
}

// Answer is the remembered answer to a request.
type Answer struct {
	RequestName
	Digest [DigestBytes]byte
	Bytes  []byte

	// counted is how many of the bytes count against the bound of the namespace.
	counted int64
}

// Answers remembers answers: the database holds them, in the order in which they
// were given, and memory knows where, by a hash of their names. It belongs to the
// owner of the committer.
type Answers struct {
	seeds [2]maphash.Seed
	// generations are parts of the memory, the oldest first: each is forgotten as a whole.
	generations []*retryGeneration
	// lastID is the newest row, forgottenID the newest that memory has forgotten, and
	// deletedID the newest that is deleted.
	lastID, forgottenID, deletedID int64
	// clearing tells that forgotten rows are to be deleted now.
	clearing bool
	// counts are those of the answers that memory knows.
	counts counts
	// putOff are the newest answers, which the database does not have yet.
	putOff []putOffAnswer
	values sqlite.Row

	insert      *sqlite.Statement
	insertMany  *sqlite.Statement
	selectOne   *sqlite.Statement
	selectNames *sqlite.Statement
	deleteUpTo  *sqlite.Statement
}

// retryGeneration has the answers of a span of time.
type retryGeneration struct {
	begun, newest time.Time
	lastID        int64
	rows          map[retryHash]int64
	counts        counts
}

// putOffAnswer is an answer that is known and not written yet.
type putOffAnswer struct {
	*Answer
	committedAt time.Time
}

// retryHash stands for a name. It is random in each process, and long enough that two names
// never share one by chance; if they did, the older would be forgotten.
type retryHash [2]uint64

// NewAnswers returns the table, with its statements prepared.
func NewAnswers(session *sqlite.Session) *Answers {
	const insert, row = `INSERT INTO retries (id, committed_at, namespace, request_id, digest, answer, counted) VALUES `, `(?, ?, ?, ?, ?, ?, ?)`
	return &Answers{
		seeds:       [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		insert:      session.Prepare(insert + row),
		insertMany:  session.Prepare(insert + strings.Repeat(row+", ", answersPerInsert-1) + row),
		selectOne:   session.Prepare(`SELECT committed_at, namespace, request_id, digest, answer FROM retries WHERE id = ?`),
		selectNames: session.Prepare(`SELECT id, committed_at, namespace, request_id, counted FROM retries ORDER BY id`),
		deleteUpTo:  session.Prepare(`DELETE FROM retries WHERE id <= ?`),
	}
}

// Load reads which answers there are.
func (retries *Answers) Load() error {
	first := true
	return retries.selectNames.Query(func(row sqlite.Row) bool {
		id := row.Signed(0)
		if first {
			first, retries.deletedID, retries.forgottenID = false, id-1, id-1
		}
		known := Answer{RequestName: RequestName{Namespace: row.Text(2), ID: row.Text(3)}, counted: row.Signed(4)}
		retries.note(&known, id, time.Unix(0, row.Signed(1)).UTC())
		return true
	})
}

// Newest is when the newest answer was given, in Unix nanoseconds.
func (retries *Answers) Newest() int64 {
	if len(retries.generations) == 0 {
		return 0
	}
	return retries.generations[len(retries.generations)-1].newest.UnixNano()
}

// answersIn gives the table of the answers, and a batch's part of it.
var answersIn = Slot[answerPart, *answerPart, *Answers]{Place: PlaceOfAnswers}

// answerPart are the answers that a batch gives, in the order in which they came.
type answerPart struct {
	list   []*Answer
	byName map[RequestName]*Answer
	counts counts
}

func (answers *answerPart) add(given *Answer) {
	if answers.byName == nil {
		answers.byName = map[RequestName]*Answer{}
	}
	answers.byName[given.RequestName] = given
	answers.list = append(answers.list, given)
	answers.counts.add(given.Namespace, given.counted)
}

func (answers *answerPart) MergeInto(below *Batch) {
	for _, given := range answers.list {
		answersIn.In(below).add(given)
	}
}

func (answers *answerPart) Empty() bool { return len(answers.list) == 0 }

func (*answerPart) Waits() Waiting { return WaitsAsUsual }

func (answers *answerPart) AppendTo(section []byte) []byte {
	for _, given := range answers.list {
		section = changelog.AppendText(section, given.Namespace)
		section = changelog.AppendText(section, given.ID)
		section = changelog.AppendText(section, given.Digest[:])
		section = changelog.AppendText(section, given.Bytes)
	}
	return section
}

func (*Answers) Read(batch *Batch, section *changelog.Reader) {
	for section.More() {
		given := &Answer{RequestName: RequestName{Namespace: section.Text(), ID: section.Text()}}
		if digest := section.Text(); copy(given.Digest[:], digest) != len(digest) || len(digest) != DigestBytes {
			section.Fail()
		}
		given.Bytes = []byte(section.Text())
		// Which of the record's changes belong to the request is not known here.
		given.counted = counted(given.Bytes, len(batch.events))
		answersIn.In(batch).add(given)
	}
}

// Take writes the answers of a record with so many changes in the transaction of the caller.
func (retries *Answers) Take(transaction *sqlite.Transaction, record *changelog.Record, changes int) error {
	taken := &Batch{timestamp: time.Unix(0, record.CommittedAt).UTC(), events: make([]changelog.Event, changes)}
	err := changelog.ReadSections(record.Sections, func(table uint64, section *changelog.Reader) error {
		if table != PlaceOfAnswers {
			return fmt.Errorf("%w: table %d is not of answers", changelog.ErrDamaged, table)
		}
		retries.Read(taken, section)
		return nil
	})
	retries.Save(transaction, taken)
	retries.Saved(taken)
	return err
}

// Save writes the answers of a batch.
func (retries *Answers) Save(transaction *sqlite.Transaction, batch *Batch) {
	for index, answer := range answersIn.Of(batch).list {
		transaction.Execute(retries.insert, answer.values(nil, retries.lastID+int64(index)+1, batch.timestamp)...)
	}
}

// values appends the columns of the row of an answer.
func (answer *Answer) values(values sqlite.Row, id int64, committedAt time.Time) sqlite.Row {
	// No bytes at all would be NULL.
	bytes := append([]byte{}, answer.Bytes...)
	return append(values, id, committedAt.UnixNano(), answer.Namespace, answer.ID, answer.Digest[:], bytes, answer.counted)
}

// PutOff keeps the answers of a batch in memory, to be written later with others. Saved comes next.
func (retries *Answers) PutOff(batch *Batch) {
	for _, answer := range answersIn.Of(batch).list {
		retries.putOff = append(retries.putOff, putOffAnswer{answer, batch.timestamp})
	}
}

// SavePutOff writes the answers that were put off in the transaction of the caller, who calls
// PutOffSaved after the commit.
func (retries *Answers) SavePutOff(transaction *sqlite.Transaction) {
	id := retries.firstPutOff()
	for answers := range slices.Chunk(retries.putOff, answersPerInsert) {
		values := retries.values[:0]
		for _, answer := range answers {
			values = answer.values(values, id, answer.committedAt)
			id++
		}
		retries.values = values[:0]
		if len(answers) == answersPerInsert {
			transaction.Execute(retries.insertMany, values...)
			continue
		}
		for ; len(values) > 0; values = values[columnsOfAnswer:] {
			transaction.Execute(retries.insert, values[:columnsOfAnswer]...)
		}
	}
}

// PutOffSaved records that the answers that were put off are committed.
func (retries *Answers) PutOffSaved() {
	clear(retries.putOff)
	retries.putOff = retries.putOff[:0]
}

// firstPutOff is the row of the first answer that is put off. Those are the newest ones.
func (retries *Answers) firstPutOff() int64 { return retries.lastID + 1 - int64(len(retries.putOff)) }

// Saved remembers where the answers of a batch are.
func (retries *Answers) Saved(batch *Batch) (bytes int) {
	for _, answer := range answersIn.Of(batch).list {
		retries.note(answer, retries.lastID+1, batch.timestamp)
		bytes += retryBytes + len(answer.Bytes)
	}
	return bytes
}

func (retries *Answers) note(given *Answer, id int64, committedAt time.Time) {
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
	generation.rows[retries.hash(given.RequestName)] = id
	generation.counts.add(given.Namespace, given.counted)
	retries.counts.add(given.Namespace, given.counted)
	retries.lastID = id
}

func (retries *Answers) hash(name RequestName) (hash retryHash) {
	for index, seed := range retries.seeds {
		hash[index] = maphash.Comparable(seed, name)
	}
	return hash
}

// Find returns the answer to a request within the window, nil if there is none.
func (retries *Answers) Find(name RequestName, now time.Time) (*Answer, error) {
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

func (retries *Answers) readAnswer(id int64, name RequestName, now time.Time) (found *Answer, err error) {
	if first := retries.firstPutOff(); id >= first {
		known := retries.putOff[id-first]
		if known.RequestName != name || now.Sub(known.committedAt) >= RetryWindow {
			return nil, nil
		}
		return known.Answer, nil
	}
	err = retries.selectOne.Query(func(row sqlite.Row) bool {
		if row.Text(1) != name.Namespace || row.Text(2) != name.ID || now.Sub(time.Unix(0, row.Signed(0))) >= RetryWindow {
			return false
		}
		found = &Answer{RequestName: name}
		copy(found.Digest[:], row.Bytes(3))
		found.Bytes = append([]byte{}, row.Bytes(4)...)
		return false
	}, id)
	return found, err
}

// Forget drops the answers outside the window from memory.
func (retries *Answers) Forget(now time.Time) {
	for len(retries.generations) > 0 && now.Sub(retries.generations[0].newest) >= RetryWindow {
		retries.forgottenID = retries.generations[0].lastID
		for namespace, bytes := range retries.generations[0].counts.byNamespace {
			retries.counts.add(namespace, -bytes)
		}
		retries.generations[0] = nil
		retries.generations = retries.generations[1:]
	}
	retries.clearing = retries.deletedID < retries.forgottenID
}

// AreOld reports whether forgotten answers are to be deleted.
func (retries *Answers) AreOld() bool { return retries.clearing }

// NextSlice returns the last row of the next slice of forgotten answers.
func (retries *Answers) NextSlice() int64 {
	return min(retries.deletedID+retriesPerSlice, retries.forgottenID)
}

// Remove deletes the answers up to a row in the transaction of the caller.
func (retries *Answers) Remove(transaction *sqlite.Transaction, through int64) {
	transaction.Execute(retries.deleteUpTo, through)
}

// Removed records that remove is committed.
func (retries *Answers) Removed(through int64) {
	retries.deletedID = through
	retries.clearing = through < retries.forgottenID
}

// Keep leaves the forgotten answers in the database until more are forgotten.
func (retries *Answers) Keep() { retries.clearing = false }

// Known returns how many answers memory knows.
func (retries *Answers) Known() (count int) {
	for _, generation := range retries.generations {
		count += len(generation.rows)
	}
	return count
}

// Answers returns the table of the answers.
func (tables *Tables) Answers() *Answers { return answersIn.Table(tables) }

// AdmitAnswer returns an error if there is no room to remember an answer to so many changes.
// Otherwise AddAnswer comes next.
func (batch *Batch) AdmitAnswer(given *Answer, changes int) error {
	given.counted = counted(given.Bytes, changes)
	if given.counted == 0 {
		return nil
	}
	table := answersIn.Table(batch.tables)
	own, all := table.counts.byNamespace[given.Namespace]+given.counted, table.counts.all+given.counted
	for at := batch; at != nil; at = at.below {
		waiting := &answersIn.Of(at).counts
		own += waiting.byNamespace[given.Namespace]
		all += waiting.all
	}
	// From half of the bound on, nobody takes more than an equal share of it. So there is room for
	// namespaces that come.
	equal := int64(answersInAll / 2 / (len(table.counts.byNamespace) + 1))
	switch {
	case own > answersPerNamespace:
		return fmt.Errorf("%w: the remembered answers of namespace %q have %d bytes at most: ask later, or without an id", failure.ErrUnavailable, given.Namespace, answersPerNamespace)
	case all > answersInAll, all > answersInAll/2 && own > equal:
		return fmt.Errorf("%w: the remembered answers of namespace %q have their share of the store's: ask later, or without an id", failure.ErrUnavailable, given.Namespace)
	default:
		return nil
	}
}

// AddAnswer has the store remember an answer.
func (batch *Batch) AddAnswer(given *Answer) { answersIn.In(batch).add(given) }

// Remember has the store remember answers that were given elsewhere. An answer that it knows
// already stays.
func (batch *Batch) Remember(answers []*Answer) error {
	var unknown []*Answer
	for _, given := range answers {
		earlier, err := batch.Answer(given.RequestName)
		if err != nil {
			return err
		}
		if earlier == nil {
			unknown = append(unknown, given)
		}
	}
	for _, given := range unknown {
		batch.AddAnswer(given)
	}
	return nil
}

// Answer returns the remembered answer to a request, nil if there is none.
func (batch *Batch) Answer(name RequestName) (*Answer, error) {
	for at := batch; at != nil; at = at.below {
		if earlier := answersIn.Of(at).byName[name]; earlier != nil {
			return earlier, nil
		}
	}
	return answersIn.Table(batch.tables).Find(name, batch.timestamp)
}

// DigestBytes is the length of Request.Digest.
const DigestBytes = 32
