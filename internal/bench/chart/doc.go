// SPDX-License-Identifier: EUPL-1.2

// Package chart draws lines over two logarithmic axes, as SVG. Each line has its name and
// its last value at its end, so the picture needs no legend. It is drawn on a white card, so
// it can be read on a light and on a dark page.
//
// It knows nothing of measurements, and imports nothing but the standard library. A Chart
// has no lock.
package chart
