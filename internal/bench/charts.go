// SPDX-License-Identifier: EUPL-1.2

package bench

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dappco.re/go/storebus/internal/bench/chart"
	"dappco.re/go/storebus/internal/bench/report"
)

// The colours of the lines. They differ for people who cannot tell red from green, and are
// dark enough for letters on white.
const (
	blue   = "#0b62b8"
	orange = "#c2410c"
	green  = "#0f766e"
	purple = "#a21caf"
	brown  = "#8a6100"
	grey   = "#57606a"
)

// drawnCase is a case in the charts, and its line without points.
type drawnCase struct {
	name string
	line chart.Line
}

func drawnCases() []drawnCase {
	return []drawnCase{
		{"set", chart.Line{Name: "storebus set", Colour: blue, Bold: true}},
		{"get", chart.Line{Name: "storebus get", Colour: orange, Bold: true}},
		{"kv-put", chart.Line{Name: "KV put", Colour: green}},
		{"kv-put-always", chart.Line{Name: "KV put, sync always", Colour: purple}},
		{"kv-get", chart.Line{Name: "KV get", Colour: brown}},
		{"echo", chart.Line{Name: "echo", Colour: grey}},
	}
}

// chartKind is a figure, and its formats.
type chartKind struct {
	title      string
	figure     func(*report.Round) float64
	text, tick func(float64) string
}

func throughput() chartKind {
	return chartKind{
		title: "Requests a second", figure: func(round *report.Round) float64 { return round.Rate },
		text: func(rate float64) string { return report.Thousands(rate) + "/s" }, tick: report.Thousands,
	}
}

func latency() chartKind {
	return chartKind{
		title: "Latency, 99th percentile", figure: func(round *report.Round) float64 { return round.P99 },
		text: report.Latency, tick: roundLatency,
	}
}

// roundLatency formats a round number of microseconds: 500 µs, 20 ms.
func roundLatency(microseconds float64) string {
	switch {
	case microseconds < 1e3:
		return fmt.Sprintf("%g µs", microseconds)
	case microseconds < 1e6:
		return fmt.Sprintf("%g ms", microseconds/1e3)
	}
	return fmt.Sprintf("%g s", microseconds/1e6)
}

// chart begins a chart of the figure.
func (kind *chartKind) chart(suffix, subtitle, xName string) chart.Chart {
	return chart.Chart{Title: kind.title + suffix, Subtitle: subtitle, XName: xName, XText: report.Thousands, YText: kind.text, YTick: kind.tick}
}

// makeChartFolder makes the folder for the charts, if the settings name one.
func (settings *Settings) makeChartFolder() error {
	if settings.Charts == "" {
		return nil
	}
	if err := os.MkdirAll(settings.Charts, 0o755); err != nil {
		return fmt.Errorf("the folder for charts cannot be made: %w", err)
	}
	return nil
}

// writeCharts draws a report into the folder, if the settings name one. It returns an error
// if nothing was measured that the charts show.
func (settings *Settings) writeCharts(printed report.Printable) error {
	if settings.Charts == "" {
		return nil
	}
	var charts map[string]chart.Chart
	switch found := printed.(type) {
	case *report.Report:
		charts = caseCharts(found)
	case *report.ScaleReport:
		charts = scaleCharts(found)
	}
	drawn := 0
	for name, chart := range charts {
		picture := chart.SVG()
		if picture == "" {
			continue
		}
		drawn++
		if err := os.WriteFile(filepath.Join(settings.Charts, name), []byte(picture), 0o644); err != nil {
			return err
		}
	}
	if drawn == 0 {
		return errNothingDrawn()
	}
	return nil
}

// errNothingDrawn names the cases that the charts show.
func errNothingDrawn() error {
	var names []string
	for _, drawn := range drawnCases() {
		names = append(names, drawn.name)
	}
	return fmt.Errorf("there is no chart: charts show the cases %s, and none of them was measured", strings.Join(names, ", "))
}

// caseCharts are the charts over the number of requests in flight, with values of the size
// of the settings.
func caseCharts(found *report.Report) map[string]chart.Chart {
	setup := &found.Setup
	subtitle := fmt.Sprintf("values of %s, %s keys, %d processors; median of %d rounds; both axes are logarithmic",
		report.Bytes(setup.ValueBytes), report.Thousands(float64(setup.Keys)), found.Machine.Processors, setup.Rounds)
	draw := func(kind chartKind) chart.Chart {
		drawn := kind.chart("", subtitle, "requests in flight")
		for _, each := range drawnCases() {
			line := each.line
			for index := range found.Cases {
				result := &found.Cases[index]
				if result.Name == each.name && result.ValueBytes == setup.ValueBytes {
					line.Points = append(line.Points, chart.Point{X: float64(result.InFlight), Y: kind.figure(&result.Median)})
				}
			}
			slices.SortFunc(line.Points, func(one, other chart.Point) int { return cmp.Compare(one.X, other.X) })
			drawn.Lines = append(drawn.Lines, line)
		}
		return drawn
	}
	return map[string]chart.Chart{
		"throughput.svg": draw(throughput()),
		"latency.svg":    draw(latency()),
	}
}

// scaleCharts are the charts over the number of keys in one namespace.
func scaleCharts(found *report.ScaleReport) map[string]chart.Chart {
	setup := &found.Setup
	subtitle := fmt.Sprintf("values of %s, %d requests in flight, %d processors; median of %d rounds; both axes are logarithmic",
		report.Bytes(setup.ValueBytes), setup.InFlight, found.Machine.Processors, setup.Rounds)
	draw := func(kind chartKind) chart.Chart {
		set, get := drawnCases()[0].line, drawnCases()[1].line
		for index := range found.Sizes {
			size := &found.Sizes[index]
			if size.Namespaces > 1 {
				continue
			}
			set.Points = append(set.Points, chart.Point{X: float64(size.Keys), Y: kind.figure(&size.Set.Median)})
			get.Points = append(get.Points, chart.Point{X: float64(size.Keys), Y: kind.figure(&size.Get.Median)})
		}
		drawn := kind.chart(" as the store grows", subtitle, "keys")
		drawn.Lines = []chart.Line{set, get}
		return drawn
	}
	return map[string]chart.Chart{
		"growth-throughput.svg": draw(throughput()),
		"growth-latency.svg":    draw(latency()),
	}
}
