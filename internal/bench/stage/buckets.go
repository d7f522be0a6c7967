// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/nats-io/nats.go/jetstream"

	"dappco.re/go/storebus/internal/bench/load"
)

// ErrNoJetStream says that the broker has no KV for a comparison.
var ErrNoJetStream = errors.New("the broker has no JetStream")

// bucket is a KV bucket.
type bucket struct {
	broker *broker
	name   string
}

// requireBucket creates a bucket with the default settings: file storage, one value a key.
func (stage *Stage) requireBucket(ctx context.Context, broker *broker, name string) error {
	for _, made := range stage.buckets {
		if made == (bucket{broker, name}) {
			return nil
		}
	}
	stream, err := jetstream.New(broker.control)
	if err != nil {
		return err
	}
	if _, err := stream.AccountInfo(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrNoJetStream, err)
	}
	if _, err := stream.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: name, Storage: jetstream.FileStorage}); err != nil {
		return fmt.Errorf("create the KV bucket %s: %w", name, err)
	}
	stage.buckets = append(stage.buckets, bucket{broker, name})
	return nil
}

func (stage *Stage) requireAlways(ctx context.Context, trial Trial) (err error) {
	if stage.always == nil {
		if stage.always, err = stage.startBroker(ctx, alwaysBroker, true); err != nil {
			return err
		}
	}
	return stage.requireBucket(ctx, stage.always, bucketName(stage.id, trial.ValueBytes))
}

func bucketName(id string, valueBytes int) string { return "v" + strconv.Itoa(valueBytes) + id }

// deleteBuckets deletes the buckets, if the broker was running already.
func (stage *Stage) deleteBuckets() error {
	if stage.config.NATSURL == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), load.ReplyTimeout)
	defer cancel()
	var failures []error
	for _, bucket := range stage.buckets {
		stream, err := jetstream.New(bucket.broker.control)
		if err == nil {
			err = stream.DeleteKeyValue(ctx, bucket.name)
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}
