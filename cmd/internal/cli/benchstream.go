package cli

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/streambench"
	"github.com/aad6b6dc/taster/pipeline/config"
	"github.com/aad6b6dc/taster/pipeline/engine"
)

func (a *app) benchStreamCommand() *cobra.Command {
	s := streambench.Settings{Workers: 2}
	var checks int
	cmd := &cobra.Command{
		Use:   "stream",
		Short: "Measure the pipeline against the bus that it runs on",
		Long: `Measure the rate of the pipeline, with the shipped detectors in a process of their own and in this one, as a ratio to the
ceiling: the same traffic through the same server with no work in between. Then measure how long an inline check takes
beside one that does nothing.

All of it runs on this machine, over TCP, with files on disk. Ratios within one round hold; absolute rates move with
whatever else the machine does.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.Events < 100 || s.Rounds < 1 || s.Bytes < 400 || checks < 100 {
				return usagef("--events and --checks must be at least 100, --bytes 400, --rounds 1")
			}
			return a.benchStream(cmd.Context(), s, checks)
		},
	}
	cmd.Flags().IntVar(&s.Events, "events", 20000, "per variant and round")
	cmd.Flags().IntVar(&s.Rounds, "rounds", 5, "how often everything is measured")
	cmd.Flags().IntVar(&s.Bytes, "bytes", 1024, "of each event, about")
	cmd.Flags().IntVar(&checks, "checks", 5000, "inline checks of each sort")
	return cmd
}

// streamFigures is the JSON form of the result.
type streamFigures struct {
	Machine string                `json:"machine"`
	CPUs    int                   `json:"cpus"`
	Build   build                 `json:"build"`
	Time    time.Time             `json:"time"`
	Events  int                   `json:"events"`
	Bytes   int                   `json:"bytes"`
	Workers int                   `json:"workers"`
	Rates   []streambench.Variant `json:"throughput"`
	Checks  []streambench.Latency `json:"checks"`
}

func (a *app) benchStream(ctx context.Context, s streambench.Settings, checks int) error {
	a.tuneMemory()
	s.Logger = a.logger()
	s.InProcess = a.benchEngine(true)
	s.Plugins = a.benchEngine(false)
	s.Progress = func(round int, variant string) {
		if isTerminal(a.stderr) {
			fmt.Fprintf(a.stderr, "\r\x1b[Kround %d of %d: %s", round, s.Rounds, variant)
		}
	}
	rates, err := streambench.Throughput(ctx, s)
	if err != nil {
		return err
	}
	latencies, err := streambench.Checks(ctx, s, checks)
	if err != nil {
		return err
	}
	if isTerminal(a.stderr) {
		fmt.Fprint(a.stderr, "\r\x1b[K")
	}
	f := streamFigures{
		Machine: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Build: thisBuild(), Time: time.Now().UTC(),
		Events: s.Events, Bytes: s.Bytes, Workers: s.Workers, Rates: rates, Checks: latencies,
	}
	if a.json {
		return a.writeJSON(f)
	}
	return a.printFigures(&f, s.Rounds)
}

func (a *app) printFigures(f *streamFigures, rounds int) error {
	w := tabwriter.NewWriter(a.stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintf(w, "%d events of about %d bytes, %d workers, %d rounds, %s with %d CPUs, file storage, TCP\n\n",
		f.Events, f.Bytes, f.Workers, rounds, f.Machine, f.CPUs)
	fmt.Fprintln(w, "VARIANT\tEVENTS/S\tRATIO TO CEILING\tRANGE")
	for _, v := range f.Rates {
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f-%.2f\n", v.Name, median(v.Rates), median(v.Ratios), slices.Min(v.Ratios), slices.Max(v.Ratios))
	}
	fmt.Fprintln(w, "\nCHECK\tP50\tP95\tP99\t")
	for _, l := range f.Checks {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t\n", l.Name, micros(l.P50), micros(l.P95), micros(l.P99))
	}
	return w.Flush()
}

func micros(us float64) string { return fmt.Sprintf("%.0f µs", us) }

func median(xs []float64) float64 {
	s := slices.Sorted(slices.Values(xs))
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// benchEngine opens engines with the shipped detectors in one of the two placements.
func (a *app) benchEngine(inProcess bool) func(context.Context) (*engine.Engine, func() error, error) {
	return func(ctx context.Context) (*engine.Engine, func() error, error) {
		s, err := openCrew(ctx, config.Detectors{InProcess: inProcess}, a.logger())
		if err != nil {
			return nil, nil, err
		}
		eng, err := engine.New(ctx, engine.Settings{Slots: s.slots, Logger: a.logger(), Metrics: prometheus.NewRegistry(), Tenants: []string{"bench"}})
		return eng, s.close, err
	}
}
