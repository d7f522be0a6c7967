// SPDX-License-Identifier: EUPL-1.2

package sqlitelog

import (
	"fmt"
	"log/slog"

	"dappco.re/go/storebus/store/internal/changelog"
)

// damage tells the operator of each damaged place of the log once.
type damage struct {
	logger   *slog.Logger
	reported map[string]struct{}
}

func (damage *damage) ofCommit(id uint64, err error) {
	damage.report(fmt.Sprintf("commit %d", id), err)
}

func (damage *damage) ofRevision(namespace string, revision uint64) {
	damage.report(fmt.Sprintf("revision %d of namespace %q", revision, namespace), changelog.ErrDamaged)
}

func (damage *damage) report(place string, err error) {
	if _, known := damage.reported[place]; known {
		return
	}
	damage.reported[place] = struct{}{}
	damage.logger.Error("the log is damaged: those who follow it miss the changes of one place; check the disk",
		slog.String("place", place), slog.Any("error", err))
}
