// SPDX-License-Identifier: EUPL-1.2

package chart

import (
	"math"
	"slices"
)

// mostTicks is the number of ticks up to which an axis has ticks within a decade.
const mostTicks = 8

// axis places values on a logarithmic scale: the lowest at from, the highest at to.
type axis struct {
	values      []float64 // each once, ascending
	least, most float64
	from, to    float64
}

func pointX(point Point) float64 { return point.X }
func pointY(point Point) float64 { return point.Y }

// axisOf returns the axis of all points.
func axisOf(lines []Line, coordinate func(Point) float64, from, to float64) axis {
	axis := axis{from: from, to: to}
	for _, line := range lines {
		for _, point := range line.Points {
			axis.values = append(axis.values, coordinate(point))
		}
	}
	slices.Sort(axis.values)
	axis.values = slices.Compact(axis.values)
	axis.least, axis.most = axis.values[0], axis.values[len(axis.values)-1]
	return axis
}

// at returns the place of a value. If there is only one value, it is in the middle.
func (axis *axis) at(value float64) float64 {
	if axis.least == axis.most {
		return (axis.from + axis.to) / 2
	}
	return axis.from + (axis.to-axis.from)*math.Log(value/axis.least)/math.Log(axis.most/axis.least)
}

// widen makes the axis begin and end at round numbers.
func (axis *axis) widen() {
	round := roundNumbers(axis.least, axis.most)
	axis.least, axis.most = round[0], round[len(round)-1]
}

// ticks returns the round numbers of the axis, or the powers of ten if those are too many.
func (axis *axis) ticks() []float64 {
	ticks := roundNumbers(axis.least, axis.most)
	if len(ticks) <= mostTicks {
		return ticks
	}
	return slices.DeleteFunc(ticks, func(tick float64) bool {
		exponent := math.Log10(tick)
		return math.Abs(exponent-math.Round(exponent)) > 1e-9
	})
}

// roundNumbers returns the numbers 1, 2 and 5 of each decade, from the last one at or below
// least to the first one at or above most. There are two at least.
func roundNumbers(least, most float64) (numbers []float64) {
	for exponent := math.Floor(math.Log10(least)); ; exponent++ {
		for _, digit := range []float64{1, 2, 5} {
			number := digit * math.Pow(10, exponent)
			if number <= least {
				numbers = numbers[:0]
			}
			numbers = append(numbers, number)
			if number >= most && len(numbers) > 1 {
				return numbers
			}
		}
	}
}
