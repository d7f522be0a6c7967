// SPDX-License-Identifier: EUPL-1.2

package handler

import (
	"errors"
	"hash/crc32"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"dappco.re/go/storebus/subjects"
)

// presenceBits is how many bits of a store's id its presence has.
const presenceBits = 16

// An instance is present on the broker while the broker knows its connection, even if the process
// is stopped and answers nothing. The broker says only whether anybody subscribes to a subject. So
// an instance subscribes to one subject for each bit of a digest of its store's id, with that
// bit turned around. Another asks on the subject with all bits of its own store: there is a
// subscription only if the stores differ. So the dead connection of a sidecar, which the broker has
// not noticed yet, never refuses the same sidecar.

// showPresence subscribes to the subjects of all other stores.
func (service *Service) showPresence() error {
	bits := presenceOf(service.store.ID())
	for position, bit := range bits {
		others := make([]string, presenceBits)
		for index := range others {
			others[index] = "*"
		}
		others[position] = turned[bit]
		subscription, err := service.connection.Subscribe(service.presenceSubject(others), func(*nats.Msg) {})
		if err != nil {
			return err
		}
		service.discovery.subscriptions = append(service.discovery.subscriptions, subscription)
	}
	return nil
}

var turned = map[string]string{"0": "1", "1": "0"}

// presenceOf returns the bits of a store's id.
func presenceOf(storeID string) []string {
	digest := crc32.ChecksumIEEE([]byte(storeID))
	bits := make([]string, presenceBits)
	for position := range bits {
		bits[position] = string(rune('0' + digest>>position&1))
	}
	return bits
}

// presenceSubject is below the inboxes of the connection for requests, which nobody else may use.
func (service *Service) presenceSubject(tokens []string) string {
	return service.space.InboxPrefix(subjects.UserRequests) + ".owner." + strings.Join(tokens, ".")
}

// askPresence asks the broker for other stores. The answer is in the subscription, for absent.
func (service *Service) askPresence() (*nats.Subscription, error) {
	inbox := service.connection.NewInbox()
	subscription, err := service.connection.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	return subscription, service.connection.PublishRequest(service.presenceSubject(presenceOf(service.store.ID())), inbox, nil)
}

// absent reports whether the broker has said that no other store is present. Its answer comes
// before the answer to a flush. A broker that cannot say it counts as one that has.
func (service *Service) absent(asked *nats.Subscription) bool {
	if !service.connection.HeadersSupported() {
		return true
	}
	_, err := asked.NextMsg(time.Millisecond)
	return errors.Is(err, nats.ErrNoResponders)
}
