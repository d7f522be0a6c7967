// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRead_Read_Good(t *testing.T) {
	written := func(report Printable) *bytes.Buffer {
		var output bytes.Buffer
		require.NoError(t, Write(report, &output, FormatJSON))
		return &output
	}
	read, err := Read(written(fixedReport()))
	require.NoError(t, err)
	expected := fixedReport()
	expected.Ratios = expected.Ratios[:len(expected.Ratios)-1] // the last one is of no case
	assert.Equal(t, expected, read)
	read, err = Read(written(fixedScale()))
	require.NoError(t, err)
	assert.Equal(t, fixedScale(), read)
}

func TestRead_Read_Bad(t *testing.T) {
	for _, text := range []string{
		"", "no JSON", "[]", `{"type":"run"}{`, `{"type":"case"}`, `{"type":"run","settings":7}`, `{"type":"run"}{"type":"case","name":7}`, `{"type":"run"}{"type":"size","keys":"a"}`,
	} {
		_, err := Read(strings.NewReader(text))
		assert.ErrorIs(t, err, errNoReport, text)
	}
}
