// SPDX-License-Identifier: EUPL-1.2

package workspace

import "sync"

// guarded is a value that one goroutine uses at a time. Only lock gives it.
type guarded[Value any] struct {
	mutex sync.Mutex
	value Value
}

// lock returns the value for use until unlock is called.
func (guarded *guarded[Value]) lock() (value *Value, unlock func()) {
	guarded.mutex.Lock()
	return &guarded.value, guarded.mutex.Unlock
}
