// SPDX-License-Identifier: EUPL-1.2

package embedded_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// A success reply means that the write is on disk: a loss of power at any moment keeps
// every acknowledged write. A kill cannot prove that, because data outlives its process
// without any fsync.
func TestDurability_PowerLoss_Ugly(t *testing.T) {
	t.Parallel()
	requireStrace(t)
	t.Run("FullLosesNothing", func(t *testing.T) {
		random := seeded(t)
		run := recordRun(t, random, "full", 5)
		run.eachImage(t, random, func(t *testing.T, image *image, lost []string) {
			t.Helper()
			assert.Empty(t, lost[:min(len(lost), 5)], "%d sets that were acknowledged are not there, such as", len(lost))
		})
	})
	// This proves that the test above can see a loss.
	t.Run("RelaxedLosesWhatOnlyTheProcessKept", func(t *testing.T) {
		random := seeded(t)
		run := recordRun(t, random, "relaxed", 1)
		images, losses := 0, 0
		run.eachImage(t, random, func(t *testing.T, image *image, lost []string) {
			t.Helper()
			if image.label == everything {
				assert.Empty(t, lost, "the process alone had died")
			} else if images++; len(lost) > 0 {
				losses++
			}
		})
		t.Logf("%d of %d images have lost what was acknowledged", losses, images)
		assert.NotZero(t, losses, "no image lost anything without an fsync: the test cannot fail")
	})
}

// If an fsync fails, its data may be lost, and only the first fsync reports it. From then
// on no write is acknowledged. Reads go on, and a restart finds a sound store.
func TestDurability_FailingSync_Ugly(t *testing.T) {
	t.Parallel()
	requireStrace(t)
	t.Run("FullStopsWritingAtTheFirstCommit", func(t *testing.T) {
		run := startFailingRun(t, terminated, always, "full")
		run.remember(t)
		unknown := run.verifyStopped(t, run.set(t, times(5)), terminated)
		assert.NotEmpty(t, unknown, "the first to be told are told that the outcome is unknown")
	})
	// A second attempt after the single failure would succeed.
	t.Run("FullStopsWritingUnderLoadAtOneFailure", func(t *testing.T) {
		run := startFailingRun(t, terminated, "20", "full")
		run.remember(t)
		run.verifyStopped(t, run.set(t, untilUnavailable), killed)
	})
	// After a kill there is data to write even if no client asks for it.
	t.Run("FullStopsWritingBeforeAnybodyWrites", func(t *testing.T) {
		run := startFailingRun(t, killed, always, "full")
		run.remember(t)
		await(t, "a sidecar that says that it takes no writes", func() bool {
			return !readStatus(t, run.listener.connection).Writable
		})
		unknown := run.verifyStopped(t, run.set(t, times(2)), terminated)
		assert.Empty(t, unknown, "of what is refused the outcome is known")
	})
	// This proves that an fsync causes the refusals above. A store at rest runs an fsync as
	// well, but its clients do not wait for it.
	t.Run("RelaxedGoesOn", func(t *testing.T) {
		run := startFailingRun(t, killed, always, "relaxed")
		told := run.set(t, times(5))
		assert.Len(t, kept(told, time.Now()), len(told))
		assert.True(t, readStatus(t, run.listener.connection).Writable)
		run.remember(t)
		logs := run.restart(t, terminated)
		assert.Empty(t, missing(told, logs), "the machine was on all the time")
	})
}
