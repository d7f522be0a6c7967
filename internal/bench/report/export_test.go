// SPDX-License-Identifier: EUPL-1.2

package report

// Compared returns the names of the cases that the bars compare.
func Compared() (names []string) {
	for _, bar := range bars() {
		names = append(names, bar.above)
		if bar.below != "" {
			names = append(names, bar.below)
		}
	}
	return names
}
