// SPDX-License-Identifier: EUPL-1.2

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v3"

	"dappco.re/go/storebus/internal/bench"
	"dappco.re/go/storebus/internal/bench/stage"
)

// The defaults of --quick, for flags that are not given.
const (
	quickRounds   = 2
	quickDuration = 200 * time.Millisecond
	quickKeys     = 2_000
	quickLongKeys = 20_000
)

const benchExamples = `
EXAMPLES:
   storebus bench --quick
      a short look
   storebus bench --directory /var/lib/storebus -o json > bench.jsonl
      everything, on the disk that the store will be on
   storebus bench --cases set,kv-put,kv-put-always --in-flight 64
      one question
   storebus bench --cases set,get --profile profiles && go tool pprof -top profiles/set-256-128B.pprof
      where the time of a set goes
   storebus bench --from bench.jsonl -o table --charts charts
      print and draw an earlier run
   storebus bench --cases journal --journal-url http://127.0.0.1:8086 --journal-bucket bench
      how fast points are delivered, and how soon
   storebus bench --scale 10000,1000000,10000000 --directory /var/lib/storebus
      what growth costs
   storebus bench --nats nats://broker:4222
      on a broker that is there
`

const benchScaleHelp = `
SCALE:
   With --scale one sidecar is measured for each number of keys, in 100 groups of one namespace, and once more
   with the first number of them, or 10 each, in 1,000 namespaces: how long it takes to fill, sets and gets of
   any key with 256 in flight, memory, the size of the files, how soon it serves after a SIGKILL amid sets, and
   the latency of the last changes and of the first and the last page of a group.
`

const benchOutputHelp = `
OUTPUT:
   A table has the medians of all rounds, and the ratios. A ratio is the median of the ratios of the single
   rounds, each of one case to the round of the same number of the other, with the lowest and the highest.
   A goal is what the project wants to reach. Idle is the share of all processors. Text is a line for each case: name, requests in flight,
   bytes of a value, requests a second, p50 and p99 in microseconds, and errors. With --scale it is a line for
   each size: keys, namespaces, seconds to fill, sets a second and their p99, gets a second and their p99, bytes of
   the database and of the write-ahead log, and errors. JSON has everything, each round too, an object a line. Its
   "type" is run (machine and settings), case or size, or ratio.
`

func benchCommand() *cli.Command {
	return &cli.Command{
		Name:  "bench",
		Usage: "measure storebus on this machine",
		Description: "Measures storebus, a bare NATS responder and JetStream KV, each in a process of its own, in interleaved rounds. " +
			"It prints requests a second, latencies, processor time, and the ratios of comparable cases. " +
			"Its files are removed afterwards. Run nothing else on the machine at the same time.",
		Flags:              append(benchFlags(), formatFlags()...),
		CustomHelpTemplate: cli.CommandHelpTemplate + benchCases() + benchScaleHelp + benchOutputHelp + benchExamples,
		HideHelpCommand:    true,
		Action:             runBench,
	}
}

// benchCases lists the values of --cases.
func benchCases() string {
	return "\nCASES:\n   " + strings.Join(stage.CaseNames(), "\n   ") + "\n"
}

func benchFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Name: "rounds", Value: bench.DefaultRounds, Usage: "measure each case this `NUMBER` of times"},
		&cli.DurationFlag{Name: "duration", Value: bench.DefaultDuration, Usage: "measure for this `TIME` in each round"},
		&cli.StringSliceFlag{Name: "cases", Usage: "measure only the cases with these `NAMES`, with commas between them"},
		&cli.IntSliceFlag{Name: "in-flight", Value: bench.DefaultInFlight(), Usage: "keep these `NUMBERS` of requests in flight, with commas between them"},
		&cli.IntFlag{Name: "keys", Value: bench.DefaultKeys, Usage: "use this `NUMBER` of keys"},
		&cli.IntFlag{Name: "value-bytes", Value: bench.DefaultValueBytes, Usage: "the `SIZE` of a value; some cases also use values of 16 KiB"},
		&cli.IntFlag{Name: "connections", Value: bench.DefaultConnections, Usage: "spread the load of each case over this `NUMBER` of connections"},
		&cli.IntFlag{Name: "long-keys", Value: bench.DefaultLongKeys, Usage: "put this `NUMBER` of keys into the group that is deleted, or expires, beside a case"},
		&cli.StringFlag{Name: "directory", Usage: "put the files into a new folder in this `FOLDER` (default: the folder for temporary files)"},
		&cli.StringFlag{Name: "durability", Usage: "the durability of the sidecars, a `LEVEL`: full or relaxed"},
		&cli.StringFlag{Name: "nats", Usage: "measure the running broker at this `URL`, as far as it supports the cases"},
		&cli.StringFlag{Name: "journal-url", Usage: "the `URL` of an InfluxDB-compatible endpoint; the case journal delivers points to the endpoint, and leaves them there"},
		&cli.StringFlag{Name: "journal-organisation", Usage: "the `NAME` of the organisation at the journal endpoint"},
		&cli.StringFlag{Name: "journal-bucket", Usage: "the `NAME` of the bucket at the journal endpoint"},
		&cli.StringFlag{Name: "journal-token-file", Usage: "a `FILE` with the token of the journal endpoint"},
		&cli.BoolFlag{Name: "large", Usage: "also measure a store with a million keys; filling the store takes long"},
		&cli.StringFlag{Name: "from", Usage: "measure nothing, and read the figures of an earlier run from this `FILE` with its JSON"},
		&cli.StringFlag{Name: "charts", Usage: "also draw the figures as pictures (SVG) in this `FOLDER`"},
		&cli.StringFlag{Name: "profile", Usage: "also write a CPU profile of the sidecar of each case into this `FOLDER`, in a further round"},
		&cli.BoolFlag{Name: "syscalls", Usage: "also count the system calls of the sidecars' sets, with strace, in a further round"},
		&cli.IntSliceFlag{Name: "scale", Usage: "measure stores with these `NUMBERS` of keys, with commas between them, and no cases"},
		&cli.BoolFlag{Name: "quick", Usage: "use fewer keys, and fewer and shorter rounds"},
	}
}

func runBench(ctx context.Context, command *cli.Command) error {
	settings, err := benchSettings(command)
	if err != nil {
		return err
	}
	ctx, cancel := untilInterrupted(ctx)
	defer cancel()
	err = bench.Run(ctx, settings, command.Root().Writer, command.Root().ErrWriter)
	if errors.Is(err, bench.ErrUsage) {
		return asUsage(err)
	}
	return err
}

// benchSettings reads the command line.
func benchSettings(command *cli.Command) (settings bench.Settings, err error) {
	format, err := chosenFormat(command)
	if err != nil {
		return settings, benchUsage(err)
	}
	if command.Args().Present() {
		return settings, benchUsage(fmt.Errorf("it takes no words, and was given %q", command.Args().Slice()))
	}
	if err := errors.Join(checkScale(command), checkFrom(command)); err != nil {
		return settings, err
	}
	settings = readBenchFlags(command)
	settings.Format = format
	settings.Program, err = os.Executable()
	return settings, err
}

// benchUsage marks an error as a bad command line.
func benchUsage(err error) error {
	return asUsage(fmt.Errorf("%w: %w; see storebus bench --help", bench.ErrUsage, err))
}

// checkScale refuses flags that do not concern the cases of --scale.
func checkScale(command *cli.Command) error {
	for _, flag := range []string{"cases", "in-flight", "keys", "long-keys", "large", "journal-url", "profile", "syscalls"} {
		if command.IsSet("scale") && command.IsSet(flag) {
			return benchUsage(fmt.Errorf("--%s is about the cases, which are not measured with --scale", flag))
		}
	}
	return nil
}

// checkFrom refuses flags that do not concern an earlier run.
func checkFrom(command *cli.Command) error {
	for _, flag := range benchFlags() {
		name := flag.Names()[0]
		if command.IsSet("from") && command.IsSet(name) && name != "from" && name != "charts" {
			return benchUsage(fmt.Errorf("--%s is about a measurement, and --from reads an earlier one", name))
		}
	}
	return nil
}

// readBenchFlags reads the flags. --quick sets the flags that were not given.
func readBenchFlags(command *cli.Command) bench.Settings {
	settings := bench.Settings{
		Config: stage.Config{
			Keys:        command.Int("keys"),
			ValueBytes:  command.Int("value-bytes"),
			Connections: command.Int("connections"),
			LongKeys:    command.Int("long-keys"),
			Directory:   command.String("directory"),
			Durability:  command.String("durability"),
			NATSURL:     command.String("nats"),
			Profile:     command.String("profile"),
			Journal: stage.Journal{
				URL: command.String("journal-url"), Organisation: command.String("journal-organisation"),
				Bucket: command.String("journal-bucket"), TokenFile: command.String("journal-token-file"),
			},
		},
		Rounds:   command.Int("rounds"),
		Duration: command.Duration("duration"),
		Cases:    command.StringSlice("cases"),
		InFlight: command.IntSlice("in-flight"),
		Large:    command.Bool("large"),
		From:     command.String("from"),
		Charts:   command.String("charts"),
		Syscalls: command.Bool("syscalls"),
		Scale:    command.IntSlice("scale"),
	}
	if command.Bool("quick") {
		quicken(command, "rounds", &settings.Rounds, quickRounds)
		quicken(command, "duration", &settings.Duration, quickDuration)
		quicken(command, "keys", &settings.Keys, quickKeys)
		quicken(command, "long-keys", &settings.LongKeys, quickLongKeys)
	}
	return settings
}

func quicken[T int | time.Duration](command *cli.Command, flag string, setting *T, quick T) {
	if !command.IsSet(flag) {
		*setting = quick
	}
}

// untilInterrupted returns a context that ends if a signal arrives.
func untilInterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			cancel(bench.ErrInterrupted)
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}
