package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/cmd/internal/output"
	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/engine"
	"github.com/aad6b6dc/taster/pipeline/mcp"
)

const scanHelp = `Judge what MCP servers say, and show the offending words in their place.

An argument is a file, "-" for standard input, or the address of a server that speaks streamable HTTP. A file holds
what somebody saved: a tools/list result in any shape, JSON-RPC frames, events as JSON lines; or it is the
configuration of an MCP client, whose servers are then listed, and connected to with --run.

Connecting to a server over stdio RUNS ITS CODE on this machine, with your rights. For a server that you do not trust,
scan a saved tools/list result instead.`

const scanExample = `  taster scan tools.json
  taster scan https://mcp.example.com/mcp
  taster scan --run ~/.cursor/mcp.json
  taster scan -- npx -y @modelcontextprotocol/server-filesystem .
  taster scan --format sarif tools.json > taster.sarif`

// scanFlags are the flags of the scan command.
type scanFlags struct {
	resultFlags
	policy  string
	fusion  calibrationFlag
	server  string
	run     bool
	plugins bool
	limits  mcp.Limits
}

func (a *app) scanCommand() *cobra.Command {
	f := scanFlags{limits: mcp.DefaultLimits()}
	cmd := &cobra.Command{
		Use:     "scan [flags] FILE|URL... | scan [flags] -- COMMAND ARG...",
		Short:   "Judge saved lists, live servers and client configurations",
		Long:    scanHelp,
		Example: scanExample,
		RunE: func(cmd *cobra.Command, args []string) error {
			var command []string
			if dash := cmd.ArgsLenAtDash(); dash >= 0 {
				args, command = args[:dash], args[dash:]
			}
			if err := f.validate(args, command); err != nil {
				return err
			}
			return a.scan(cmd.Context(), &f, args, command)
		},
	}
	f.addTo(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.policy, "policy", "", "policy `FILE` (YAML); the built-in one otherwise")
	f.fusion.addTo(flags)
	flags.StringVar(&f.server, "server", "", "`NAME` for the server of a file, address or command; of a client configuration, scan only this server")
	flags.BoolVar(&f.run, "run", false, "connect to the servers of a client configuration, which runs the code of those that use stdio")
	flags.BoolVar(&f.plugins, "plugins", false, "run the detectors in a process of their own")
	flags.IntVar(&f.limits.Pages, "max-pages", f.limits.Pages, "of one list of a live server")
	flags.IntVar(&f.limits.Objects, "max-objects", f.limits.Objects, "of one live server")
	flags.Int64Var(&f.limits.Bytes, "max-bytes", f.limits.Bytes, "of one live server")
	flags.DurationVar(&f.limits.Total, "timeout", f.limits.Total, "for reading one live server")
	return cmd
}

func (f *scanFlags) validate(args, command []string) error {
	switch {
	case len(args) == 0 && len(command) == 0:
		return &codedError{exitUsage, fmt.Errorf("nothing to scan"), "name a file, an address, or a command after --"}
	case len(args) > 0 && len(command) > 0:
		return usagef("files and a command can't be scanned together")
	case f.limits.Pages < 1, f.limits.Objects < 1, f.limits.Bytes < 1, f.limits.Total <= 0:
		return usagef("limits must be positive")
	}
	return f.resultFlags.validate()
}

func (a *app) scan(ctx context.Context, f *scanFlags, args, command []string) error {
	policy, err := readPolicy(f.policy)
	if err != nil {
		return err
	}
	g := &gatherer{app: a, flags: f, catalogues: map[string]*models.Catalogue{}}
	if err := g.gather(ctx, args, command); err != nil {
		return err
	}
	report, err := a.judge(ctx, f, policy, g)
	if err != nil {
		return err
	}
	return a.show(report, &f.resultFlags)
}

func readPolicy(path string) (engine.Policy, error) {
	if path == "" {
		return engine.DefaultPolicy(), nil
	}
	data, err := readFile(path, engine.MaxPolicyBytes)
	if err != nil {
		return engine.Policy{}, fmt.Errorf("reading policy: %w", err)
	}
	p, err := engine.ParsePolicy(data)
	if err != nil {
		return engine.Policy{}, fmt.Errorf("policy %s: %w", path, err)
	}
	return p, nil
}

// batchEvents is how many events go to the engine at once.
const batchEvents = 256

// judge has the engine judge everything gathered.
func (a *app) judge(ctx context.Context, f *scanFlags, policy engine.Policy, g *gatherer) (*output.Report, error) {
	slots, closeSlots, err := a.scanDetectors(ctx, f.plugins)
	if err != nil {
		return nil, err
	}
	defer closeSlots()
	eng, err := engine.New(ctx, engine.Settings{
		Slots: slots, Policy: policy, Fusion: f.fusion.Fusion, Logger: a.logger(),
		Catalogues: func(_ context.Context, _, digest string) (*models.Catalogue, error) { return g.catalogues[digest], nil },
	})
	if err != nil {
		return nil, fmt.Errorf("starting the engine: %w", err)
	}
	report := &output.Report{Version: thisBuild().Version, Sources: g.sources, Gaps: g.gaps}
	for done := 0; done < len(g.items); done += batchEvents {
		a.progress(done, len(g.items))
		batch := g.items[done:min(done+batchEvents, len(g.items))]
		jobs := make([]engine.Job, len(batch))
		for i := range batch {
			jobs[i].Event = *batch[i].Event
		}
		for i, j := range eng.Judge(ctx, jobs) {
			if j.Err != nil {
				report.Gaps = append(report.Gaps, output.Gap{
					Source: g.sources[batch[i].Source].Name, What: fmt.Sprintf("event %d", done+i+1), Reason: j.Err.Error(),
				})
				continue
			}
			batch[i].Verdict = j.Verdict
			report.Items = append(report.Items, batch[i])
		}
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("stopped after %d of %d events: %w", done, len(g.items), err)
		}
	}
	a.progress(len(g.items), len(g.items))
	report.Time = time.Now().UTC()
	if f.format == "sarif" {
		locate(report)
	}
	return report, nil
}

func (a *app) scanDetectors(ctx context.Context, plugins bool) ([]engine.Slot, func(), error) {
	if !plugins {
		slots, err := inProcess(ctx, fastDetectors())
		return slots, func() {}, err
	}
	slots, stop, err := a.asPlugins(ctx, fastDetectors())
	if err != nil {
		return nil, nil, err
	}
	return slots, func() {
		if err := stop(); err != nil {
			a.warn("stopping detectors: %v", err)
		}
	}, nil
}

// progressFrom is the number of events from which a person is shown how far the scan is.
const progressFrom = 2000

// progress shows how far the scan is, if standard error is a terminal.
func (a *app) progress(done, all int) {
	if all < progressFrom || !isTerminal(a.stderr) {
		return
	}
	fmt.Fprintf(a.stderr, "\rjudged %d of %d", done, all)
	if done == all {
		fmt.Fprintln(a.stderr)
	}
}
