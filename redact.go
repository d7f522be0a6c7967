// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"net/url"
	"strings"
)

// redact leaves the passwords out of a list of URLs. What cannot be read as one is
// left out altogether.
//
//	redact("nats://user:secret@broker:4222")  // nats://user:xxxxx@broker:4222
func redact(list string) string {
	addresses := strings.Split(list, ",")
	for index, address := range addresses {
		addresses[index] = redactOne(strings.TrimSpace(address))
	}
	return strings.Join(addresses, ",")
}

func redactOne(address string) string {
	if !strings.Contains(address, "://") {
		address = "nats://" + address
	}
	parsed, err := url.Parse(address)
	switch {
	case err != nil:
		return "xxxxx"
	case parsed.User != nil:
		return redactUser(parsed)
	}
	return address
}

// redactUser leaves out a password, and a user without one: that is a token.
func redactUser(address *url.URL) string {
	if _, hasPassword := address.User.Password(); !hasPassword {
		address.User = url.User("xxxxx")
	}
	return address.Redacted()
}
