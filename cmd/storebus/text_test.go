// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// errFullDisk is the error of every write to a full disk.
var errFullDisk = errors.New("no space left on device")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFullDisk }

func TestText_Printable_Good(t *testing.T) {
	for text, printed := range map[string]string{
		"":                "",
		"dark":            "dark",
		"two words":       "two words",
		"grüße 🙂":         "grüße 🙂",
		`a "quoted" word`: `a "quoted" word`,
		`"quoted"`:        `"\"quoted\""`,
		"two\nlines":      `"two\nlines"`,
		"a\ttab":          `"a\ttab"`,
		"\x1b[31mred":     `"\x1b[31mred"`,
		"\xff":            `"\xff"`,
		"a\u202eb":        `"a\u202eb"`,
	} {
		assert.Equal(t, printed, printable(text))
	}
}

func TestText_IsTerminal_Good(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	assert.False(t, isTerminal(file))
	assert.False(t, isTerminal(&bytes.Buffer{}))
	device, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer device.Close()
	assert.False(t, isTerminal(device), "nobody reads what is thrown away")
}

func TestText_Visible_Good(t *testing.T) {
	for text, shown := range map[string]string{
		"config/thème is not there": "config/thème is not there",
		"one\ntwo":                  "one\ntwo",
		"a\x1b[31mb":                `a\x1b[31mb`,
		"a\x00\tb\xff":              `a\x00\tb\xff`,
		"\u202eright to left":       `\u202eright to left`,
		`say "no"`:                  `say "no"`,
		"\ufffd":                    "\ufffd",
	} {
		assert.Equal(t, shown, visible(text))
	}
}
