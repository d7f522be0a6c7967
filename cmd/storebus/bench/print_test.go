// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readBack is a report in JSON that was read again.
type readBack struct {
	run    runLine
	cases  []Result
	sizes  []SizeResult
	ratios []Ratio
}

// readLines reads an object a line, and nothing but known fields.
func readLines(t *testing.T, output []byte) (report readBack) {
	t.Helper()
	for line := range bytes.Lines(output) {
		var object struct{ Type string }
		require.NoError(t, json.Unmarshal(line, &object))
		switch object.Type {
		case "run":
			strictly(t, line, &report.run)
		case "case":
			var read caseLine
			strictly(t, line, &read)
			report.cases = append(report.cases, read.Result)
		case "size":
			var read sizeLine
			strictly(t, line, &read)
			report.sizes = append(report.sizes, read.SizeResult)
		case "ratio":
			var read ratioLine
			strictly(t, line, &read)
			report.ratios = append(report.ratios, read.Ratio)
		default:
			require.Fail(t, "a line of no type", string(line))
		}
	}
	return report
}

func strictly(t *testing.T, line []byte, object any) {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	require.NoError(t, decoder.Decode(object), string(line))
}

// readReport reads what a run of the cases has printed.
func readReport(t *testing.T, output []byte) *Report {
	t.Helper()
	read := readLines(t, output)
	report := &Report{Machine: read.run.Machine, BeganAt: read.run.BeganAt, Seconds: read.run.Seconds, Cases: read.cases, Ratios: read.ratios}
	readSetup(t, read.run.Settings, &report.Setup)
	return report
}

// readScale reads what a run with --scale has printed.
func readScale(t *testing.T, output []byte) *ScaleReport {
	t.Helper()
	read := readLines(t, output)
	report := &ScaleReport{Machine: read.run.Machine, BeganAt: read.run.BeganAt, Seconds: read.run.Seconds, Sizes: read.sizes}
	readSetup(t, read.run.Settings, &report.Setup)
	return report
}

func readSetup(t *testing.T, settings, setup any) {
	t.Helper()
	data, err := json.Marshal(settings)
	require.NoError(t, err)
	strictly(t, data, setup)
}

func TestPrint_Write_Good(t *testing.T) {
	printed := func(report printable, format string) []byte {
		var output bytes.Buffer
		require.NoError(t, write(report, &output, format))
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
		assert.ErrorIs(t, write(fixedReport(), &fullDisk{taken: 2}, format), errFullDisk, format)
	}
}
