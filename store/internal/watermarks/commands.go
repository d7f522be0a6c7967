// SPDX-License-Identifier: EUPL-1.2

package watermarks

import (
	"dappco.re/go/storebus/store/internal/batch"
	"dappco.re/go/storebus/store/internal/changelog"
	"dappco.re/go/storebus/store/internal/commands"
	"dappco.re/go/storebus/store/internal/failure"
)

// Register returns the command that saves the first watermark of a new consumer: the end of the
// log. It changes nothing for a name that is known.
func Register(name string) commands.Command { return registerCommand{name: name} }

type registerCommand struct{ name string }

func (command registerCommand) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	if !hasConsumer(batch, command.name) {
		end := batch.End()
		slot.In(batch).set(command.name, &end)
		slot.In(batch).lasting = true
	}
	return commands.Outcome{}, nil
}

func (registerCommand) Groups() []string { return nil }

// Unregister returns the command that forgets a consumer. It fails with ErrNotFound for a name
// that is not known.
func Unregister(name string) commands.Command { return unregisterCommand{name: name} }

type unregisterCommand struct{ name string }

func (command unregisterCommand) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	if !hasConsumer(batch, command.name) {
		return commands.Outcome{}, failure.ErrNotFound
	}
	slot.In(batch).set(command.name, nil)
	slot.In(batch).lasting = true
	return commands.Outcome{}, nil
}

func (unregisterCommand) Groups() []string { return nil }

// hasConsumer reports whether there is a consumer of a name after the batch.
func hasConsumer(batch *batch.Batch, name string) bool {
	if watermark, changed := watermarkIn(batch, name); changed {
		return watermark != nil
	}
	_, absent := Of(batch.Tables()).absent[name]
	return absent || Of(batch.Tables()).find(name) != nil
}

// watermarkIn returns the watermark of a consumer if the batch changes it. It is nil for a consumer
// that goes.
func watermarkIn(batch *batch.Batch, name string) (watermark *changelog.Position, changed bool) {
	for at := batch; at != nil && !changed; at = at.Below() {
		watermark, changed = slot.Of(at).watermarks[name]
	}
	return watermark, changed
}

// Save returns the command that saves the watermarks that have moved.
func Save() commands.Command { return saveCommand{} }

type saveCommand struct{}

func (saveCommand) Apply(batch *batch.Batch, _ batch.Origin) (commands.Outcome, error) {
	Of(batch.Tables()).move(batch)
	return commands.Outcome{}, nil
}

func (saveCommand) Groups() []string { return nil }
