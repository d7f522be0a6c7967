// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// answered returns the lines of AnswerProfiles for lines of a stage.
func answered(lines ...string) []string {
	var output strings.Builder
	AnswerProfiles(strings.NewReader(strings.Join(lines, "\n")+"\n"), &output)
	return strings.Split(strings.TrimSuffix(output.String(), "\n"), "\n")
}

func TestProfile_AnswerProfiles_Good(t *testing.T) {
	path := filepath.Join(t.TempDir(), "is ready\n.pprof")
	assert.Equal(t, []string{"profile: ", "profile: "}, answered("hello", "profile "+strconv.Quote(path), "profile "))
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.NotEmpty(t, content)
}

func TestProfile_AnswerProfiles_Bad(t *testing.T) {
	answers := answered("profile x", "profile ", "profile "+strconv.Quote(t.TempDir()))
	require.Len(t, answers, 3)
	assert.Equal(t, "profile: invalid syntax", answers[0])
	assert.Equal(t, "profile: invalid argument", answers[1], "nothing has begun")
	assert.Contains(t, answers[2], "profile: open ")
}

func TestProfile_Ask_Ugly(t *testing.T) {
	launcher, ctx := newLauncher(t)
	broker, err := launcher.launch(ctx, "broker", "", brokerCommand, "--", t.TempDir(), "false")
	require.NoError(t, err)
	broker.kill()
	assert.Error(t, broker.ask(ctx, profileLine), "it has ended")
}
