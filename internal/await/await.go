// SPDX-License-Identifier: EUPL-1.2

// Package await waits for answers that are given by callbacks.
package await

import (
	"context"
	"fmt"
)

// Answer waits for what submit hands to done, which may come from any goroutine, and
// after the wait is over.
//
//	status, err := await.Answer(ctx, store.SubmitStatus)
func Answer[Result any](ctx context.Context, submit func(done func(Result, error))) (Result, error) {
	type outcome struct {
		result Result
		err    error
	}
	outcomes := make(chan outcome, 1)
	submit(func(result Result, err error) { outcomes <- outcome{result, err} })
	select {
	case outcome := <-outcomes:
		return outcome.result, outcome.err
	case <-ctx.Done():
		var none Result
		return none, fmt.Errorf("the store has not answered in time: %w", ctx.Err())
	}
}
