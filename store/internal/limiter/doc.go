// SPDX-License-Identifier: EUPL-1.2

// Package limiter bounds how many callers work at once. A Limiter owns its queue of waiting
// callers: who enters next, how long a caller waits, and with which error it is refused. It
// knows nothing of the work. Any number of goroutines may use a Limiter.
package limiter
