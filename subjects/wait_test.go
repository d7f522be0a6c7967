// SPDX-License-Identifier: EUPL-1.2

package subjects_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"dappco.re/go/storebus/subjects"
)

func decodeWait(t *testing.T, value string) (*subjects.Wait, error) {
	t.Helper()
	var request subjects.ChangesRequest
	err := subjects.Decode([]byte(`{"wait":`+value+`}`), &request)
	return request.Wait, err
}

func TestWait_UnmarshalJSON_Good(t *testing.T) {
	for value, want := range map[string]time.Duration{
		`0`: 0, `0.0`: 0, `30`: 30 * time.Second, `3e1`: 30 * time.Second, `1.5`: 1500 * time.Millisecond, `1e-400`: time.Millisecond,
		`"0"`: 0, `"0s"`: 0, `"30s"`: 30 * time.Second, `"30"`: 30 * time.Second, `"1500ms"`: 1500 * time.Millisecond, `"1ns"`: time.Millisecond,
	} {
		wait, err := decodeWait(t, value)
		require.NoError(t, err, value)
		assert.Equal(t, want, wait.Duration(), value)
	}
	wait, err := decodeWait(t, `null`)
	require.NoError(t, err)
	assert.Nil(t, wait)
}

func TestWait_UnmarshalJSON_Bad(t *testing.T) {
	for _, value := range []string{
		`-0`, `-1`, `30.001`, `30.0000000000000000001`, `31`, `1e400`, `"-1s"`, `"-0s"`, `"30s1ns"`, `"31s"`, `"31"`, `"9e99h"`, `"2562047h"`,
		`""`, `"never"`, `"keep"`, `"1.5"`, `true`, `[]`, `{}`,
	} {
		_, err := decodeWait(t, value)
		requireBadField(t, err, "wait")
	}
}

func TestWait_UnmarshalJSON_Ugly(t *testing.T) {
	t.Run("NullIsNoWait", func(t *testing.T) {
		wait := subjects.WaitFor(time.Second)
		require.NoError(t, json.Unmarshal([]byte(`null`), &wait))
		assert.Zero(t, wait.Duration())
	})
}

func TestWait_ParseWait_Good(t *testing.T) {
	wait, err := subjects.ParseWait("1500ms")
	require.NoError(t, err)
	assert.Equal(t, subjects.WaitFor(1500*time.Millisecond), wait)
	assert.Equal(t, "1.5s", wait.String())
	data, err := json.Marshal(wait)
	require.NoError(t, err)
	assert.Equal(t, "1.5", string(data))
}

func TestWait_ParseWait_Bad(t *testing.T) {
	_, err := subjects.ParseWait("soon")
	requireBadField(t, err, "wait")
}

func TestWait_WaitFor_Good(t *testing.T) {
	assert.Equal(t, 2*time.Millisecond, subjects.WaitFor(time.Millisecond+1).Duration())
	assert.NoError(t, subjects.WaitFor(0).Check())
	assert.NoError(t, subjects.WaitFor(subjects.MaxWait).Check())
}

func TestWait_WaitFor_Bad(t *testing.T) {
	for _, duration := range []time.Duration{-1, subjects.MaxWait + 1} {
		wait := subjects.WaitFor(duration)
		requireBadField(t, wait.Check(), "wait")
		_, err := wait.MarshalJSON()
		requireBadField(t, err, "wait")
	}
}
