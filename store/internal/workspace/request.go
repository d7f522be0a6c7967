// SPDX-License-Identifier: EUPL-1.2

package workspace

import (
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/workspacefile"
)

// The file of a workspace remembers a request with an id in the transaction of its write, and
// the store remembers it right afterwards. So the id is known wherever it comes again. After a
// crash between the two, the answer is carried over from the file.

// answersPerCommand is how many answers are carried over from a file at once.
const answersPerCommand = 512

// OpenFor opens a workspace for a request. The Outcome has Created and the number of Entries.
func (workspaces *Workspaces) OpenFor(request commands.Request, name workspacefile.Name) (commands.Outcome, error) {
	return workspaces.once(request, func(request fileRequest) (commands.Outcome, error) {
		outcome, err := workspaces.openFor(request, name)
		return outcome, name.Failure("store.OpenWorkspace", err)
	})
}

// openFor opens a workspace. An existing workspace tells whether this request made it, before a
// crash.
func (workspaces *Workspaces) openFor(request fileRequest, name workspacefile.Name) (commands.Outcome, error) {
	outcome, err := commands.WithAnswer(&request.Request, commands.Outcome{Created: true})
	if err != nil {
		return commands.Outcome{}, err
	}
	turn, created, err := workspaces.openRun(name, commands.Given(&request.Request, &outcome), request.at)
	if err != nil {
		return commands.Outcome{}, err
	}
	defer turn.giveBack()
	if created {
		return outcome, nil
	}
	return workspaces.answerOpened(turn, request)
}

// answerOpened answers a request that has opened an existing workspace.
func (workspaces *Workspaces) answerOpened(turn turn, request fileRequest) (outcome commands.Outcome, err error) {
	var earlier *batch.Answer
	if request.ID != "" {
		err = workspaces.pool.use(turn, func(database *workspacefile.Database) error {
			earlier, err = request.findIn(database)
			return err
		})
	}
	switch {
	case err != nil:
		return commands.Outcome{}, err
	case earlier != nil:
		return commands.Repeat(&request.Request, earlier)
	default:
		return commands.WithAnswer(&request.Request, commands.Outcome{Entries: turn.run.entries.Load()})
	}
}

// PutFor adds an entry to a workspace for a request. The Outcome has the new number of Entries.
func (workspaces *Workspaces) PutFor(request commands.Request, name workspacefile.Name, kind string, data json.RawMessage) (commands.Outcome, error) {
	return workspaces.once(request, func(request fileRequest) (commands.Outcome, error) {
		encoded, err := workspaces.config.encode(kind, data)
		if err != nil {
			return commands.Outcome{}, err
		}
		workspace, err := workspaces.Find(name)
		if err != nil {
			return commands.Outcome{}, err
		}
		outcome, err := workspace.put(request, kind, encoded)
		return outcome, workspace.Failure(err)
	})
}

// CommitFor commits a workspace for a request. The Outcome has Summary, Revision and EntryID.
func (workspaces *Workspaces) CommitFor(request commands.Request, name workspacefile.Name, traceParent string) (commands.Outcome, error) {
	return workspaces.endOnce(request, name, func(workspace *Workspace) (commands.Outcome, error) {
		return workspace.commit(workspaces.config.Host, request, traceParent)
	})
}

// DiscardFor discards a workspace for a request.
func (workspaces *Workspaces) DiscardFor(request commands.Request, name workspacefile.Name) (commands.Outcome, error) {
	return workspaces.endOnce(request, name, func(workspace *Workspace) (commands.Outcome, error) {
		return workspace.discard(workspaces.config.Host, request)
	})
}

// alone carries out a request while no other request of its name is carried out. The store then
// also knows the answers that only the files remembered.
func (workspaces *Workspaces) alone(request *commands.Request, carryOut func() (commands.Outcome, error)) (commands.Outcome, error) {
	if request.ID == "" {
		return carryOut()
	}
	leave, err := workspaces.requests.Enter(commands.NameOf(request))
	if err != nil {
		return commands.Outcome{}, err
	}
	defer leave()
	if err := workspaces.load(request.Namespace); err != nil {
		return commands.Outcome{}, err
	}
	return carryOut()
}

// once carries out a request that changes a file, unless the store knows its answer.
func (workspaces *Workspaces) once(request commands.Request, carryOut func(request fileRequest) (commands.Outcome, error)) (commands.Outcome, error) {
	return workspaces.alone(&request, func() (commands.Outcome, error) {
		if request.ID == "" {
			return carryOut(fileRequest{Request: request})
		}
		earlier, now, err := workspaces.config.Host.Recall(commands.NameOf(&request))
		if err != nil {
			return commands.Outcome{}, err
		}
		if earlier != nil {
			return commands.Repeat(&request, earlier)
		}
		outcome, err := carryOut(fileRequest{Request: request, at: now})
		if err == nil {
			workspaces.config.keepAnswers(commands.Given(&request, &outcome))
		}
		return outcome, err
	})
}

// endOnce carries out a request that ends a workspace. The commit looks the id up itself. If the
// request does not come to its commit, because its workspace has ended, the store may still know
// the answer.
func (workspaces *Workspaces) endOnce(request commands.Request, name workspacefile.Name, end func(workspace *Workspace) (commands.Outcome, error)) (commands.Outcome, error) {
	return workspaces.alone(&request, func() (outcome commands.Outcome, err error) {
		workspace, err := workspaces.Find(name)
		if err == nil {
			outcome, err = end(workspace)
			err = workspace.Failure(err)
		}
		if err == nil || request.ID == "" {
			return outcome, err
		}
		if earlier, _, recallErr := workspaces.config.Host.Recall(commands.NameOf(&request)); recallErr == nil && earlier != nil {
			return commands.Repeat(&request, earlier)
		}
		return commands.Outcome{}, err
	})
}

// keepAnswers has the store remember answers that are in the file of a workspace. If it cannot, the
// file still does, for as long as there is one.
func (config *Config) keepAnswers(answers []*batch.Answer) {
	for part := range slices.Chunk(answers, answersPerCommand) {
		if _, err := config.Host.Do(rememberCommand{answers: part}); err != nil {
			config.Logger.Warn("answers are remembered by their workspace alone", slog.String("namespace", part[0].Namespace), slog.Any("error", err))
		}
	}
}

// fileRequest is a request that changes the file of a workspace, with the store's time.
type fileRequest struct {
	commands.Request
	at time.Time
}

// answeredIn carries out a request in a transaction of the file of a workspace. If the file
// knows the id, it gives the answer. Otherwise the answer is remembered with the write.
func (request *fileRequest) answeredIn(transaction *workspacefile.Transaction, carryOut func() (commands.Outcome, error)) (commands.Outcome, error) {
	earlier, err := request.findIn(transaction)
	if err != nil {
		return commands.Outcome{}, err
	}
	if earlier != nil {
		return commands.Repeat(&request.Request, earlier)
	}
	outcome, err := carryOut()
	if err != nil {
		return commands.Outcome{}, err
	}
	if outcome, err = commands.WithAnswer(&request.Request, outcome); err != nil {
		return commands.Outcome{}, err
	}
	return outcome, transaction.Remember(commands.Given(&request.Request, &outcome), request.at)
}

// findIn returns the answer to a request that the file of a workspace remembers, nil if there
// is none.
func (request *fileRequest) findIn(file interface {
	Answer(name batch.RequestName, now time.Time) (*batch.Answer, error)
}) (*batch.Answer, error) {
	if request.ID == "" {
		return nil, nil
	}
	return file.Answer(commands.NameOf(&request.Request), request.at)
}
