// SPDX-License-Identifier: EUPL-1.2

package report

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readReport reads the JSON of a run of the cases.
func readReport(t *testing.T, output []byte) *Report {
	t.Helper()
	report := &Report{}
	readLines(t, output, &report.Header, &report.Cases, nil, &report.Ratios)
	return report
}

// readScale reads the JSON of a run with --scale.
func readScale(t *testing.T, output []byte) *ScaleReport {
	t.Helper()
	report := &ScaleReport{}
	readLines(t, output, &report.Header, nil, &report.Sizes, nil)
	return report
}

// readLines reads an object a line, with known fields only.
func readLines[Settings any](t *testing.T, output []byte, header *Header[Settings], cases *[]Result, sizes *[]SizeResult, ratios *[]Ratio) {
	t.Helper()
	for line := range bytes.Lines(output) {
		var object struct{ Type string }
		require.NoError(t, json.Unmarshal(line, &object))
		switch object.Type {
		case "run":
			*header = strictly[runLine[Settings]](t, line).Header
		case "case":
			*cases = append(*cases, strictly[caseLine](t, line).Result)
		case "size":
			*sizes = append(*sizes, strictly[sizeLine](t, line).SizeResult)
		case "ratio":
			*ratios = append(*ratios, strictly[ratioLine](t, line).Ratio)
		default:
			require.Fail(t, "a line of no type", string(line))
		}
	}
}

func strictly[Line any](t *testing.T, line []byte) (object Line) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(&object), string(line))
	return object
}

func TestPrint_Write_Good(t *testing.T) {
	printed := func(report Printable, format string) []byte {
		var output bytes.Buffer
		require.NoError(t, Write(report, &output, format))
		return output.Bytes()
	}
	t.Run("JSON", func(t *testing.T) {
		assert.Equal(t, fixedReport(), readReport(t, printed(fixedReport(), FormatJSON)))
		assert.Equal(t, fixedScale(), readScale(t, printed(fixedScale(), FormatJSON)))
	})
	t.Run("Text", func(t *testing.T) {
		assert.Equal(t, "set\t64\t128\t40000\t840\t12500\t2\nkv-put\t64\t128\t100000\t84\t2500000\t0\nget\t64\t16384\t999\t0\t0\t0\n",
			string(printed(fixedReport(), FormatText)))
		assert.Equal(t, "10000\t1\t0.5\t40000\t12500\t80000\t12500\t3145728\t0\t0\n10000000\t1000\t500\t10000\t12500\t60000\t12500\t4194304000\t5242880\t3\n",
			string(printed(fixedScale(), FormatText)))
	})
	t.Run("Table", func(t *testing.T) {
		assert.Equal(t, fixedText, string(printed(fixedReport(), FormatTable)))
		assert.Equal(t, fixedText, string(printed(fixedReport(), "")))
		assert.Equal(t, fixedScaleText, string(printed(fixedScale(), FormatTable)))
	})
}

func TestPrint_Write_Ugly(t *testing.T) {
	for _, format := range []string{FormatJSON, FormatText, FormatTable} {
		assert.ErrorIs(t, Write(fixedReport(), &fullDisk{taken: 2}, format), errFullDisk, format)
	}
}
