// SPDX-License-Identifier: EUPL-1.2

// Package await waits for the answer of a callback.
package await

import (
	"context"
	"fmt"
)

// Answer calls submit and returns the values that submit passes to done. It returns ctx's error
// if ctx ends first. done may be called by any goroutine, and also after Answer has returned.
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
