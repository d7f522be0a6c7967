// SPDX-License-Identifier: EUPL-1.2

package storebus

import (
	"net/url"
	"strings"
)

// redact removes the passwords from a list of URLs. An invalid URL is left out altogether.
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
	parsed, err := parseAddress(address)
	switch {
	case err != nil:
		return "xxxxx"
	case parsed.User != nil:
		return redactUser(parsed)
	}
	return parsed.String()
}

// parseAddress reads one URL of a list. The URL may have no scheme.
func parseAddress(address string) (*url.URL, error) {
	if !strings.Contains(address, "://") {
		address = "nats://" + address
	}
	return url.Parse(address)
}

func isNoAddress(address string) bool {
	_, err := parseAddress(strings.TrimSpace(address))
	return err != nil
}

// redactUser leaves out a password, and a user without one: that is a token.
func redactUser(address *url.URL) string {
	if _, hasPassword := address.User.Password(); !hasPassword {
		address.User = url.User("xxxxx")
	}
	return address.Redacted()
}

// withoutUser removes the user from a URL. An invalid URL stays as it is, and the client
// refuses it.
//
//	withoutUser("nats://user:secret@broker:4222")  // nats://broker:4222
func withoutUser(address string) string {
	parsed, err := parseAddress(address)
	if err != nil || parsed.User == nil {
		return address
	}
	parsed.User = nil
	return parsed.String()
}
