// SPDX-License-Identifier: EUPL-1.2

package chart

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// element is an element of a picture, with its text.
type element struct {
	name       string
	attributes map[string]string
	text       string
}

// elements reads a picture, which must be well-formed.
func elements(t *testing.T, picture string) (found []element) {
	t.Helper()
	var open []int
	decoder := xml.NewDecoder(strings.NewReader(picture))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		switch token := token.(type) {
		case xml.StartElement:
			attributes := map[string]string{}
			for _, attribute := range token.Attr {
				attributes[attribute.Name.Local] = attribute.Value
			}
			open = append(open, len(found))
			found = append(found, element{name: token.Name.Local, attributes: attributes})
		case xml.CharData:
			for _, index := range open {
				found[index].text += string(token)
			}
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
}

// texts returns the texts of the elements of a name.
func texts(found []element, name string) (texts []string) {
	for _, element := range found {
		if element.name == name {
			texts = append(texts, element.text)
		}
	}
	return texts
}

func number(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

func chartOf(lines ...Line) *Chart {
	return &Chart{Title: "Rates", Subtitle: "on 2 processors", XName: "in flight", XText: number, YTick: number, YText: func(value float64) string { return number(value) + "/s" }, Lines: lines}
}

func TestChart_SVG_Good(t *testing.T) {
	chart := chartOf(
		Line{Name: "set", Colour: "#123456", Bold: true, Points: []Point{{1, 10}, {10, 1000}, {100, 100}}},
		Line{Name: "echo", Colour: "#654321", Points: []Point{{1, 20}, {100, 20}}},
	)
	found := elements(t, chart.SVG())
	assert.Equal(t, []string{"Rates", "on 2 processors", "10", "20", "50", "100", "200", "500", "1000", "1", "10", "100", "in flight", "set 100/s", "echo 20/s"}, texts(found, "text"))
	assert.Equal(t, []string{"on 2 processors. set: 100/s at 100; echo: 20/s at 100"}, texts(found, "desc"))
	assert.Equal(t, "echo, 1 in flight: 20/s", texts(found, "circle")[0], "the first line is on top")
	var lines []map[string]string
	for _, element := range found {
		if element.name == "polyline" {
			lines = append(lines, element.attributes)
		}
	}
	require.Len(t, lines, 2)
	assert.Equal(t, fmt.Sprintf("%.1f,%.1f %.1f,%.1f %.1f,%.1f", left, bottom, (left+right)/2, top, right, (top+bottom)/2), lines[1]["points"],
		"each power of ten takes as much room")
	assert.Equal(t, "#123456", lines[1]["stroke"])
	assert.Equal(t, "3", lines[1]["stroke-width"])
}

func TestChart_SVG_Bad(t *testing.T) {
	assert.Empty(t, chartOf().SVG())
	assert.Empty(t, chartOf(Line{Name: "set", Points: []Point{{0, 1}, {1, 0}, {1, -1}}}).SVG(), "a logarithmic axis has no place for them")
}

func TestChart_SVG_Ugly(t *testing.T) {
	found := elements(t, chartOf(Line{Name: `a<b & "c"`, Colour: "#123456", Points: []Point{{64, 7}, {65, 0}}}).SVG())
	assert.Equal(t, []string{"Rates", "on 2 processors", "5", "10", "64", "in flight", `a<b & "c" 7/s`}, texts(found, "text"))
	assert.NotContains(t, chartOf(Line{Name: "set", Points: []Point{{64, 10}}}).SVG(), "NaN")

	var lines []Line
	for index := range 6 {
		lines = append(lines, Line{Name: fmt.Sprint("line ", index), Points: []Point{{1, 10}, {2, 100}}})
	}
	var before float64
	for _, element := range elements(t, chartOf(lines...).SVG()) {
		if strings.HasPrefix(element.text, "line ") && element.name == "text" {
			place, err := strconv.ParseFloat(element.attributes["y"], 64)
			require.NoError(t, err)
			assert.GreaterOrEqual(t, place-before, labelGap-0.1, element.text)
			assert.Less(t, place, bottom+labelGap)
			before = place
		}
	}
	assert.Positive(t, before)
}

func TestChart_Apart_Good(t *testing.T) {
	assert.Equal(t, []float64{10, 50, 90}, apart([]float64{10, 50, 90}, 20, 0, 100), "there is room")
	assert.Equal(t, []float64{30, 50, 70}, apart([]float64{50, 50, 50}, 20, 0, 100), "around their mean")
	assert.Equal(t, []float64{0, 20, 80}, apart([]float64{1, 1, 80}, 20, 0, 100), "none above the top")
	assert.Equal(t, []float64{60, 80, 100}, apart([]float64{99, 99, 99}, 20, 0, 100), "none below the bottom")
	assert.Empty(t, apart(nil, 20, 0, 100))
}

func TestAxis_RoundNumbers_Good(t *testing.T) {
	assert.Equal(t, []float64{1, 2}, roundNumbers(1, 1), "two at least")
	assert.Equal(t, []float64{5, 10, 20}, roundNumbers(7, 15))
	assert.Equal(t, []float64{1000, 2000, 5000}, roundNumbers(1894, 2500))
	assert.InDeltaSlice(t, []float64{0.05, 0.1, 0.2}, roundNumbers(0.07, 0.2), 1e-9)
}

func TestAxis_Ticks_Good(t *testing.T) {
	few := axis{least: 2, most: 50}
	assert.Equal(t, []float64{2, 5, 10, 20, 50}, few.ticks())
	many := axis{least: 2, most: 5e5}
	assert.Equal(t, []float64{10, 100, 1000, 1e4, 1e5}, many.ticks())
}
