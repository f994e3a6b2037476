package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/aad6b6dc/taster/models"
	"github.com/aad6b6dc/taster/pipeline/client"
	"github.com/aad6b6dc/taster/pipeline/config"
)

// watchFlags are the flags of the watch command.
type watchFlags struct {
	nats    config.NATS
	tenant  string
	filter  client.Filter
	kind    string
	since   string
	durable string
	count   int
	idle    time.Duration
}

func (a *app) watchCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Subscribe to verdicts and print them",
		Long: `Subscribe to verdicts and print them until interrupted.

From now on by default; --since replays what is stored first, which needs an operator's rights on the bus. --durable goes on
where this gateway left off: what was printed is taken, and does not come again.`,
		Example: `  taster watch --flagged
  taster watch --server github --kind tool --since 24h
  taster watch --since 2026-01-31T08:00:00Z --idle 2s --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.resolve(time.Now()); err != nil {
				return err
			}
			return a.watch(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.filter.Server, "server", "", "only verdicts on this `SERVER`")
	flags.StringVar(&f.kind, "kind", "", "only this `KIND` of event: "+words(models.Kinds()))
	flags.StringVar(&f.filter.Object, "object", "", "only verdicts on the object of this `NAME`")
	flags.BoolVar(&f.filter.Alerts, "flagged", false, "only what is flagged, and changes away from that")
	flags.StringVar(&f.since, "since", "", "replay from a `TIME`: a duration back (90m, 24h), RFC 3339, or all")
	flags.StringVar(&f.durable, "durable", "", "read the durable consumer of this `GATEWAY`")
	flags.IntVar(&f.count, "count", 0, "end after so many verdicts; 0 means never")
	flags.DurationVar(&f.idle, "idle", 0, "end when nothing came for so long; 0 means never")
	busFlags(cmd, &f.nats, askDefault)
	tenantFlag(cmd, &f.tenant)
	cmd.MarkFlagsMutuallyExclusive("since", "durable")
	complete(cmd, "kind", models.Kinds())
	return cmd
}

// resolve checks the flags and turns them into a filter.
func (f *watchFlags) resolve(now time.Time) error {
	f.filter.Kind = models.Kind(f.kind)
	if f.kind != "" && !f.filter.Kind.Valid() {
		return usagef("--kind %q is not one of %s", f.kind, words(models.Kinds()))
	}
	switch {
	case f.durable != "":
		f.filter.From = client.Durable(f.durable)
	case f.since == "all":
		f.filter.From = client.All()
	case f.since != "":
		t, err := parseSince(f.since, now)
		if err != nil {
			return err
		}
		f.filter.From = client.Since(t)
	}
	return nil
}

func parseSince(s string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, usagef("--since %q is neither a duration such as 90m, nor a time such as %s, nor all", s, now.UTC().Format(time.RFC3339))
	}
	return t, nil
}

func (a *app) watch(ctx context.Context, f *watchFlags) error {
	c, err := a.connect(f.nats, f.tenant)
	if err != nil {
		return err
	}
	defer c.Close()
	out := a.live(a.json)
	listening, end := context.WithCancelCause(ctx)
	defer end(nil)
	idle := newIdle(f.idle, func() { end(errDone) })
	defer idle.stop()
	seen := 0
	sub, err := c.Subscribe(listening, f.filter, func(_ context.Context, v models.Verdict) error {
		if f.count > 0 && seen >= f.count {
			return errDone // not taken: a durable consumer hands it out again
		}
		if err := out.Verdict(&v, nil); err != nil {
			end(fmt.Errorf("writing result: %w", err))
			return err
		}
		idle.reset()
		if seen++; seen == f.count {
			end(errDone)
		}
		return nil
	})
	if err != nil {
		return explained(fmt.Errorf("subscribing to verdicts: %w", err))
	}
	<-sub.Done() // it ends with its context
	switch cause := context.Cause(listening); {
	case ctx.Err() != nil, cause == errDone:
		return nil
	case cause != nil:
		return cause
	}
	return errors.New("the server closed the connection")
}

// errDone ends a watch that has seen what it was asked for.
var errDone = errors.New("seen what was asked for")

// idle calls end when reset was not called for the time given; a zero time never ends.
type idle struct {
	timer *time.Timer
	after time.Duration
}

func newIdle(after time.Duration, end func()) *idle {
	if after <= 0 {
		return &idle{}
	}
	return &idle{timer: time.AfterFunc(after, end), after: after}
}

func (i *idle) reset() {
	if i.timer != nil {
		i.timer.Reset(i.after)
	}
}

func (i *idle) stop() {
	if i.timer != nil {
		i.timer.Stop()
	}
}
