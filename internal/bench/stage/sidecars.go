// SPDX-License-Identifier: EUPL-1.2

package stage

import (
	"context"
	"net"
	"path/filepath"

	"dappco.re/go/storebus/client"
	"dappco.re/go/storebus/internal/bench/load"
	"dappco.re/go/storebus/subjects"
)

// sidecar is a process of storebus serve.
type sidecar struct {
	process *process
	broker  *broker
	space   subjects.Space
	client  *client.Client
	// metrics is the URL of its metrics, if they are scraped.
	metrics string
}

// startOutsideSidecar starts the sidecar that takes part in every run. A target without a
// store ends its rounds when this sidecar's store is quiet.
func (stage *Stage) startOutsideSidecar(ctx context.Context) error {
	if err := stage.startSidecar(ctx, targetSidecar, "store", stage.outside); err != nil {
		return err
	}
	status, err := stage.sidecars[targetSidecar].client.Status(ctx)
	stage.durability = status.Durability
	return err
}

// startSidecar starts a sidecar on a broker. If broker is nil, the sidecar has its own.
func (stage *Stage) startSidecar(ctx context.Context, target target, prefix string, broker *broker) error {
	sidecar := &sidecar{broker: broker}
	var err error
	if sidecar.space, err = subjects.NewSpace(prefix + stage.id); err != nil {
		return err
	}
	arguments := stage.serveArguments(target, sidecar.space)
	http, metrics, err := target.httpArguments()
	if err != nil {
		return err
	}
	arguments, sidecar.metrics = append(arguments, http...), metrics
	address := ""
	if broker == nil {
		arguments = append(arguments, "--listen", "127.0.0.1:0")
	} else {
		address = broker.url
	}
	if sidecar.process, err = stage.launcher.launch(ctx, "sidecar-"+string(target), address, arguments...); err != nil {
		return err
	}
	if broker == nil {
		if sidecar.broker, err = stage.connect(sidecar.process.url(), nil); err != nil {
			return err
		}
	}
	stage.sidecars[target] = sidecar
	sidecar.client, err = client.New(sidecar.broker.control, client.Config{Prefix: sidecar.space.Prefix(), Timeout: load.ReplyTimeout})
	return err
}

// serveArguments keeps all files of a sidecar in the folder of the stage.
func (stage *Stage) serveArguments(target target, space subjects.Space) []string {
	command := "serve"
	if stage.config.Profile != "" {
		command = ProfiledServe
	}
	arguments := []string{
		command, "--database", stage.databasePath(target), "--archive-directory=", "--backup-directory=", "--prefix", space.Prefix(),
	}
	if stage.config.Durability != "" {
		arguments = append(arguments, "--durability", stage.config.Durability)
	}
	if target == targetJournal {
		arguments = append(arguments, stage.config.Journal.arguments()...)
	}
	return arguments
}

func (stage *Stage) databasePath(target target) string {
	return filepath.Join(stage.directory, string(target), "storebus.db")
}

// sidecarOf returns the sidecar of a case. If the case has none, it is the sidecar on the
// shared broker.
func (stage *Stage) sidecarOf(trial Trial) *sidecar {
	if sidecar := stage.sidecars[trial.target]; sidecar != nil {
		return sidecar
	}
	return stage.sidecars[targetSidecar]
}

// freeAddress returns an address of this machine without a listener.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// httpArguments returns the flags for HTTP that a target needs, and the URL of the metrics.
func (target target) httpArguments() (arguments []string, metrics string, err error) {
	switch target {
	case targetNoHTTP:
		return []string{"--http="}, "", nil
	case targetScraped:
		address, err := freeAddress()
		return []string{"--http", address}, "http://" + address + "/metrics", err
	}
	return nil, "", nil
}
