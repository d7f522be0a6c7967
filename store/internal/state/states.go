// SPDX-License-Identifier: EUPL-1.2

package state

import (
	"github.com/tidwall/btree"

	"dappco.re/go/storebus/store/internal/kv"
)

// pendingStates are the states of one kind that wait to be written, in byte order
// of their names.
type pendingStates[State comparable] struct {
	states btree.Map[string, State]
}

// named is a state with its name.
type named[State any] struct {
	name  string
	state State
}

func (pending *pendingStates[State]) get(name string) (state State, waits bool) {
	return pending.states.Get(name)
}

// put takes a state in place of the one before, and returns by how many bytes the
// memory grew.
func (pending *pendingStates[State]) put(name string, state State) (bytes int) {
	if _, replaced := pending.states.Set(name, state); replaced {
		return 0
	}
	return kv.StateOverhead + len(name)
}

// drop removes a state, if it is still the one given, and returns by how many bytes the memory
// shrank.
func (pending *pendingStates[State]) drop(name string, state State) (bytes int) {
	if waiting, waits := pending.states.Get(name); !waits || waiting != state {
		return 0
	}
	pending.states.Delete(name)
	return kv.StateOverhead + len(name)
}

// take copies up to limit states from a name on, and returns the name to go on from.
func (pending *pendingStates[State]) take(from string, limit int) (taken []named[State], next string) {
	next = from
	if limit <= 0 {
		return nil, next
	}
	pending.states.Ascend(from, func(name string, state State) bool {
		taken, next = append(taken, named[State]{name, state}), kv.FirstBehind(name)
		return len(taken) < limit
	})
	return taken, next
}

// mergeStates calls visit with each state of a range in order, until visit returns false.
// stored passes the states of the tables in the same order to its argument, until that
// returns false. If both have a name, the pending state counts.
func mergeStates[State comparable](pending *pendingStates[State], names kv.NameRange,
	stored func(take func(name string, state State) bool) error, visit func(name string, state State) bool,
) error {
	waiting := pending.states.Iter()
	waits := waiting.Seek(names.Low)
	ended := false
	// before visits what waits before a name, and reports whether the name itself was there.
	before := func(name *string) (found bool) {
		for waits && !ended && !found && names.Holds(waiting.Key()) && (name == nil || waiting.Key() <= *name) {
			found = name != nil && waiting.Key() == *name
			ended = !visit(waiting.Key(), waiting.Value())
			waits = waiting.Next()
		}
		return found
	}
	err := stored(func(name string, state State) bool {
		if !before(&name) && !ended {
			ended = !visit(name, state)
		}
		return !ended
	})
	if err == nil {
		before(nil)
	}
	return err
}
