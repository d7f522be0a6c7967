// SPDX-License-Identifier: EUPL-1.2

package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/store"
)

// keyInput is an operation on a key that has a namespace to itself, so that every
// revision is told by what was done to the key before.
type keyInput struct {
	key   string
	verb  string
	value string
	// expected is the revision that update and remove go by.
	expected uint64
}

// keyOutput is what an operation returned: the revision and the value, where it
// tells any, and the failure, where it is one that the rules know.
type keyOutput struct {
	revision uint64
	value    string
	failure  error
}

// keyState is the key as it stands; revision is 0 where it is not there.
type keyState struct {
	last     uint64
	revision uint64
	value    string
}

// written is the state after a change that leaves a value.
func (state keyState) written(value string) keyState {
	return keyState{last: state.last + 1, revision: state.last + 1, value: value}
}

// step is what one operation must return and leave behind.
func (state keyState) step(input keyInput) (keyOutput, keyState) {
	missing, conflict := keyOutput{failure: store.ErrNotFound}, keyOutput{failure: store.ErrRevisionConflict}
	deleted := keyState{last: state.last + 1}
	switch input.verb {
	case "set":
		return keyOutput{}, state.written(input.value)
	case "create", "update":
		if state.revision != input.expected {
			return conflict, state
		}
		return keyOutput{revision: state.last + 1}, state.written(input.value)
	case "delete":
		if state.revision == 0 {
			return keyOutput{}, state
		}
		return keyOutput{}, deleted
	case "remove":
		switch {
		case state.revision != input.expected:
			return conflict, state
		case state.revision == 0:
			return keyOutput{}, state
		}
		return keyOutput{}, deleted
	case "touch":
		if state.revision == 0 {
			return missing, state
		}
		return keyOutput{revision: state.last + 1}, state.written(state.value)
	case "increment":
		number, _ := strconv.Atoi(state.value)
		sum := strconv.Itoa(number + 1)
		return keyOutput{value: sum}, state.written(sum)
	case "measure": // in a transaction
		if state.revision == 0 {
			return missing, state
		}
		return keyOutput{value: state.value}, state.written(strconv.Itoa(len(state.value)))
	default: // get
		if state.revision == 0 {
			return missing, state
		}
		return keyOutput{revision: state.revision, value: state.value}, state
	}
}

// keyModel checks the history of each key by itself.
var keyModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) (parts [][]porcupine.Operation) {
		byKey := map[string][]porcupine.Operation{}
		for _, operation := range history {
			key := operation.Input.(keyInput).key //nolint:errcheck,forcetypeassert // the test's own
			byKey[key] = append(byKey[key], operation)
		}
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() any { return keyState{} },
	Step: func(state, input, output any) (bool, any) {
		want, next := state.(keyState).step(input.(keyInput)) //nolint:errcheck,forcetypeassert // the test's own
		return want == output, next
	},
}

// carryOut does an operation in the store.
func (input keyInput) carryOut(opened *store.Store) (output keyOutput) {
	group := input.key + ":g"
	switch input.verb {
	case "set":
		output.failure = opened.Set(group, "key", input.value)
	case "create":
		output.revision, output.failure = opened.Create(group, "key", input.value)
	case "update":
		output.revision, output.failure = opened.Update(group, "key", input.value, input.expected)
	case "delete":
		output.failure = opened.Delete(group, "key")
	case "remove":
		output.failure = opened.DeleteAt(group, "key", input.expected)
	case "touch":
		output.revision, output.failure = opened.Touch(group, "key", time.Hour)
	case "increment":
		var sum int64
		sum, output.failure = opened.Increment(group, "key", 1)
		output.value = strconv.FormatInt(sum, 10)
	case "measure":
		output.failure = opened.Transaction(func(transaction *store.StoreTransaction) (err error) {
			if output.value, err = transaction.Get(group, "key"); err != nil {
				return err
			}
			return transaction.Set(group, "key", strconv.Itoa(len(output.value)))
		})
	default:
		var entry store.Entry
		entry, output.failure = opened.GetEntry(group, "key")
		output.revision, output.value = entry.Revision, entry.Value
	}
	for _, known := range []error{store.ErrNotFound, store.ErrRevisionConflict} {
		if errors.Is(output.failure, known) {
			output.failure = known
		}
	}
	return output
}

// TestLinearisability_Store_Good has clients do all there is to the same few keys at
// once: for each key there is an order of what they did, within the times at which
// they did it, that explains all they were told.
func TestLinearisability_Store_Good(t *testing.T) {
	t.Parallel()
	const clients, operations, keys = 6, 150, 3
	for name, config := range map[string]store.StoreConfig{
		"FromMemory":     {},
		"FromTheTables":  {CacheBytes: 1, PendingBytes: 1},
		"DurableInFull":  {Durability: store.DurabilityFull},
		"NothingIsClean": {PendingBytes: 1},
	} {
		t.Run(name, func(t *testing.T) {
			if config.Durability == "" {
				config.Durability = store.DurabilityRelaxed
			}
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			opened := openStore(t, config)
			histories := make([][]porcupine.Operation, clients)
			var instant atomic.Int64
			var running sync.WaitGroup
			for client := range clients {
				running.Go(func() {
					random := rand.New(rand.NewPCG(seed, uint64(client)))
					seen := map[string]uint64{}
					for range operations {
						input := drawInput(random, seen, keys)
						call := instant.Add(1)
						output := input.carryOut(opened)
						histories[client] = append(histories[client], porcupine.Operation{ClientId: client, Input: input, Call: call, Output: output, Return: instant.Add(1)})
						if output.revision > 0 {
							seen[input.key] = output.revision
						}
					}
				})
			}
			running.Wait()
			var history []porcupine.Operation
			for _, part := range histories {
				history = append(history, part...)
			}
			assert.True(t, porcupine.CheckOperations(keyModel, history))
		})
	}
}

// drawInput draws an operation that goes by the revision which the client has seen last.
func drawInput(random *rand.Rand, seen map[string]uint64, keys int) keyInput {
	verbs := []string{"get", "get", "get", "set", "create", "update", "update", "delete", "remove", "touch", "increment", "increment", "measure"}
	input := keyInput{key: fmt.Sprint("k", random.IntN(keys)), verb: verbs[random.IntN(len(verbs))], value: strconv.Itoa(random.IntN(1000))}
	if input.verb != "create" {
		input.expected = seen[input.key]
	}
	return input
}

// TestLinearisability_Model_Bad shows the checker histories that no store may tell.
func TestLinearisability_Model_Bad(t *testing.T) {
	set := porcupine.Operation{Input: keyInput{key: "k", verb: "set", value: "1"}, Call: 1, Output: keyOutput{}, Return: 2}
	again := porcupine.Operation{Input: keyInput{key: "k", verb: "set", value: "2"}, Call: 3, Output: keyOutput{}, Return: 4}
	read := func(output keyOutput) porcupine.Operation {
		return porcupine.Operation{Input: keyInput{key: "k", verb: "get"}, Call: 5, Output: output, Return: 6}
	}
	require.True(t, porcupine.CheckOperations(keyModel, []porcupine.Operation{set, again, read(keyOutput{revision: 2, value: "2"})}))
	for name, output := range map[string]keyOutput{
		"StaleRead":     {revision: 1, value: "1"},
		"LostWrite":     {failure: store.ErrNotFound},
		"WrongRevision": {revision: 3, value: "2"},
		"UnknownError":  {failure: store.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			assert.False(t, porcupine.CheckOperations(keyModel, []porcupine.Operation{set, again, read(output)}))
		})
	}
}
