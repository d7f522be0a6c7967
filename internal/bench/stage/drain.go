// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"fmt"

	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/subjects"
)

// drain waits until the sidecar has published every change and updated its tables.
func (sidecar *sidecar) drain(ctx context.Context) error {
	var last subjects.StatusReply
	return load.Poll(ctx, func(ctx context.Context) (done bool, err error) {
		last, err = sidecar.client.Status(ctx)
		return err == nil && last.Backlog == 0 && last.PendingMaterialisation == 0, err
	}, func() string {
		return fmt.Sprintf("the sidecar still had %d changes to announce and %d to bring into its tables", last.Backlog, last.PendingMaterialisation)
	})
}
