// SPDX-License-Identifier: EUPL-1.2

// Package logging keeps a log readable while something goes wrong again and again. Throttle
// leaves out lines that repeat and counts them. A Condition has one line when a state begins
// and one when it ends.
package logging
