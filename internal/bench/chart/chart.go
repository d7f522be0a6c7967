// SPDX-License-Identifier: EUPL-1.2

package chart

import (
	"cmp"
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
)

// Chart is a picture of lines.
type Chart struct {
	Title, Subtitle string
	// XName is below the horizontal axis. Its ticks are the values of the points.
	XName string
	// XText and YText format values, and YTick the round numbers of the vertical axis.
	XText, YText, YTick func(value float64) string
	// Lines cover each other: the first one is on top.
	Lines []Line
}

// Line is one series of points.
type Line struct {
	Name string
	// Colour is as in CSS: "#0072b2". The name is written in it too.
	Colour string
	// Bold draws a thicker line.
	Bold bool
	// Points are in the order of X. Points with a value of nothing or less are left out,
	// because a logarithmic axis has no place for them.
	Points []Point
}

// Point is one value of a line.
type Point struct{ X, Y float64 }

// The places in a picture, in pixels.
const (
	width, height            = 880.0, 440.0
	left, right, top, bottom = 80.0, 634.0, 76.0, 384.0 // of the axes
	labelX                   = right + 24               // the left end of the names of lines
	labelGap                 = 19.0                     // between two names
	tickGap                  = 44.0                     // between two numbers of the horizontal axis
)

// SVG returns the picture, or nothing if no line has a point.
func (chart *Chart) SVG() string {
	lines := chart.drawable()
	if len(lines) == 0 {
		return ""
	}
	picture := &picture{chart: chart, lines: lines, x: axisOf(lines, pointX, left, right), y: axisOf(lines, pointY, bottom, top)}
	picture.y.widen()
	picture.frame()
	picture.drawY()
	picture.drawX()
	picture.drawLines()
	picture.drawNames()
	picture.text.WriteString("</svg>\n")
	return picture.text.String()
}

// drawable returns the lines with at least one point that has a place.
func (chart *Chart) drawable() (lines []Line) {
	for _, line := range chart.Lines {
		line.Points = slices.DeleteFunc(slices.Clone(line.Points), func(point Point) bool { return !(point.X > 0 && point.Y > 0) })
		if len(line.Points) > 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// picture is a chart that is being drawn.
type picture struct {
	chart *Chart
	lines []Line
	x, y  axis
	text  strings.Builder
}

func (picture *picture) add(format string, values ...any) {
	fmt.Fprintf(&picture.text, format+"\n", values...)
}

// frame begins the picture: the card, its title, and what a screen reader says.
func (picture *picture) frame() {
	title, subtitle := html.EscapeString(picture.chart.Title), html.EscapeString(picture.chart.Subtitle)
	picture.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" viewBox="0 0 %.0f %.0f" role="img" font-family="system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" font-size="13">`,
		width, height, width, height)
	picture.add(`<title>%s</title>`, title)
	picture.add(`<desc>%s. %s</desc>`, subtitle, html.EscapeString(picture.described()))
	picture.add(`<rect x="0.5" y="0.5" width="%.0f" height="%.0f" rx="8" fill="#ffffff" stroke="#d0d7de"/>`, width-1, height-1)
	picture.add(`<text x="20" y="32" font-size="17" font-weight="600" fill="#1f2328">%s</text>`, title)
	picture.add(`<text x="20" y="53" fill="#59636e">%s</text>`, subtitle)
}

// described says the last value of each line.
func (picture *picture) described() string {
	var said []string
	for _, line := range picture.lines {
		last := line.Points[len(line.Points)-1]
		said = append(said, fmt.Sprintf("%s: %s at %s", line.Name, picture.chart.YText(last.Y), picture.chart.XText(last.X)))
	}
	return strings.Join(said, "; ")
}

// drawX draws a thin line at every value of the horizontal axis, and its number if there is
// room.
func (picture *picture) drawX() {
	before := math.Inf(-1)
	for _, value := range picture.x.values {
		at := picture.x.at(value)
		picture.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#eaeef2"/>`, at, top, at, bottom)
		if at-before >= tickGap {
			picture.add(`<text x="%.1f" y="%.1f" text-anchor="middle" fill="#59636e">%s</text>`, at, bottom+20, html.EscapeString(picture.chart.XText(value)))
			before = at
		}
	}
	picture.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#8c959f"/>`, left, bottom, right, bottom)
	picture.add(`<text x="%.1f" y="%.1f" text-anchor="middle" fill="#1f2328">%s</text>`, (left+right)/2, bottom+42, html.EscapeString(picture.chart.XName))
}

// drawY draws a thin line at each round number of the vertical axis, and the numbers of the
// ticks.
func (picture *picture) drawY() {
	for _, number := range roundNumbers(picture.y.least, picture.y.most) {
		picture.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#eaeef2"/>`, left, picture.y.at(number), right, picture.y.at(number))
	}
	for _, tick := range picture.y.ticks() {
		at := picture.y.at(tick)
		picture.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="#d0d7de"/>`, left, at, right, at)
		picture.add(`<text x="%.1f" y="%.1f" text-anchor="end" fill="#59636e">%s</text>`, left-10, at+4.5, html.EscapeString(picture.chart.YTick(tick)))
	}
}

func (picture *picture) drawLines() {
	for _, line := range slices.Backward(picture.lines) {
		places := make([]string, len(line.Points))
		for index, point := range line.Points {
			places[index] = fmt.Sprintf("%.1f,%.1f", picture.x.at(point.X), picture.y.at(point.Y))
		}
		picture.add(`<polyline points="%s" fill="none" stroke="%s" stroke-width="%s" stroke-linejoin="round" stroke-linecap="round"/>`,
			strings.Join(places, " "), line.Colour, line.stroke())
		for _, point := range line.Points {
			picture.add(`<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s" stroke="#ffffff" stroke-width="1.2"><title>%s, %s %s: %s</title></circle>`,
				picture.x.at(point.X), picture.y.at(point.Y), line.Colour, html.EscapeString(line.Name),
				html.EscapeString(picture.chart.XText(point.X)), html.EscapeString(picture.chart.XName), html.EscapeString(picture.chart.YText(point.Y)))
		}
	}
}

func (line *Line) stroke() string {
	if line.Bold {
		return "3"
	}
	return "1.8"
}

// drawNames writes the name and the last value of each line at its end. Names that would
// cover each other are moved apart, and a thin line leads to each.
func (picture *picture) drawNames() {
	lines := slices.Clone(picture.lines)
	end := func(line Line) Point { return line.Points[len(line.Points)-1] }
	slices.SortStableFunc(lines, func(one, other Line) int { return cmp.Compare(end(other).Y, end(one).Y) })
	wanted := make([]float64, len(lines))
	for index, line := range lines {
		wanted[index] = picture.y.at(end(line).Y)
	}
	for index, at := range apart(wanted, labelGap, top, bottom) {
		line, last := &lines[index], end(lines[index])
		picture.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="0.8"/>`,
			picture.x.at(last.X)+6, wanted[index], labelX-4, at, line.Colour)
		weight := "400"
		if line.Bold {
			weight = "600"
		}
		picture.add(`<text x="%.1f" y="%.1f" fill="%s"><tspan font-weight="%s">%s</tspan> <tspan fill="#59636e">%s</tspan></text>`,
			labelX, at+4.5, line.Colour, weight, html.EscapeString(line.Name), html.EscapeString(picture.chart.YText(last.Y)))
	}
}

// apart moves ascending places as little as possible, so that any two have a gap between
// them. All lie between low and high if they fit. Places that are too close form a block,
// which is put around their mean.
func apart(wanted []float64, gap, low, high float64) []float64 {
	type block struct{ sum, count float64 } // of places without the gaps before them
	var blocks []block
	for index, place := range wanted {
		last := block{place - gap*float64(index), 1}
		for len(blocks) > 0 {
			before := blocks[len(blocks)-1]
			if before.sum/before.count <= last.sum/last.count {
				break
			}
			last = block{before.sum + last.sum, before.count + last.count}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, last)
	}
	places := make([]float64, 0, len(wanted))
	most := high - gap*float64(len(wanted)-1)
	for _, block := range blocks {
		for range int(block.count) {
			places = append(places, max(min(block.sum/block.count, most), low)+gap*float64(len(places)))
		}
	}
	return places
}
